/** `narrator voices`: the voices of the model, and your own. */
import type { Command } from 'commander';
import { NarratorError } from '../core/errors.ts';
import type { VoiceCheck } from '../runtime/voices.ts';
import type { CliContext } from './context.ts';
import { openNarrator } from './open-narrator.ts';
import { addModelFlags, type ModelFlags } from './speaking-flags.ts';
import { EXIT, formatTable, type Terminal } from './terminal.ts';

interface ClipFlags extends ModelFlags {
  lexicon?: string;
  audio: string;
  text: string;
  language?: string;
  json?: boolean;
}

export function addVoicesCommand(program: Command, context: CliContext): void {
  const command = program.command('voices').description('list, check, add and remove voices');
  addModelFlags(
    command.command('list').description('voices of the model, and your own').option('--json', 'print JSON'),
  ).action((flags: ModelFlags & { json?: boolean }) => list(context, flags));
  const addClipFlags = (one: Command) =>
    addModelFlags(one)
      .requiredOption('-a, --audio <file>', 'clip of 3 to 12 seconds: WAV, MP3, FLAC or OGG')
      .requiredOption('-t, --text <text>', 'what is said in it, word for word')
      .option('-l, --language <tag>', 'language of the clip', 'en')
      .option('--json', 'print JSON');
  addClipFlags(
    command
      .command('add <name>')
      .description('keep a clip as a voice; a name that is yours already gets a new version')
      .option('--lexicon <file>', 'words that this voice says in a way of its own: .json, .csv or .pls'),
  ).action((name: string, flags: ClipFlags) => add(context, name, flags));
  addClipFlags(
    command.command('check').description('what is wrong with a clip: length, silence, clipping, noise, transcript'),
  )
    .addHelpText('after', '\nExit code: 0 the clip can be used, 1 it cannot.')
    .action((flags: ClipFlags) => check(context, flags));
  addModelFlags(
    command
      .command('remove <name>')
      .description('delete a voice of your own, with all its versions')
      .option('--json', 'print JSON'),
  ).action((name: string, flags: ModelFlags & { json?: boolean }) => remove(context, name, flags));
}

async function list(context: CliContext, flags: ModelFlags & { json?: boolean }): Promise<void> {
  const { voices, model } = await openNarrator(context, flags);
  const profiles = await voices.list();
  const describe = (id: string) => model.description.voices.find((voice) => voice.id === id)?.description ?? '';
  const rows = profiles.map((profile) => {
    const builtIn = voices.isBuiltIn(profile);
    const seconds = profile.promptSamples / model.description.audio.target_sample_rate;
    return { ...profile, seconds, builtIn, description: builtIn ? describe(profile.id) : '' };
  });
  if (flags.json) return context.terminal.print(JSON.stringify(rows));
  const table = rows.map((row) => [
    row.id,
    row.language,
    `${row.seconds.toFixed(1)} s`,
    row.builtIn ? row.description : row.lexicon === undefined ? 'yours' : 'yours, with a lexicon',
  ]);
  for (const line of formatTable([['NAME', 'LANGUAGE', 'CLIP', ''], ...table])) context.terminal.print(line);
}

async function add(
  context: CliContext,
  name: string,
  { audio, text, language, lexicon, json, ...flags }: ClipFlags,
): Promise<void> {
  const { voices } = await openNarrator(context, flags);
  const clip = { audio, text, ...(language !== undefined && { language }), ...(lexicon !== undefined && { lexicon }) };
  const added = await voices.add(name, clip);
  if (json) return context.terminal.print(JSON.stringify(added));
  printFindings(context.terminal, added);
  context.terminal.print(`Voice ${name} is ready: narrator speak … --voice ${name}`);
}

async function check(context: CliContext, { audio, text, language, json, ...flags }: ClipFlags): Promise<void> {
  const { voices } = await openNarrator(context, flags);
  const checked = await voices.check({ audio, text, ...(language !== undefined && { language }) });
  const usable = !checked.findings.some(({ level }) => level === 'error');
  if (json) context.terminal.print(JSON.stringify({ usable, ...checked }));
  else {
    printFindings(context.terminal, checked);
    const { measures } = checked;
    const rows = [
      ['length', `${measures.seconds.toFixed(1)} s, ${measures.speechSeconds.toFixed(1)} s of it speech`],
      ['level', `${measures.rmsDbfs.toFixed(1)} dBFS, peak ${measures.peakDbfs.toFixed(1)} dBFS`],
      ['noise', `${measures.snrDb.toFixed(0)} dB below speech`],
      ['rate', `${measures.charactersPerSecond.toFixed(1)} characters a second`],
    ];
    for (const line of formatTable(rows)) context.terminal.print(line);
    context.terminal.print(usable ? 'This clip can be used.' : 'This clip cannot be used.');
  }
  context.exit(usable ? EXIT.whole : EXIT.failed);
}

async function remove(
  context: CliContext,
  name: string,
  { json, ...flags }: ModelFlags & { json?: boolean },
): Promise<void> {
  const { voices } = await openNarrator(context, flags);
  if (!(await voices.remove(name)))
    throw new NarratorError('voice_not_found', `There is no voice "${name}" of your own.`, { field: 'name' });
  context.terminal.print(json ? JSON.stringify({ removed: name }) : `Voice ${name} is gone.`);
}

function printFindings(terminal: Terminal, { findings }: VoiceCheck): void {
  for (const { level, message } of findings) terminal.print(`${level}: ${message}`);
}
