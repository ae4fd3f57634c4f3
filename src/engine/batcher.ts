/**
 * The mechanism of batching: gathers requests of all callers and hands them to the model, one batch at a time.
 *
 * Callers ask for one segment and get a promise. The next batch is formed only when the engine is free, so that the
 * choice is made among all that wait; which ones go together is the policy's matter. Requests with equal keys share one
 * synthesis. A batch that runs out of memory is halved until it fits, and one that keeps taking the engine down is
 * halved until the culprit is alone. Nothing else is ever tried twice here: retries belong to the queue.
 */
import { NarratorError, toNarratorError } from '../core/errors.ts';
import type { SynthesisedSpeech, SynthesisRequest } from '../core/ports.ts';
import { type BatchPolicy, type BatchPolicyOptions, leastPaddingPolicy, paddedFrames } from './batch-policy.ts';
import { CRASHES_TO_SUSPECT, CrashCounts } from './crash-counts.ts';
import type { BatchStatistics } from './protocol.ts';
import { cancelled, WaitingRequest } from './waiting-request.ts';

/** Where batches go. */
export interface BatchRunner {
  /** Resolves once a batch can be run at once. @throws why none can be: everything that waits is rejected with it */
  ready(): Promise<void>;
  /**
   * One outcome a request, in order. Rejects when the whole batch failed: out_of_memory (it is halved), engine_crashed
   * and engine_timeout (they count against its segments), or anything else (all its segments fail with it).
   */
  run(batch: readonly SynthesisRequest[]): Promise<BatchResult>;
}

export interface BatchResult {
  readonly outcomes: readonly (SynthesisedSpeech | NarratorError)[];
  readonly statistics: BatchStatistics;
}

/** Sums since the start; `waiting` and `running` are of this moment. Frames and times as in BatchStatistics. */
export interface BatcherStatistics {
  batches: number;
  items: number;
  paddedFrames: number;
  realFrames: number;
  samplerMs: number;
  vocoderMs: number;
  /** batches that ran out of memory, and took the engine down */
  outOfMemory: number;
  crashes: number;
  waiting: number;
  running: number;
}

export interface BatcherOptions {
  readonly runner: BatchRunner;
  /** asked before each batch: which preset applies is known only when the model has been loaded */
  readonly limits: () => BatchPolicyOptions;
  readonly policy?: BatchPolicy;
  /** any monotonic clock, in milliseconds */
  readonly now?: () => number;
}

export class Batcher {
  readonly #runner: BatchRunner;
  readonly #limits: () => BatchPolicyOptions;
  readonly #policy: BatchPolicy;
  readonly #now: () => number;
  readonly #crashes = new CrashCounts();
  /** in order of arrival; those of a trial stand first */
  #waiting = new Set<WaitingRequest>();
  #running: ReadonlySet<WaitingRequest> = new Set();
  /** every request that waits or runs, by its key */
  readonly #byKey = new Map<string, WaitingRequest>();
  #isPumping = false;
  #stopped: NarratorError | undefined;
  /** ends the lingering for more when enough has come */
  #arrived: (() => void) | undefined;
  #trials = 0;
  readonly #totals = {
    batches: 0,
    items: 0,
    paddedFrames: 0,
    realFrames: 0,
    samplerMs: 0,
    vocoderMs: 0,
    outOfMemory: 0,
    crashes: 0,
  };

  constructor({ runner, limits, policy = leastPaddingPolicy, now = () => performance.now() }: BatcherOptions) {
    this.#runner = runner;
    this.#limits = limits;
    this.#policy = policy;
    this.#now = now;
  }

  /** As SynthesisEngine.synthesise. Waiting requests are bounded by their callers: each waits for its promise. */
  async synthesise(request: SynthesisRequest, signal?: AbortSignal): Promise<SynthesisedSpeech> {
    assertMeasurable(request);
    if (this.#stopped) throw this.#stopped;
    if (signal?.aborted) throw cancelled(request);
    const shared = this.#byKey.get(request.key);
    const entry = shared ?? new WaitingRequest(request, this.#now());
    const speech = entry.wait(signal, () => this.#forget(entry));
    if (!shared) this.#enqueue(entry);
    return speech;
  }

  get statistics(): BatcherStatistics {
    return { ...this.#totals, waiting: this.#waiting.size, running: this.#running.size };
  }

  /** Rejects what waits, and whatever comes later, with `reason`. A running batch goes on. Idempotent. */
  stop(reason: NarratorError): void {
    this.#stopped ??= reason;
    this.#rejectWaiting(this.#stopped);
    this.#arrived?.();
  }

  #enqueue(entry: WaitingRequest): void {
    // One that took the engine down often enough before is not let near the innocent again.
    if (this.#crashes.isSuspect(entry.request.key)) entry.trial = this.#nextTrial();
    this.#byKey.set(entry.request.key, entry);
    this.#waiting.add(entry);
    this.#arrived?.();
    if (!this.#isPumping) void this.#pump();
  }

  /** Runs batch after batch until nothing waits. */
  async #pump(): Promise<void> {
    this.#isPumping = true;
    let isIdle = true;
    while (this.#waiting.size > 0) {
      if (isIdle) await this.#linger();
      isIdle = false;
      try {
        await this.#runner.ready();
      } catch (error) {
        this.#rejectWaiting(toNarratorError(error));
        break;
      }
      await this.#runNextBatch();
    }
    this.#isPumping = false;
  }

  /** Only an idle engine waits for company: while a batch runs, the next one gathers by itself. */
  async #linger(): Promise<void> {
    const { lingerMs, budgetFrames, maxItems } = this.#limits();
    const isPlenty = (): boolean =>
      this.#stopped !== undefined || this.#waiting.size >= maxItems || paddedFrames([...this.#waiting]) >= budgetFrames;
    if (lingerMs === 0 || isPlenty()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, lingerMs);
      this.#arrived = () => {
        if (!isPlenty()) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#arrived = undefined;
  }

  async #runNextBatch(): Promise<void> {
    const batch = this.#policy(inTurn(this.#waiting), this.#limits());
    if (batch.length === 0) return; // whoever waited was cancelled meanwhile
    for (const entry of batch) this.#waiting.delete(entry);
    this.#running = new Set(batch);
    try {
      const { outcomes, statistics } = await this.#runner.run(batch.map(({ request }) => request));
      this.#count(statistics);
      this.#deliver(batch, outcomes);
    } catch (error) {
      this.#handleFailure(batch, toNarratorError(error));
    }
    this.#running = new Set();
  }

  #deliver(batch: readonly WaitingRequest[], outcomes: BatchResult['outcomes']): void {
    for (const [index, entry] of batch.entries()) {
      const outcome = outcomes[index];
      this.#crashes.acquit(entry.request.key);
      this.#byKey.delete(entry.request.key);
      if (outcome === undefined) {
        entry.reject(new NarratorError('internal', `The engine gave no outcome for ${entry.request.label}.`));
      } else if (outcome instanceof NarratorError) {
        entry.reject(outcome);
      } else {
        entry.resolve(outcome);
      }
    }
  }

  #handleFailure(batch: readonly WaitingRequest[], error: NarratorError): void {
    if (error.code === 'out_of_memory') {
      this.#totals.outOfMemory += 1;
      if (batch.length > 1) this.#tryHalves(batch);
      else this.#reject(batch, error);
    } else if (error.code === 'engine_crashed' || error.code === 'engine_timeout') {
      this.#totals.crashes += 1;
      this.#blame(batch, error);
    } else {
      this.#reject(batch, error);
    }
  }

  /** A first and a second crash are for the queue to retry; after the third the segments in question are kept and tried apart. */
  #blame(batch: readonly WaitingRequest[], error: NarratorError): void {
    for (const { request } of batch) this.#crashes.record(request.key);
    const isSuspect = ({ request }: WaitingRequest): boolean => this.#crashes.isSuspect(request.key);
    this.#reject(
      batch.filter((entry) => !isSuspect(entry)),
      error,
    );
    const suspects = batch.filter(isSuspect);
    const [culprit] = suspects;
    if (culprit && batch.length === 1) this.#reject(batch, convicted(culprit.request, error));
    else if (suspects.length > 0) this.#tryHalves(suspects);
  }

  /** Puts a failed batch back as two, ahead of all others, neither with any company. */
  #tryHalves(batch: readonly WaitingRequest[]): void {
    const wanted = batch.filter((entry) => !entry.isAbandoned);
    for (const entry of batch) if (entry.isAbandoned) this.#byKey.delete(entry.request.key);
    const middle = Math.ceil(wanted.length / 2);
    for (const half of [wanted.slice(0, middle), wanted.slice(middle)]) {
      const trial = this.#nextTrial();
      for (const entry of half) {
        entry.trial = trial;
        entry.turnMs = Number.NEGATIVE_INFINITY;
      }
    }
    if (this.#stopped) this.#reject(wanted, this.#stopped);
    else this.#waiting = new Set([...wanted, ...this.#waiting]);
  }

  #nextTrial(): string {
    this.#trials += 1;
    return `trial-${this.#trials}`;
  }

  /** Nobody wants it any more. A running one is dropped when it comes back. */
  #forget(entry: WaitingRequest): void {
    if (!this.#waiting.delete(entry)) return;
    this.#byKey.delete(entry.request.key);
  }

  #reject(entries: readonly WaitingRequest[], error: NarratorError): void {
    for (const entry of entries) {
      this.#byKey.delete(entry.request.key);
      entry.reject(error);
    }
  }

  #rejectWaiting(reason: NarratorError): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    this.#reject(waiting, reason);
  }

  #count({ size, paddedFrames: padded, realFrames, samplerMs, vocoderMs }: BatchStatistics): void {
    this.#totals.batches += 1;
    this.#totals.items += size;
    this.#totals.paddedFrames += padded;
    this.#totals.realFrames += realFrames;
    this.#totals.samplerMs += samplerMs;
    this.#totals.vocoderMs += vocoderMs;
  }
}

/** Lengths that are no positive numbers would make every choice of a batch meaningless. */
function assertMeasurable({ label, frames, promptSamples }: SynthesisRequest): void {
  if (Number.isSafeInteger(frames) && frames > 0 && Number.isSafeInteger(promptSamples) && promptSamples >= 0) return;
  throw new NarratorError('internal', `${label} has ${frames} frames after ${promptSamples} samples of prompt.`);
}

function convicted({ label }: SynthesisRequest, error: NarratorError): NarratorError {
  return new NarratorError(
    'segment_crashes_engine',
    `${label} took the engine process down at least ${CRASHES_TO_SUSPECT} times, at last alone. ${error.message}`,
    {},
    { cause: error },
  );
}

/** Stable, so that equal turns go in the order in which they came. */
function inTurn(waiting: Iterable<WaitingRequest>): WaitingRequest[] {
  return [...waiting].sort((a, b) => (a.turnMs === b.turnMs ? 0 : a.turnMs - b.turnMs));
}
