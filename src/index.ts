/**
 * The embedded library: F5-TTS narration in this process, with nothing to start.
 *
 * ```ts
 * const narrator = await createNarrator({ model: 'tiny' });
 * const { samples, sampleRateHz } = await narrator.speak('Good morning.');
 * await narrator.close();
 * ```
 */
import { decodeSegment } from './audio/segment-wav.ts';
import type { RejectedItem } from './core/shard.ts';
import type { VoiceProfile } from './core/voice.ts';
import type { Model } from './engine/f5/model-directory.ts';
import { type Config, readConfig } from './runtime/config.ts';
import {
  type Log,
  Narrator as NarratorRuntime,
  type PlanReport,
  placeSpeech,
  type SpeakingOptions,
} from './runtime/narrator.ts';
import { type BookItems, type BookOptions, type LeftOut, readBook } from './runtime/open-book.ts';
import { type ParsedLexicon, readLexicon } from './runtime/open-lexicon.ts';
import type { RunOptions, RunProgress, RunSummary } from './runtime/run-folder.ts';
import type { SpokenSegmentInfo } from './runtime/speak-text.ts';
import type { VoiceCheck, VoiceClip } from './runtime/voices.ts';

export { ERRORS, type ErrorCode, type ErrorDetails, type ErrorRecord, NarratorError } from './core/errors.ts';
export { type SentencesOptions, sentencesOf } from './runtime/sentences-of.ts';
export type { Sentence } from './text/sentence-stream.ts';
export { type ManifestItemInput } from './core/manifest.ts';
export type { LexiconEntry, LexiconEntryInput } from './core/lexicon.ts';
export { readBook, readLexicon };
export type {
  BookItems,
  BookOptions,
  LeftOut,
  ParsedLexicon,
  PlanReport,
  RejectedItem,
  RunOptions,
  RunProgress,
  RunSummary,
  SpeakingOptions,
  SpokenSegmentInfo,
  VoiceCheck,
  VoiceClip,
  VoiceProfile,
};

/** Everything left out is taken from the environment (docs/configuration.md), and from the defaults after that. */
export type NarratorOptions = Partial<Omit<Config, 'logLevel' | 'mirror' | 'hubToken'>> & {
  /** hears of events of the engine; never of texts or audio. Silent by default. */
  readonly log?: Log;
};

export interface Spoken {
  /** mono, in [-1, 1] */
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
  readonly seconds: number;
  readonly segments: readonly SpokenSegmentInfo[];
}

export interface Narrator {
  /** id, licence, digest and defaults of the model in use */
  readonly model: Pick<Model, 'directory' | 'digest' | 'description'>;
  /** Speaks a text of any length into memory (96 kB a second). @throws NarratorError */
  speak(text: string, options?: SpeakingOptions & { signal?: AbortSignal }): Promise<Spoken>;
  /** Speaks a text into `path`, with its segments in a .json file beside it. @throws NarratorError */
  speakToFile(
    text: string,
    path: string,
    options?: SpeakingOptions & { signal?: AbortSignal },
  ): Promise<Omit<Spoken, 'samples'>>;
  /** Narrates a manifest or a book (.epub, .md, .txt) into a folder; call it again after any interruption. @throws NarratorError when the run as a whole fails; items that fail are counted in the summary and named in errors.jsonl */
  run(source: string, options: RunOptions): Promise<RunSummary>;
  /** A dry run: totals, and every bad line through `onRejected`. @throws NarratorError */
  plan(
    source: string,
    options?: SpeakingOptions & BookOptions & { onRejected?: (rejected: RejectedItem) => void },
  ): Promise<PlanReport>;
  readonly voices: {
    list(): Promise<VoiceProfile[]>;
    /** Keeps a clip as a voice. @throws NarratorError voice_invalid, audio_undecodable */
    add(name: string, clip: VoiceClip): Promise<{ profile: VoiceProfile } & VoiceCheck>;
    check(clip: VoiceClip): Promise<VoiceCheck>;
    /** @returns false if there was none */
    remove(name: string): Promise<boolean>;
  };
  /** Ends the engine's process. Idempotent; what still runs rejects with engine_stopped, and a run can be continued later. */
  close(): Promise<void>;
}

/** Opens a model; its weights are loaded with the first text. @throws NarratorError config_invalid, model_not_found, model_invalid */
export async function createNarrator(options: NarratorOptions = {}): Promise<Narrator> {
  const { log, ...wished } = options;
  const given = Object.fromEntries(Object.entries(wished).filter(([, value]) => value !== undefined));
  const narrator = await NarratorRuntime.open({ ...readConfig(), ...given }, log);
  const { voices } = narrator;
  return {
    model: narrator.model,
    speak: async (text, speaking = {}) => {
      const { wav, seconds, segments } = await narrator.speakToMemory(text, { ...speaking, format: 'float32' });
      return { ...decodeSegment(wav), seconds, segments };
    },
    speakToFile: (text, path, speaking = {}) =>
      narrator.speak(text, speaking, async (speech) => {
        await placeSpeech(speech, path);
        const { sampleRateHz, seconds, segments } = speech;
        return { sampleRateHz, seconds, segments };
      }),
    run: (source, running) => narrator.run(source, running),
    plan: (source, planning) => narrator.plan(source, planning),
    voices: {
      list: () => voices.list(),
      add: (name, clip) => voices.add(name, clip),
      check: (clip) => voices.check(clip),
      remove: (name) => voices.remove(name),
    },
    close: () => narrator.close(),
  };
}
