/** A worker of the queue: takes shards, synthesises them with its one engine, and stops those whose job was cancelled. */
import { BullmqConsumer, type BullmqConsumerOptions } from '../adapters/consume-bullmq.ts';
import { audioFunctions } from '../audio/audio-functions.ts';
import type { NarratorError } from '../core/errors.ts';
import type { SynthesisEngine } from '../core/ports.ts';
import { processShard, type SegmentEvent } from '../core/process-shard.ts';
import type { SharedStore } from './open-store.ts';
import { whileUsable } from './usable-engine.ts';
import { watchCancelled } from './watch-cancelled.ts';

export interface QueueWorkerOptions
  extends Pick<SharedStore, 'store' | 'openResults'>,
    Omit<BullmqConsumerOptions, 'handler'> {
  readonly engine: SynthesisEngine;
  /** the engine cannot work at all: whoever runs the worker ends it. What it holds goes back to the queue. */
  readonly onUnusable: (error: NarratorError) => void;
  /** a segment is there: for metrics. Must not throw. */
  readonly onSegment?: (event: SegmentEvent) => void;
  /** between two looks whether a job at work was cancelled. Default 1000 */
  readonly cancelIntervalMs?: number;
}

export class QueueWorker {
  readonly #options: QueueWorkerOptions;
  readonly #stop = new AbortController();
  #consumer: BullmqConsumer | undefined;
  #watching: Promise<void> | undefined;

  constructor(options: QueueWorkerOptions) {
    this.#options = options;
  }

  /** Loads the model, then takes work as soon as Redis is there. @throws NarratorError provider_unavailable, model_invalid */
  async start(): Promise<void> {
    const { store, openResults, engine, onUnusable, onSegment, cancelIntervalMs, ...options } = this.#options;
    const { modelDigest } = await engine.start();
    if (this.#stop.signal.aborted) return;
    const deps = {
      store,
      openResults,
      engine: whileUsable(engine, onUnusable),
      modelDigest,
      audio: audioFunctions,
      now: () => new Date(),
      ...(onSegment && { onSegment }),
    };
    this.#consumer = new BullmqConsumer({
      ...options,
      handler: (message, context) => processShard(message, context, deps),
    });
    await this.#consumer.start();
    this.#watching = this.#watchCancelled(this.#consumer, cancelIntervalMs);
  }

  /** Finishes the shards at work or gives them back, within 4 s of the grace. The engine belongs to the caller. Idempotent. */
  async close(options: { graceMs?: number } = {}): Promise<void> {
    await this.#consumer?.close(options);
    this.#stop.abort();
    await this.#watching;
  }

  #watchCancelled(consumer: BullmqConsumer, intervalMs: number | undefined): Promise<void> {
    const { store, log } = this.#options;
    const jobsAtWork = () => consumer.jobsAtWork();
    const abortJob = (jobId: string) => consumer.abortJob(jobId);
    return watchCancelled({ store, jobsAtWork, abortJob, intervalMs, log }, this.#stop.signal);
  }
}
