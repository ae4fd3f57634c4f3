/**
 * `narrator run`: a manifest to a folder. The ledger lies in <folder>/.narrator, results in the folder itself. Running again
 * finishes what is missing: the job's id is derived from everything that was asked for, so that the same request finds
 * its own job, and a changed one starts another that takes over every segment that stayed the same.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { storeError } from '../adapters/file-errors.ts';
import { withFileLock } from '../adapters/file-lock.ts';
import type { ManifestFile } from '../adapters/manifest-file.ts';
import { ownIdentity } from '../adapters/process-identity.ts';
import { openFilesystemStore } from '../adapters/store-filesystem.ts';
import { canonicalJson, sha256Hex } from '../core/canonical-json.ts';
import { NarratorError } from '../core/errors.ts';
import type { ResultsDestination } from '../core/job.ts';
import { errorsKey, resultsKey, summaryKey } from '../core/keys.ts';
import { lexiconSource } from '../core/lexicon.ts';
import { readManifest } from '../core/manifest-reader.ts';
import type { ArtifactStore } from '../core/ports.ts';
import type { JobSummary } from '../core/record.ts';
import type { ResultsPlace } from '../core/results.ts';
import type { PlanTotals } from '../core/shard.ts';
import type { EmbeddedJobs } from './embedded-jobs.ts';
import type { Narrator, SpeakingOptions } from './narrator.ts';
import type { BookItems, BookOptions } from './open-book.ts';

export interface RunProgress {
  readonly items: { readonly total: number; readonly succeeded: number; readonly failed: number };
  readonly audioSeconds: { readonly predicted: number; readonly finished: number };
  /** 0 to 1, by predicted audio */
  readonly share: number;
  readonly elapsedSeconds: number;
  /** seconds of work for each second of audio that this run synthesised; undefined until there is some */
  readonly realTimeFactor: number | undefined;
  readonly remainingSeconds: number | undefined;
}

export interface RunOptions extends SpeakingOptions, BookOptions {
  readonly outDirectory: string;
  /** take segments that are stored, and store new ones; true by default */
  readonly reuse?: boolean;
  readonly signal?: AbortSignal;
  readonly onPlanned?: (totals: PlanTotals) => void;
  readonly onProgress?: (progress: RunProgress) => void;
}

export interface RunSummary extends JobSummary {
  readonly outDirectory: string;
  /** seconds of audio that this run synthesised itself, and how long it took */
  readonly synthesisedSeconds: number;
  readonly elapsedSeconds: number;
  /** the job was finished before: nothing was done */
  readonly alreadyDone: boolean;
  /** what the items were made from, and what of it is not read; absent for a manifest */
  readonly book?: Omit<BookItems, 'items'>;
}

const PROGRESS_INTERVAL_MS = 500;
/** Rounds of one request in a folder; more mean that something keeps deleting its files. */
const ROUNDS_MAX = 1000;

export async function runFolder(narrator: Narrator, manifest: ManifestFile, options: RunOptions): Promise<RunSummary> {
  const outDirectory = resolve(options.outDirectory);
  const ledger = join(outDirectory, '.narrator');
  const identity = await ownIdentity();
  const temporary = join(ledger, 'tmp');
  await mkdir(temporary, { recursive: true }).catch((error: unknown) => {
    throw storeError(error, `The folder ${outDirectory}`, 'used for results');
  });
  const lock = {
    folder: join(ledger, 'lock'),
    identity,
    // In a place and with a name that stores sweep after a crash.
    temporaryPath: () => join(temporary, `${identity}.${randomUUID()}.tmp`),
    timeoutMs: 0,
  };
  let entered = false;
  try {
    return await withFileLock(lock, () => {
      entered = true;
      return new FolderRun(narrator, manifest, outDirectory, options).run(ledger);
    });
  } catch (error) {
    if (entered || !(error instanceof NarratorError) || error.code !== 'store_busy') throw error;
    throw new NarratorError('store_busy', `Another narrator is at work on ${outDirectory}.`);
  }
}

class FolderRun {
  readonly #narrator: Narrator;
  readonly #manifest: ManifestFile;
  readonly #outDirectory: string;
  readonly #options: RunOptions;
  readonly #startedAt = performance.now();
  #totals: PlanTotals | undefined;
  #jobId: string | undefined;
  /** seconds of audio that came in this run, from the store or the engine, and those of them that were synthesised */
  #arrivedSeconds = 0;
  #synthesisedSeconds = 0;

  constructor(narrator: Narrator, manifest: ManifestFile, outDirectory: string, options: RunOptions) {
    this.#narrator = narrator;
    this.#manifest = manifest;
    this.#outDirectory = outDirectory;
    this.#options = options;
  }

  async run(ledger: string): Promise<RunSummary> {
    const narrator = this.#narrator;
    const temporary = join(ledger, 'tmp');
    const results = await openFilesystemStore({ root: this.#outDirectory, temporary });
    const jobs = narrator.openJobs({
      store: await openFilesystemStore({ root: ledger, temporary }),
      openResults: (destination) => this.#openResults(destination, results),
      planning: narrator.planning(this.#manifest),
      onSegment: ({ audioSeconds, reused }) => {
        this.#arrivedSeconds += audioSeconds;
        if (!reused) this.#synthesisedSeconds += audioSeconds;
      },
      onEvent: (event) => {
        if (event.type !== 'planned' || event.jobId !== this.#jobId) return;
        this.#totals = event.plan.totals;
        this.#options.onPlanned?.(event.plan.totals);
      },
    });
    const stop = () => void jobs.close();
    this.#options.signal?.addEventListener('abort', stop);
    try {
      if (this.#options.signal?.aborted) throw new NarratorError('cancelled', 'The narrator was told to stop.');
      const { id, finished } = await this.#findJob(jobs);
      if (finished) return this.#summary(finished, true);
      this.#jobId = id;
      await jobs.endOthers(id);
      return this.#summary(await this.#finish(jobs, id), false);
    } finally {
      this.#options.signal?.removeEventListener('abort', stop);
      await narrator.closeJobs(jobs);
    }
  }

  #openResults(destination: ResultsDestination, store: ArtifactStore): Promise<ResultsPlace> {
    if (destination.kind === 'folder' && resolve(destination.path) === this.#outDirectory)
      return Promise.resolve({ store, prefix: '' });
    const message = 'A job in this folder writes its results elsewhere; it cannot be finished here.';
    return Promise.reject(new NarratorError('ledger_corrupt', message));
  }

  /** The job that this request has in the folder: open, or finished with nothing left to do; else a new one. */
  async #findJob(jobs: EmbeddedJobs): Promise<{ id: string; finished?: JobSummary }> {
    const base = await this.#requestDigest();
    for (let round = 1; round <= ROUNDS_MAX; round++) {
      const id = `run-${base}${round === 1 ? '' : `-${round}`}`;
      const status = await jobs.status(id);
      if (status === undefined) {
        await jobs.endOthers(id);
        await this.#submit(jobs, id);
        return { id };
      }
      if (status.summary === undefined) return { id };
      if (await this.#hasNothingToDo(status.summary)) return { id, finished: status.summary };
    }
    throw new NarratorError(
      'internal',
      `The folder ${this.#outDirectory} holds more than ${ROUNDS_MAX} rounds of this job.`,
    );
  }

  async #submit(jobs: EmbeddedJobs, id: string): Promise<void> {
    const narrator = this.#narrator;
    const { defaults, parameters } = narrator.choices(this.#options);
    await jobs.submit({
      id,
      manifest: { format: this.#manifest.format, bytes: this.#manifest.read() },
      model: { id: narrator.speechModel.id, digest: narrator.speechModel.digest },
      parameters,
      defaults,
      results: { kind: 'folder', path: this.#outDirectory },
      ...(this.#options.reuse !== undefined && { reuse: this.#options.reuse }),
      ...(this.#options.format && { format: this.#options.format }),
      ...(this.#options.lexicon && { lexicon: this.#options.lexicon }),
    });
  }

  /** sha256, shortened, over all that decides the result: manifest, options, model, voices, and the text files that are named. */
  async #requestDigest(): Promise<string> {
    const { defaults, parameters } = this.#narrator.choices(this.#options);
    const voices = (await this.#narrator.voices.list()).map(({ id, version, lexicon }) =>
      lexicon === undefined ? [id, version] : [id, version, lexicon],
    );
    const oneOff =
      defaults.voice === undefined ? undefined : (await this.#narrator.voices.find(defaults.voice))?.version;
    const asked = {
      manifest: await this.#manifest.digest(),
      textFiles: await this.#textFileStamps(),
      model: this.#narrator.speechModel.digest,
      defaults,
      parameters,
      lexicon: this.#narrator.lexicons.deployment?.digest,
      jobLexicon: this.#options.lexicon && lexiconSource(this.#options.lexicon).digest,
      voices,
      oneOff,
      format: this.#options.format ?? 'int16',
      reuse: this.#options.reuse ?? true,
      outDirectory: this.#outDirectory,
    };
    return sha256Hex(canonicalJson(asked)).slice(0, 24);
  }

  /** Editing a text file must not go unnoticed; reading a manifest twice is only needed when it names some. */
  async #textFileStamps(): Promise<Record<string, string>> {
    if (!(await containsText(this.#manifest, 'textFile'))) return {};
    const stamps: Record<string, string> = {};
    for await (const entry of readManifest(this.#manifest.read(), this.#manifest.format)) {
      if (!('item' in entry) || entry.item.textFile === undefined) continue;
      stamps[entry.item.textFile] = (await this.#manifest.textFileStamp(entry.item.textFile)) ?? 'unreadable';
    }
    return stamps;
  }

  /** Nothing failed that may succeed now, and every file is still there. */
  async #hasNothingToDo(summary: JobSummary): Promise<boolean> {
    const place = (key: string) => join(this.#outDirectory, key);
    const written = await readFile(place(summaryKey('')), 'utf8').catch(() => undefined);
    if (written === undefined || (JSON.parse(written) as JobSummary).jobId !== summary.jobId) return false;
    for await (const { output } of jsonLines<{ output: string }>(place(resultsKey('')))) {
      if ((await stat(place(output)).catch(() => undefined)) === undefined) return false;
    }
    for await (const { retryable } of jsonLines<{ retryable: boolean }>(place(errorsKey(''))))
      if (retryable) return false;
    return summary.outcome !== 'cancelled';
  }

  async #finish(jobs: EmbeddedJobs, id: string): Promise<JobSummary> {
    const before = (await jobs.status(id))?.audioSeconds.finished ?? 0;
    let polling: Promise<void> | undefined;
    const report = async () => {
      const status = await jobs.status(id);
      if (status) this.#options.onProgress?.(this.#progress(status.items, before));
    };
    const timer = setInterval(() => {
      // A slow disk must not pile up looks at the ledger. A failed look is no failure of the run.
      polling ??= report()
        .catch(() => undefined)
        .finally(() => (polling = undefined));
    }, PROGRESS_INTERVAL_MS);
    try {
      const summary = await jobs.finish(id);
      await polling;
      // However short the run was, who watches it sees its end.
      await report().catch(() => undefined);
      return summary;
    } finally {
      clearInterval(timer);
      await polling;
    }
  }

  #progress(items: RunProgress['items'], before: number): RunProgress {
    const elapsedSeconds = this.#elapsedSeconds();
    const predicted = this.#totals?.audioSeconds ?? 0;
    const finished = before + this.#arrivedSeconds;
    const realTimeFactor = this.#synthesisedSeconds > 0 ? elapsedSeconds / this.#synthesisedSeconds : undefined;
    return {
      items,
      audioSeconds: { predicted, finished },
      share: predicted === 0 ? 0 : Math.min(1, finished / predicted),
      elapsedSeconds,
      realTimeFactor,
      remainingSeconds: realTimeFactor === undefined ? undefined : Math.max(0, predicted - finished) * realTimeFactor,
    };
  }

  #summary(summary: JobSummary, alreadyDone: boolean): RunSummary {
    return {
      ...summary,
      outDirectory: this.#outDirectory,
      synthesisedSeconds: this.#synthesisedSeconds,
      elapsedSeconds: this.#elapsedSeconds(),
      alreadyDone,
    };
  }

  #elapsedSeconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }
}

async function containsText(manifest: ManifestFile, text: string): Promise<boolean> {
  let tail = '';
  for await (const chunk of manifest.read()) {
    const window = tail + Buffer.from(chunk).toString('latin1');
    if (window.includes(text)) return true;
    tail = window.slice(-text.length);
  }
  return false;
}

async function* jsonLines<T>(path: string): AsyncGenerator<T> {
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (line !== '') yield JSON.parse(line) as T;
  }
}
