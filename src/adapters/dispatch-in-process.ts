/** Dispatches shards to this very process: the embedded default, with nothing to start. */
import { setTimeout as delay } from 'node:timers/promises';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import type { Dispatcher, ShardMessage } from '../core/ports.ts';

export interface ShardRun {
  readonly signal: AbortSignal;
  /** if this attempt fails too, nobody tries the message again */
  readonly lastAttempt: boolean;
}

export interface InProcessDispatcherOptions {
  /** does a shard; a retryable NarratorError has it tried again */
  readonly handler: (message: ShardMessage, run: ShardRun) => Promise<unknown>;
  /** shards at work at once. Several, so that the engine's batches fill across them. Default 4 */
  readonly concurrency?: number;
  /** tries of one message, the first included. Default 3 */
  readonly attempts?: number;
  /** before the second try; doubled before each further one. Default 500 */
  readonly retryDelayMs?: number;
  /** Default 30 000 */
  readonly retryDelayMaxMs?: number;
  /** resolves after `ms`, or early once `signal` aborts; never rejects. Default: the system's timers */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** from 0 to 1, for the jitter of delays. Default Math.random */
  readonly random?: () => number;
  /** a message is through: done, or failed with `error` for now. Must not throw. */
  readonly onSettled?: (message: ShardMessage, error?: NarratorError) => void;
}

const DEFAULTS = {
  concurrency: 4,
  attempts: 3,
  retryDelayMs: 500,
  retryDelayMaxMs: 30_000,
  random: Math.random,
  sleep: (ms: number, signal: AbortSignal): Promise<void> => delay(ms, undefined, { signal }).catch(() => undefined),
};

/** Messages that wait for each one at work: the next is there when one ends. */
const WAITING_PER_SLOT = 1;
const GRACE_MS = 20_000;

/**
 * Holds `concurrency` shards at once. What waits here when the process ends is not lost: it has no record, and the next
 * controller dispatches it again.
 */
export class InProcessDispatcher implements Dispatcher {
  readonly #options: InProcessDispatcherOptions & typeof DEFAULTS;
  readonly #waiting: ShardMessage[] = [];
  readonly #running = new Map<string, { jobId: string; abort: AbortController; done: Promise<void> }>();
  /** 'closing' takes no messages, starts none */
  #state: 'idle' | 'started' | 'closing' = 'idle';
  #closed: Promise<void> | undefined;

  constructor(options: InProcessDispatcherOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  async start(): Promise<void> {
    if (this.#state === 'idle') this.#state = 'started';
    this.#startNext();
  }

  /** A shard that waits or is at work here is not taken twice. @throws NarratorError engine_stopped once it closes */
  async dispatch(message: ShardMessage): Promise<void> {
    if (this.#state === 'closing') {
      throw new NarratorError('engine_stopped', 'This process is shutting down and takes no more shards.');
    }
    const name = nameOf(message);
    if (this.#running.has(name) || this.#waiting.some((other) => nameOf(other) === name)) return;
    const { priority = 0 } = message;
    const behind = this.#waiting.findIndex((other) => (other.priority ?? 0) < priority);
    this.#waiting.splice(behind === -1 ? this.#waiting.length : behind, 0, message);
    this.#startNext();
  }

  async capacity(): Promise<number> {
    if (this.#state === 'closing') return 0;
    const window = this.#options.concurrency * (1 + WAITING_PER_SLOT);
    return Math.max(0, window - this.#waiting.length - this.#running.size);
  }

  /** Stops the shards of a job that was cancelled: those that wait are dropped, those at work see their signal. */
  abortJob(jobId: string): void {
    for (const message of this.#waiting.splice(0)) {
      if (message.jobId !== jobId) this.#waiting.push(message);
      else this.#options.onSettled?.(message, new NarratorError('cancelled', `The job ${jobId} was cancelled.`));
    }
    for (const run of this.#running.values()) if (run.jobId === jobId) run.abort.abort();
  }

  close({ graceMs = GRACE_MS }: { graceMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    this.#state = 'closing';
    this.#waiting.length = 0;
    const allDone = Promise.all([...this.#running.values()].map(({ done }) => done));
    const over = new AbortController();
    await Promise.race([allDone, this.#options.sleep(graceMs, over.signal)]);
    over.abort();
    for (const { abort } of this.#running.values()) abort.abort();
    await allDone;
  }

  #startNext(): void {
    while (this.#state === 'started' && this.#running.size < this.#options.concurrency) {
      const message = this.#waiting.shift();
      if (message === undefined) return;
      const name = nameOf(message);
      const abort = new AbortController();
      const done = this.#run(message, abort.signal).then((error) => {
        this.#running.delete(name);
        this.#startNext();
        this.#options.onSettled?.(message, error);
      });
      this.#running.set(name, { jobId: message.jobId, abort, done });
    }
  }

  /** Never rejects. @returns why the message came to nothing, if it did */
  async #run(message: ShardMessage, signal: AbortSignal): Promise<NarratorError | undefined> {
    const { handler, attempts, sleep } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await handler(message, { signal, lastAttempt: attempt >= attempts });
        return undefined;
      } catch (thrown) {
        const error = toNarratorError(thrown);
        if (!error.retryable || attempt >= attempts || this.#isStopping(signal)) return error;
        await sleep(this.#delayMs(attempt), signal);
        if (this.#isStopping(signal)) return error;
      }
    }
  }

  #isStopping(signal: AbortSignal): boolean {
    return signal.aborted || this.#state === 'closing';
  }

  /** Exponential, with full jitter on its upper half: shards that failed together do not come back together. */
  #delayMs(attempt: number): number {
    const { retryDelayMs, retryDelayMaxMs, random } = this.#options;
    const delayMs = Math.min(retryDelayMaxMs, retryDelayMs * 2 ** (attempt - 1));
    return delayMs * (0.5 + random() / 2);
  }
}

const nameOf = ({ jobId, shardId }: ShardMessage) => `${jobId}/${shardId}`;
