/**
 * A worker's end of the BullMQ queue. It waits for ever while Redis is away, and holds the lock of a message for as long as the
 * message is at work: the locks are renewed by the event loop, which is free because the engine lives in another process.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Job as QueueMessage, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import type { ShardMessage } from '../core/ports.ts';
import type { ShardContext } from '../core/process-shard.ts';
import { connectConsumer, type QueueConnection, type QueueLog } from './bullmq-connection.ts';
import { encodeFailure, parseMessage } from './bullmq-message.ts';

export interface BullmqConsumerOptions {
  /** redis://[user:password@]host:port[/database], or rediss:// */
  readonly redisUrl: string;
  readonly queueName: string;
  /** does a shard, and soon rejects with a retryable NarratorError once the signal aborts; a retryable error has the message tried again */
  readonly handler: (message: ShardMessage, context: ShardContext) => Promise<unknown>;
  /** shards at work at once. Several, so that the engine's batches fill across them. Default 4 */
  readonly concurrency?: number;
  /** a message whose worker has not renewed its lock for so long goes to another worker. Default 30 000 */
  readonly lockDurationMs?: number;
  /** between two looks for messages whose lock is gone. Default 15 000 */
  readonly stalledIntervalMs?: number;
  /** longest pause before a message is tried again. Default 30 000 */
  readonly retryDelayMaxMs?: number;
  /** from 0 to 1, for the jitter of delays. Default Math.random */
  readonly random?: () => number;
  readonly log?: QueueLog;
}

const DEFAULTS = {
  concurrency: 4,
  lockDurationMs: 30_000,
  stalledIntervalMs: 15_000,
  retryDelayMaxMs: 30_000,
  random: Math.random,
  log: (() => undefined) as QueueLog,
};

/** Workers that may die with a message before it fails: then the controller decides. More than one, because workers die for reasons of their own. */
const STALLED_MAX = 3;
const GRACE_MS = 17_000;
/** What it takes to give messages back, or to find out that Redis is away. */
const HAND_BACK_MS = 2_000;
const CLOSE_MS = 1_500;

export class BullmqConsumer {
  readonly #options: BullmqConsumerOptions & typeof DEFAULTS;
  readonly #running = new Set<{ jobId: string; abort: AbortController; ended: Promise<void> }>();
  #connection: QueueConnection | undefined;
  #worker: Worker<ShardMessage> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: BullmqConsumerOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Returns at once: work begins when Redis is there. Idempotent. */
  async start(): Promise<void> {
    if (this.#worker !== undefined || this.#closed !== undefined) return;
    const { redisUrl, queueName, concurrency, lockDurationMs, stalledIntervalMs, log } = this.#options;
    const connection = (this.#connection = connectConsumer(redisUrl, log));
    const worker = new Worker<ShardMessage>(queueName, (queued, token) => this.#process(queued, token), {
      connection: connection.client,
      concurrency,
      lockDuration: lockDurationMs,
      stalledInterval: stalledIntervalMs,
      maxStalledCount: STALLED_MAX,
      // Redis is asked again soon after an error, not after BullMQ's 15 s.
      runRetryDelay: 1_000,
      settings: { backoffStrategy: (attemptsMade, _type, _error, queued) => this.#delayMs(attemptsMade, queued) },
    });
    worker.on('error', ({ message }) => {
      // A connection that is away is reported once, by itself.
      if (connection.isReady()) log('queue.error', { error: message });
    });
    worker.on('stalled', (messageId) => log('queue.stalled', { messageId }));
    this.#worker = worker;
  }

  /** Jobs of which shards are at work here. */
  jobsAtWork(): string[] {
    return [...new Set([...this.#running].map(({ jobId }) => jobId))];
  }

  /** The shards of this job that are at work here see their signal. */
  abortJob(jobId: string): void {
    for (const run of this.#running) if (run.jobId === jobId) run.abort.abort();
  }

  /**
   * Takes no more messages, waits `graceMs` (default 17 000) for those at work, then aborts them and gives them back without
   * counting the try. At most 3.5 s longer than the grace, and nothing keeps the process alive then: a message that cannot be given back, because Redis is away, goes to
   * another worker once its lock is over. Idempotent.
   */
  close({ graceMs = GRACE_MS }: { graceMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    const worker = this.#worker;
    if (worker !== undefined) {
      // Not close(), which could not be told later to wait no longer: its timers would keep this process alive.
      await worker.pause(true);
      if (!(await isDoneWithin(this.#idle(), graceMs))) {
        for (const { abort } of this.#running) abort.abort();
        await isDoneWithin(this.#idle(), HAND_BACK_MS);
      }
      const isForced = this.#running.size > 0 || this.#connection?.isReady() !== true;
      await isDoneWithin(worker.close(isForced), CLOSE_MS);
    }
    this.#connection?.end();
  }

  async #idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.race([...this.#running].map(({ ended }) => ended));
  }

  async #process(queued: QueueMessage<ShardMessage>, token: string | undefined): Promise<void> {
    const abort = new AbortController();
    const outcome = this.#handle(queued, token, abort.signal);
    const run = { jobId: queued.data.jobId, abort, ended: outcome.catch(() => undefined) };
    this.#running.add(run);
    await outcome.finally(() => this.#running.delete(run));
  }

  async #handle(queued: QueueMessage<ShardMessage>, token: string | undefined, signal: AbortSignal): Promise<void> {
    try {
      // It came while the worker closed.
      if (this.#closed !== undefined) throw new NarratorError('engine_stopped', 'This worker takes no more shards.');
      const message = parseMessage(queued.data);
      const lastAttempt = queued.attemptsMade + 1 >= (queued.opts.attempts ?? 1);
      await this.#options.handler(message, { signal, lastAttempt });
    } catch (thrown) {
      const error = toNarratorError(thrown);
      if (this.#closed !== undefined && error.retryable) {
        await queued.moveToWait(token);
        throw new WaitingError();
      }
      throw failure(error);
    }
  }

  /** Exponential, with full jitter on its upper half: shards that failed together do not come back together. */
  #delayMs(attemptsMade: number, queued: Pick<QueueMessage, 'opts'> | undefined): number {
    const { retryDelayMaxMs, random } = this.#options;
    const backoff = queued?.opts.backoff;
    const firstMs = (typeof backoff === 'object' ? backoff.delay : backoff) ?? 0;
    return Math.round(Math.min(retryDelayMaxMs, firstMs * 2 ** (attemptsMade - 1)) * (0.5 + random() / 2));
  }
}

/** An error as BullMQ takes it: one that cannot pass is not tried again. */
function failure(error: NarratorError): Error {
  const reason = encodeFailure(error);
  return error.retryable ? new Error(reason) : new UnrecoverableError(reason);
}

async function isDoneWithin(work: Promise<void>, ms: number): Promise<boolean> {
  const over = new AbortController();
  const late = delay(ms, false, { signal: over.signal }).catch(() => false);
  const isDone = await Promise.race([work.then(() => true), late]);
  over.abort();
  return isDone;
}
