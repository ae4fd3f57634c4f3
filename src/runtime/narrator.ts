/** Puts the rooms together: one model, its engine, its voices, and jobs on folders. Entry points and the library stand on it. */
import { join } from 'node:path';
import type { ManifestFile } from '../adapters/manifest-file.ts';
import { placeFile } from '../adapters/place-file.ts';
import { setImmediate as turn } from 'node:timers/promises';
import { openFilesystemStore } from '../adapters/store-filesystem.ts';
import { MemoryStore } from '../adapters/store-memory.ts';
import { NarratorError } from '../core/errors.ts';
import type { JobParameters } from '../core/job.ts';
import { type LexiconEntryInput, lexiconSource } from '../core/lexicon.ts';
import { type ItemDefaults, type ItemDefaultsInput, itemDefaultsSchema } from '../core/manifest.ts';
import type { PlanDeps } from '../core/plan-items.ts';
import { planDryRun } from '../core/planner.ts';
import type { ArtifactStore, EngineInfo, SampleFormat, SynthesisEngine } from '../core/ports.ts';
import type { SpeechModel } from '../core/segment.ts';
import type { ItemPart, PlanTotals, RejectedItem } from '../core/shard.ts';
import { SHARD_SECONDS } from '../core/submit-job.ts';
import { EngineProcess } from '../engine/engine-process.ts';
import { type Model, openModel } from '../engine/f5/model-directory.ts';
import { speechModel } from '../engine/f5/speech-model.ts';
import { findModelDirectory } from '../engine/models/list-models.ts';
import { voicesNamed } from '../text/markup.ts';
import { segmentText } from '../text/segment-text.ts';
import type { Config } from './config.ts';
import { EmbeddedJobs, type EmbeddedJobsOptions } from './embedded-jobs.ts';
import { Lexicons } from './lexicons.ts';
import { modelPlaces } from './model-places.ts';
import { type BookItems, type BookOptions, openSourceFile } from './open-book.ts';
import { openStore, type SharedStore } from './open-store.ts';
import { runFolder, type RunOptions, type RunSummary } from './run-folder.ts';
import { SPEECH_KEYS, speakText, type SpeakTextOptions, type SpeechInfo } from './speak-text.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import { Voices } from './voices.ts';

export type Log = (event: string, fields?: Record<string, unknown>) => void;

/** What a caller may say of how texts are spoken. Everything left out is the model's own default. */
export interface SpeakingOptions extends ItemDefaultsInput {
  /** steps of the ODE solver: fewer are faster, more are cleaner */
  readonly steps?: number;
  /** guidance strength; 0 switches it off and halves the work */
  readonly cfg?: number;
  readonly format?: SampleFormat;
  /** words with a pronunciation of their own: before those of the voice and of the deployment. See readLexicon */
  readonly lexicon?: readonly LexiconEntryInput[];
}

export interface Speech extends SpeechInfo {
  /** path of a WAV file in a temporary folder; gone once `use` has returned */
  readonly wavPath: string;
  readonly sidecarPath: string;
}

export interface PlanReport extends PlanTotals {
  readonly shards: number;
  /** what the items were made from, and what of it is not read; absent for a manifest */
  readonly book?: Omit<BookItems, 'items'>;
}

/** Shards held at once. The engine needs more waiting than one batch takes, and the parts between synthesis must overlap with it. */
const CONCURRENCY = 4;

/** Of the length of most segments. The first one warms the engine up. */
const MEASURING_TEXTS = [
  'The morning was quiet, and nobody had opened the shop yet.',
  'She walked along the river until the lights of the town were far behind her.',
  'He put the letter back into the drawer, closed it, and said nothing for a while.',
];

export class Narrator {
  readonly config: Config;
  readonly model: Model;
  readonly speechModel: SpeechModel;
  readonly voices: Voices;
  readonly #engine: EngineProcess;
  readonly #open = new Set<EmbeddedJobs>();
  #closed: Promise<void> | undefined;

  readonly #ownStore: SharedStore | undefined;
  readonly lexicons: Lexicons;

  private constructor(parts: {
    config: Config;
    model: Model;
    voices: Voices;
    ownStore: SharedStore | undefined;
    lexicons: Lexicons;
    log: Log;
  }) {
    const { config, model, voices, ownStore, lexicons, log } = parts;
    this.config = config;
    this.lexicons = lexicons;
    this.#ownStore = ownStore;
    this.model = model;
    this.voices = voices;
    this.speechModel = speechModel(model);
    this.#engine = new EngineProcess({
      model: {
        directory: model.directory,
        provider: config.provider,
        threads: config.threads,
        precision: config.precision,
      },
      loadVoice: (version) => voices.load(version),
      hangTimeoutMs: config.hangTimeoutMs,
      ...(config.budgetFrames !== undefined && { policy: { budgetFrames: config.budgetFrames } }),
      log,
    });
  }

  /**
   * Opens the model and the voices; loads no weights. `store`: the one that the configuration names, where it is open already.
   * @throws NarratorError model_not_found, model_invalid, voice_invalid, config_invalid (the lexicon), store errors
   */
  static async open(config: Config, log: Log = () => {}, { store }: { store?: ArtifactStore } = {}): Promise<Narrator> {
    const model = await openModel(await findModelDirectory(config.model, modelPlaces(config)));
    const ownStore = store === undefined && config.store !== undefined ? await openStore(config) : undefined;
    const shared = store ?? ownStore?.store;
    const voices = await Voices.open({ home: config.home, ...(shared && { store: shared }) }, model);
    const lexicons = await Lexicons.open(config.lexicon, log);
    return new Narrator({ config, model, voices, ownStore, lexicons, log });
  }

  /** Loads the model's weights now rather than with the first text. @throws NarratorError provider_unavailable, model_invalid */
  start(): Promise<EngineInfo> {
    return this.#engine.start();
  }

  /** For whoever brings shards of their own. It ends with `close`. */
  get engine(): SynthesisEngine {
    return this.#engine;
  }

  get engineStatistics(): EngineProcess['statistics'] {
    return this.#engine.statistics;
  }

  /** A manifest, or a book (see open-book.ts), to a folder of WAV files; see RunOptions. */
  async run(source: string, options: RunOptions): Promise<RunSummary> {
    const manifest = await openSourceFile(source, options);
    const summary = await runFolder(this, manifest, options);
    return manifest.book === undefined ? summary : { ...summary, book: manifest.book };
  }

  /** A dry run: what `run` would do, and every bad line. Writes nothing and loads no weights. */
  async plan(
    source: string,
    options: SpeakingOptions &
      BookOptions & {
        onRejected?: (rejected: RejectedItem) => void;
        /** hears of what would be spoken, in order; a long item may come in several parts */
        onPart?: (part: ItemPart) => void;
      } = {},
  ): Promise<PlanReport> {
    const manifest = await openSourceFile(source, options);
    const { defaults, parameters } = this.choices(options);
    const report = await planDryRun(
      { format: manifest.format, bytes: manifest.read() },
      {
        ...{ defaults, parameters, shardSeconds: SHARD_SECONDS },
        ...(options.lexicon !== undefined && { lexicon: lexiconSource(options.lexicon) }),
      },
      {
        ...this.planning(manifest),
        ...(options.onRejected && { onRejected: options.onRejected }),
        ...(options.onPart && { onPart: options.onPart }),
      },
    );
    return manifest.book === undefined ? report : { ...report, book: manifest.book };
  }

  /**
   * Speaks one text and hands the finished file to `use`: texts of any length, through a temporary folder.
   * @throws NarratorError that names what is wrong with the text
   */
  async speak<T>(text: string, options: SpeakTextOptions, use: (speech: Speech) => Promise<T>): Promise<T> {
    return withTemporaryFolder(async (folder) => {
      const info = await speakText(this, text, options, await openFilesystemStore({ root: folder }));
      return use({
        ...info,
        wavPath: join(folder, SPEECH_KEYS.wav),
        sidecarPath: join(folder, SPEECH_KEYS.sidecar),
      });
    });
  }

  /** Speaks a short text into memory, without touching the disk: for whoever waits for the answer. @throws as speak */
  async speakToMemory(text: string, options: SpeakTextOptions): Promise<SpeechInfo & { readonly wav: Uint8Array }> {
    const store = new MemoryStore();
    const info = await speakText(this, text, options, store);
    const wav = await store.get(SPEECH_KEYS.wav);
    if (wav === undefined) throw new NarratorError('internal', 'The text was spoken, and its audio is gone.');
    return { ...info, wav: wav.bytes };
  }

  /** Seconds of work for each second of audio, measured with two sentences after one to warm up. */
  async measureSpeed(options: SpeakingOptions, signal?: AbortSignal): Promise<number> {
    let elapsedMs = 0;
    let seconds = 0;
    for (const [index, text] of MEASURING_TEXTS.entries()) {
      const startedAt = performance.now();
      const spoken = await this.speak(text, { ...options, ...(signal && { signal }) }, (speech) =>
        Promise.resolve(speech.seconds),
      );
      if (index === 0) continue;
      elapsedMs += performance.now() - startedAt;
      seconds += spoken;
    }
    return elapsedMs / 1000 / seconds;
  }

  /** Idempotent. Running work stores what it has; what waits is rejected with engine_stopped. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.all([...this.#open].map((jobs) => jobs.close()));
      await this.#engine.close({ graceMs: 2_000 });
      await this.#ownStore?.close();
    })();
    return this.#closed;
  }

  // ---------------------------------------------------------------- for the runs on folders

  /** What a job needs besides its manifest: the caller's wishes over the model's defaults. @throws NarratorError usage */
  choices(options: SpeakingOptions): { defaults: ItemDefaults; parameters: JobParameters } {
    const { sampling, voices } = this.model.description;
    const {
      voice = voices.find((one) => one.default)?.id,
      speed,
      seed,
      language,
      normalise,
      emoji,
      unsupported,
      markup,
    } = options;
    const wished = { voice, speed, seed, language, normalise, emoji, unsupported, markup };
    const parsed = itemDefaultsSchema.safeParse(
      Object.fromEntries(Object.entries(wished).filter(([, value]) => value !== undefined)),
    );
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const field = issue?.path.join('.') ?? '';
      throw new NarratorError('usage', `${field} ${issue?.message ?? 'cannot be used'}.`, { field });
    }
    const steps = inRange('steps', options.steps ?? sampling.steps, 1, 256, true);
    const cfg = inRange('cfg', options.cfg ?? sampling.cfg, 0, 20, false);
    return { defaults: parsed.data, parameters: { steps, cfg, sway: sampling.sway } };
  }

  planning(manifest?: ManifestFile): PlanDeps {
    return {
      model: this.speechModel,
      voices: this.voices,
      segmentText: (text, { lexicons, ...options }) =>
        segmentText(text, { ...options, lexiconOf: (voice) => this.lexicons.words(lexicons?.(voice)) }),
      voicesNamed,
      turn,
      ...(manifest && { readTextFile: (path, options) => manifest.readTextFile(path, options) }),
    };
  }

  /** Jobs on a store, run by this narrator's engine or the given one until `closeJobs`. @throws NarratorError engine_stopped once it was closed */
  openJobs(options: Omit<EmbeddedJobsOptions, 'engine' | 'concurrency'> & { engine?: SynthesisEngine }): EmbeddedJobs {
    if (this.#closed)
      throw new NarratorError('engine_stopped', 'This narrator was closed.', { hint: 'Create another one.' });
    const jobs = new EmbeddedJobs({ engine: this.#engine, ...options, concurrency: CONCURRENCY });
    this.#open.add(jobs);
    return jobs;
  }

  async closeJobs(jobs: EmbeddedJobs): Promise<void> {
    await jobs.close();
    this.#open.delete(jobs);
  }
}

/** Puts a speech where a person wants it: out.wav, and out.json beside it, which comes first. */
export async function placeSpeech(speech: Pick<Speech, 'wavPath' | 'sidecarPath'>, path: string): Promise<void> {
  await placeFile(speech.sidecarPath, path.replace(/(\.wav)?$/i, '.json'));
  await placeFile(speech.wavPath, path);
}

function inRange(field: string, value: number, minimum: number, maximum: number, whole: boolean): number {
  if (value >= minimum && value <= maximum && (!whole || Number.isInteger(value))) return value;
  throw new NarratorError(
    'usage',
    `${field} is ${value}; it must be a ${whole ? 'whole ' : ''}number from ${minimum} to ${maximum}.`,
    { field },
  );
}
