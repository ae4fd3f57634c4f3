/** Puts the rooms together: one model, its engine, its voices, and jobs on folders. Entry points and the library stand on it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type ManifestFile, openManifestFile } from '../adapters/manifest-file.ts';
import { placeFile } from '../adapters/place-file.ts';
import { openFilesystemStore } from '../adapters/store-filesystem.ts';
import type { ControllerEvent } from '../core/controller.ts';
import { type ErrorRecord, NarratorError } from '../core/errors.ts';
import type { JobParameters } from '../core/job.ts';
import { type ItemDefaults, type ItemDefaultsInput, itemDefaultsSchema, itemsAsManifest } from '../core/manifest.ts';
import type { PlanDeps } from '../core/plan-items.ts';
import { planDryRun } from '../core/planner.ts';
import type { EngineInfo, SampleFormat } from '../core/ports.ts';
import type { SegmentEvent } from '../core/process-shard.ts';
import type { OpenResults } from '../core/results.ts';
import type { SpeechModel } from '../core/segment.ts';
import type { PlanTotals, RejectedItem } from '../core/shard.ts';
import { SHARD_SECONDS } from '../core/submit-job.ts';
import { EngineProcess } from '../engine/engine-process.ts';
import { type Model, openModel } from '../engine/f5/model-directory.ts';
import { speechModel } from '../engine/f5/speech-model.ts';
import { findModelDirectory } from '../engine/models/list-models.ts';
import { segmentText } from '../text/segment-text.ts';
import type { Config } from './config.ts';
import { EmbeddedJobs } from './embedded-jobs.ts';
import { modelPlaces } from './model-places.ts';
import { runFolder, type RunOptions, type RunSummary } from './run-folder.ts';
import { Voices } from './voices.ts';

export type Log = (event: string, fields?: Record<string, unknown>) => void;

/** What a caller may say of how texts are spoken. Everything left out is the model's own default. */
export interface SpeakingOptions extends ItemDefaultsInput {
  /** steps of the ODE solver: fewer are faster, more are cleaner */
  readonly steps?: number;
  /** guidance strength; 0 switches it off and halves the work */
  readonly cfg?: number;
  readonly format?: SampleFormat;
}

/** One segment of a finished file. Times in seconds from its start. */
export interface SpokenSegmentInfo {
  readonly text: string;
  readonly spoken: string;
  readonly start: number;
  readonly end: number;
  readonly seed: string;
}

export interface Speech {
  /** path of a WAV file in a temporary folder; gone once `use` has returned */
  readonly wavPath: string;
  readonly sidecarPath: string;
  readonly seconds: number;
  readonly samples: number;
  readonly sampleRateHz: number;
  readonly segments: readonly SpokenSegmentInfo[];
}

export interface PlanReport extends PlanTotals {
  readonly shards: number;
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

  private constructor(parts: { config: Config; model: Model; voices: Voices; log: Log }) {
    const { config, model, voices, log } = parts;
    this.config = config;
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

  /** Opens the model and the voices; loads no weights. @throws NarratorError model_not_found, model_invalid, voice_invalid */
  static async open(config: Config, log: Log = () => {}): Promise<Narrator> {
    const model = await openModel(await findModelDirectory(config.model, modelPlaces(config)));
    const voices = await Voices.open(config, model);
    return new Narrator({ config, model, voices, log });
  }

  /** Loads the model's weights now rather than with the first text. @throws NarratorError provider_unavailable, model_invalid */
  start(): Promise<EngineInfo> {
    return this.#engine.start();
  }

  get engineStatistics(): EngineProcess['statistics'] {
    return this.#engine.statistics;
  }

  /** A manifest to a folder of WAV files; see RunOptions. */
  async run(manifestPath: string, options: RunOptions): Promise<RunSummary> {
    return runFolder(this, await openManifestFile(manifestPath), options);
  }

  /** A dry run: what `run` would do, and every bad line. Writes nothing and loads no weights. */
  async plan(
    manifestPath: string,
    options: SpeakingOptions & { onRejected?: (rejected: RejectedItem) => void } = {},
  ): Promise<PlanReport> {
    const manifest = await openManifestFile(manifestPath);
    const { defaults, parameters } = this.choices(options);
    return planDryRun(
      { format: manifest.format, bytes: manifest.read() },
      { defaults, parameters, shardSeconds: SHARD_SECONDS },
      { ...this.planning(manifest), ...(options.onRejected && { onRejected: options.onRejected }) },
    );
  }

  /**
   * Speaks one text and hands the finished file to `use`. Runs as a job like any other, in a folder of its own that is deleted afterwards.
   * @throws NarratorError that names what is wrong with the text
   */
  async speak<T>(
    text: string,
    options: SpeakingOptions & {
      onSegment?: (event: SegmentEvent) => void;
      onPlanned?: (totals: PlanTotals) => void;
      signal?: AbortSignal;
    },
    use: (speech: Speech) => Promise<T>,
  ): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'f5-narrator-'));
    try {
      const jobs = await this.openJobs({
        ledger: folder,
        results: join(folder, 'results'),
        planning: this.planning(),
        ...(options.onSegment && { onSegment: options.onSegment }),
        onEvent: (event) => {
          if (event.type === 'planned') options.onPlanned?.(event.plan.totals);
        },
      });
      const stop = () => void jobs.close();
      options.signal?.addEventListener('abort', stop);
      try {
        if (options.signal?.aborted) throw new NarratorError('cancelled', 'The narrator was told to stop.');
        const { defaults, parameters } = this.choices(options);
        const id = await jobs.submit({
          manifest: { format: 'jsonl', bytes: itemsAsManifest([{ id: 'speech', text }]) },
          model: { id: this.speechModel.id, digest: this.speechModel.digest },
          parameters,
          defaults,
          results: { kind: 'folder', path: join(folder, 'results') },
          reuse: false,
          ...(options.format && { format: options.format }),
        });
        const summary = await jobs.finish(id);
        if (summary.error) throw NarratorError.fromRecord(summary.error);
        if (summary.succeeded !== 1) throw await firstError(join(folder, 'results', 'errors.jsonl'));
        return await use(await readSpeech(join(folder, 'results')));
      } finally {
        options.signal?.removeEventListener('abort', stop);
        await this.closeJobs(jobs);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
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
    })();
    return this.#closed;
  }

  // ---------------------------------------------------------------- for the runs on folders

  /** What a job needs besides its manifest: the caller's wishes over the model's defaults. @throws NarratorError usage */
  choices(options: SpeakingOptions): { defaults: ItemDefaults; parameters: JobParameters } {
    const { sampling, voices } = this.model.description;
    const { voice = voices.find((one) => one.default)?.id, speed, seed, language } = options;
    const wished = { voice, speed, seed, language };
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
      segmentText,
      ...(manifest && { readTextFile: (path, options) => manifest.readTextFile(path, options) }),
    };
  }

  /** Jobs with their ledger in one folder and their results in another. */
  async openJobs(options: {
    ledger: string;
    results: string;
    planning: PlanDeps;
    onSegment?: (event: SegmentEvent) => void;
    onEvent?: (event: ControllerEvent) => void;
  }): Promise<EmbeddedJobs> {
    const { ledger, results, planning, onSegment, onEvent } = options;
    const temporary = join(resolve(ledger), 'tmp');
    const store = await openFilesystemStore({ root: ledger, temporary });
    const resultsStore = await openFilesystemStore({ root: results, temporary });
    const openResults: OpenResults = (destination) => {
      if (destination.kind === 'folder' && resolve(destination.path) === resolve(results)) {
        return Promise.resolve({ store: resultsStore, prefix: '' });
      }
      return Promise.reject(
        new NarratorError(
          'ledger_corrupt',
          'A job in this folder writes its results elsewhere; it cannot be finished here.',
        ),
      );
    };
    const jobs = new EmbeddedJobs({
      store,
      openResults,
      engine: this.#engine,
      planning,
      concurrency: CONCURRENCY,
      ...(onSegment && { onSegment }),
      ...(onEvent && { onEvent }),
    });
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

async function firstError(path: string): Promise<NarratorError> {
  const line = (await readFile(path, 'utf8')).split('\n')[0] ?? '';
  if (line === '') return new NarratorError('internal', 'The text was not spoken, and no error was recorded.');
  // The only item has a line and an id that the caller never gave.
  const { line: _line, item: _item, ...record } = JSON.parse(line) as ErrorRecord;
  return NarratorError.fromRecord({ ...record, message: record.message.replace(/^Line 1: /, '') });
}

async function readSpeech(folder: string): Promise<Speech> {
  const wavPath = join(folder, 'speech.wav');
  const sidecarPath = join(folder, 'speech.json');
  const sidecar = JSON.parse(await readFile(sidecarPath, 'utf8')) as Omit<Speech, 'wavPath' | 'sidecarPath'>;
  const { seconds, samples, sampleRateHz, segments } = sidecar;
  return { wavPath, sidecarPath, seconds, samples, sampleRateHz, segments };
}
