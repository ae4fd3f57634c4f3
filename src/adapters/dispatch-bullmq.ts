/**
 * Dispatches shards through BullMQ on Redis to workers in other processes (consume-bullmq.ts). The queue is a hint: a message
 * that gets lost has no record, and the controller dispatches its shard again.
 */
import { once } from 'node:events';
import { Queue, QueueEvents } from 'bullmq';
import { NarratorError } from '../core/errors.ts';
import { PRIORITY_MAX } from '../core/job.ts';
import type { Dispatcher, ShardMessage } from '../core/ports.ts';
import { connectConsumer, connectProducer, type QueueConnection, type QueueLog } from './bullmq-connection.ts';
import { decodeFailure, messageId, messageOfId } from './bullmq-message.ts';

export interface BullmqDispatcherOptions {
  /** redis://[user:password@]host:port[/database], or rediss:// */
  readonly redisUrl: string;
  readonly queueName: string;
  /** messages in the queue, at work or waiting, beyond which it wants no more. Default 64: several for each shard that workers hold */
  readonly window?: number;
  /** tries of one message, the first included. Default 3 */
  readonly attempts?: number;
  /** before the second try; doubled before each further one, with jitter. Default 500 */
  readonly retryDelayMs?: number;
  /** a message is through: done, or failed with `error` for now. A hint: it may come late, twice or never. Must not throw. */
  readonly onSettled?: (message: ShardMessage, error?: NarratorError) => void;
  readonly log?: QueueLog;
}

const DEFAULTS = {
  window: 64,
  attempts: 3,
  retryDelayMs: 500,
  log: (() => undefined) as QueueLog,
};

/** Finished messages are kept for operators only; the ledger knows what became of them. */
const KEPT_COMPLETED = { count: 1_000, age: 3_600 };
const KEPT_FAILED = { count: 1_000, age: 7 * 24 * 3_600 };

const NOT_STARTED = ['waiting', 'prioritized', 'delayed'] as const;

/** A connection that does not end in time is cut. */
const CLOSE_TIMEOUT_MS = 2_000;

export class BullmqDispatcher implements Dispatcher {
  readonly #options: BullmqDispatcherOptions & typeof DEFAULTS;
  #producer: QueueConnection | undefined;
  #listener: QueueConnection | undefined;
  #queue: Queue<ShardMessage> | undefined;
  #events: QueueEvents | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: BullmqDispatcherOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Returns as well when Redis is away: until it is there, every other call fails with queue_unavailable. */
  async start(): Promise<void> {
    if (this.#producer !== undefined || this.#closed !== undefined) return;
    const { redisUrl, log } = this.#options;
    this.#producer = connectProducer(redisUrl, log);
    this.#listener = connectConsumer(redisUrl, log);
    this.#events = this.#listen(this.#listener);
    // Rejects with the first error; later ones reach the log.
    await once(this.#producer.client, 'ready').catch(() => undefined);
  }

  /**
   * The same message again changes nothing while it waits or is at work. One that is through is taken again: whoever
   * dispatches it has found no record. @throws NarratorError queue_unavailable; engine_stopped once it closes
   */
  async dispatch({ priority = 0, ...message }: ShardMessage): Promise<void> {
    const { attempts, retryDelayMs } = this.#options;
    await this.#ask(async (queue) => {
      const jobId = messageId(message);
      const state = await queue.getJobState(jobId);
      if (state === 'completed' || state === 'failed') await queue.remove(jobId);
      await queue.add('shard', message, {
        jobId,
        // BullMQ counts from 0, which comes first.
        priority: PRIORITY_MAX - priority,
        attempts,
        backoff: { type: 'jittered', delay: retryDelayMs },
        removeOnComplete: KEPT_COMPLETED,
        removeOnFail: KEPT_FAILED,
        stackTraceLimit: 0,
      });
    });
  }

  /** What the queue holds is counted in one round trip. @throws NarratorError queue_unavailable */
  async capacity(): Promise<number> {
    if (this.#closed !== undefined) return 0;
    const held = await this.#ask((queue) => queue.getJobCountByTypes(...NOT_STARTED, 'active'));
    return Math.max(0, this.#options.window - held);
  }

  /** Messages by state, for whoever watches. @throws NarratorError queue_unavailable */
  depth(): Promise<Readonly<Record<string, number>>> {
    return this.#ask((queue) => queue.getJobCounts(...NOT_STARTED, 'active', 'failed'));
  }

  /** For a board of operators. It belongs to this dispatcher, and ends with it. @throws NarratorError queue_unavailable */
  openQueue(): Queue<ShardMessage> {
    if (this.#closed !== undefined || this.#producer?.isReady() !== true) {
      throw new NarratorError('queue_unavailable', 'The queue cannot be reached: there is no connection to Redis.');
    }
    return (this.#queue ??= this.#open(this.#producer));
  }

  /** Takes what no worker has begun out of the queue; workers see for themselves that the job was cancelled. @throws queue_unavailable */
  async abortJob(jobId: string): Promise<void> {
    const { onSettled } = this.#options;
    await this.#ask(async (queue) => {
      for (const queued of await queue.getJobs([...NOT_STARTED])) {
        if (queued?.id === undefined || queued.data.jobId !== jobId) continue;
        // 0: a worker has it by now.
        if ((await queue.remove(queued.id)) === 0) continue;
        onSettled?.(queued.data, new NarratorError('cancelled', `The job ${jobId} was cancelled.`));
      }
    });
  }

  /** No worker begins another shard until `resume`, in this and every other process; those at work go on. @throws queue_unavailable */
  async pause(): Promise<void> {
    await this.#ask((queue) => queue.pause());
  }

  async resume(): Promise<void> {
    await this.#ask((queue) => queue.resume());
  }

  /** What is in the queue stays there. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const over = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_TIMEOUT_MS).unref());
    const ended = Promise.allSettled([this.#events?.close(), this.#queue?.close()]);
    await Promise.race([ended, over]);
    this.#producer?.end();
    this.#listener?.end();
  }

  /** Every error of Redis and of its connection means the same to the caller: the message was perhaps not handed over. */
  async #ask<T>(use: (queue: Queue<ShardMessage>) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      throw new NarratorError('engine_stopped', 'This process is shutting down and dispatches no more shards.');
    }
    const queue = this.openQueue();
    try {
      return await use(queue);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new NarratorError('queue_unavailable', `The queue did not do what it was asked: ${reason}`, {}, { cause });
    }
  }

  /** Only once Redis is there: a queue that begins without it never recovers. */
  #open({ client }: QueueConnection): Queue<ShardMessage> {
    const { queueName } = this.#options;
    const queue = new Queue<ShardMessage>(queueName, { connection: client, skipVersionCheck: true });
    // The connection reports its own errors, and every command rejects.
    queue.on('error', () => undefined);
    return queue;
  }

  #listen(connection: QueueConnection): QueueEvents {
    const { queueName, log, onSettled } = this.#options;
    const events = new QueueEvents(queueName, { connection: connection.client, skipVersionCheck: true });
    events.on('error', ({ message }) => {
      if (connection.isReady() && this.#closed === undefined) log('queue.events-failed', { error: message });
    });
    const settle = (id: string, error?: NarratorError) => {
      const message = messageOfId(id);
      if (message !== undefined) onSettled?.(message, error);
    };
    events.on('completed', ({ jobId }) => settle(jobId));
    events.on('failed', ({ jobId, failedReason }) => settle(jobId, decodeFailure(failedReason)));
    return events;
  }
}
