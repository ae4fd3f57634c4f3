/** Flags that several commands share: which model, which voice, how it speaks. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Markup, MARKUPS } from '../core/manifest.ts';
import type { Config } from '../runtime/config.ts';
import type { SpeakingOptions } from '../runtime/narrator.ts';
import { addLexiconFlag, type LexiconFlag } from './lexicon-flag.ts';

export interface ModelFlags {
  model?: string;
  provider?: 'cpu' | 'cuda' | 'auto';
  precision?: 'auto' | 'f32' | 'f16';
  threads?: number;
  budgetFrames?: number;
}

/** How texts are spoken, wherever that is. */
export interface VoiceFlags {
  voice?: string;
  language?: string;
  speed?: number;
  seed?: string;
  steps?: number;
  cfg?: number;
  format?: 'int16' | 'int24' | 'float32';
  normalise?: 'off' | 'basic' | 'full';
  emoji?: 'drop' | 'name';
  unsupported?: 'error' | 'drop';
  markup?: Markup;
}

export interface SpeakingFlags extends ModelFlags, VoiceFlags, LexiconFlag {
  json?: boolean;
}

export function addModelFlags(command: Command): Command {
  return command
    .option('-m, --model <name>', 'model: a name from `narrator models list`, or a folder (or NARRATOR_MODEL)')
    .addOption(new Option('--provider <where>', 'where the model runs').choices(['cpu', 'cuda', 'auto']))
    .addOption(new Option('--precision <precision>', 'precision of the network').choices(['auto', 'f32', 'f16']))
    .option('--threads <count>', 'threads on the CPU; 0: one a physical core', number)
    .option('--budget-frames <frames>', 'padded frames of one batch', number);
}

export function addSpeakingFlags(command: Command): Command {
  return addLexiconFlag(addVoiceFlags(addModelFlags(command))).option('--json', 'print JSON');
}

export function addVoiceFlags(command: Command): Command {
  return command
    .option('-v, --voice <name>', 'voice, from `narrator voices list`')
    .option(
      '-l, --language <tag>',
      'language of the text; by default English or Chinese by its script, or the voice’s own',
    )
    .option('--speed <factor>', '0.5 to 2; 1 is as fast as the voice’s reference', number)
    .option('--seed <number>', 'another seed is another take of the same text')
    .option('--steps <count>', 'solver steps: fewer are faster', number)
    .option('--cfg <strength>', 'guidance strength; 0 switches it off and halves the work', number)
    .addOption(
      new Option(
        '--normalise <level>',
        'numbers, abbreviations and signs in words: full; characters and punctuation only: basic',
      ).choices(['off', 'basic', 'full']),
    )
    .addOption(new Option('--emoji <what>', 'drop emoji, or name them').choices(['drop', 'name']))
    .addOption(
      new Option('--unsupported <what>', 'words in a script that the model does not know').choices(['error', 'drop']),
    )
    .addOption(new Option('--markup <form>', 'what texts are written in').choices(MARKUPS))
    .addOption(
      new Option('--format <format>', 'sample format of the WAV files')
        .choices(['int16', 'int24', 'float32'])
        .default('int16'),
    );
}

export function number(value: string): number {
  const parsed = Number(value);
  if (value.trim() === '' || !Number.isFinite(parsed)) throw new InvalidArgumentError('It must be a number.');
  return parsed;
}

export function wholeNumber(value: string): number {
  const parsed = number(value);
  if (!Number.isInteger(parsed)) throw new InvalidArgumentError('It must be a whole number.');
  return parsed;
}

/** The environment's configuration with what the command line says over it. */
export function configWith(config: Config, flags: ModelFlags): Config {
  return {
    ...config,
    ...(flags.model !== undefined && { model: flags.model }),
    ...(flags.provider !== undefined && { provider: flags.provider }),
    ...(flags.precision !== undefined && { precision: flags.precision }),
    ...(flags.threads !== undefined && { threads: flags.threads }),
    ...(flags.budgetFrames !== undefined && { budgetFrames: flags.budgetFrames }),
  };
}

export function speakingOptions(flags: SpeakingFlags): SpeakingOptions {
  const { voice, language, speed, seed, steps, cfg, format, normalise, emoji, unsupported, markup } = flags;
  return {
    ...(voice !== undefined && { voice }),
    ...(language !== undefined && { language }),
    ...(speed !== undefined && { speed }),
    ...(seed !== undefined && { seed }),
    ...(steps !== undefined && { steps }),
    ...(cfg !== undefined && { cfg }),
    ...(format !== undefined && { format }),
    ...(normalise !== undefined && { normalise }),
    ...(emoji !== undefined && { emoji }),
    ...(unsupported !== undefined && { unsupported }),
    ...(markup !== undefined && { markup }),
  };
}
