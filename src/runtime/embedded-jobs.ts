/**
 * Jobs in this process: a folder as ledger, an in-process dispatcher, the controller. The embedded default, with nothing to
 * start beside it. The engine belongs to the caller and outlives it.
 */
import { randomUUID } from 'node:crypto';
import type { InProcessDispatcher } from '../adapters/dispatch-in-process.ts';
import { audioFunctions } from '../audio/audio-functions.ts';
import { cancelJob } from '../core/cancel-job.ts';
import { Controller, type ControllerEvent } from '../core/controller.ts';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import { openPrefix } from '../core/keys.ts';
import type { PlanDeps } from '../core/plan-items.ts';
import type { ArtifactStore, SynthesisEngine } from '../core/ports.ts';
import type { SegmentEvent } from '../core/process-shard.ts';
import { JobReader, type JobStatus } from '../core/read-job.ts';
import type { JobSummary } from '../core/record.ts';
import type { OpenResults } from '../core/results.ts';
import { type JobRequest, submitJob } from '../core/submit-job.ts';
import { openLocalShards } from './local-shards.ts';
import { sleep } from './sleep.ts';
import { whileUsable } from './usable-engine.ts';

export interface EmbeddedJobsOptions {
  readonly store: ArtifactStore;
  readonly openResults: OpenResults;
  readonly engine: SynthesisEngine;
  readonly planning: PlanDeps;
  /** shards held at once, so that batches fill across them */
  readonly concurrency: number;
  readonly onSegment?: (event: SegmentEvent) => void;
  readonly onEvent?: (event: ControllerEvent) => void;
}

/** Between two looks at the ledger when nothing wakes the controller. */
const INTERVAL_MS = 500;

export class EmbeddedJobs {
  readonly #options: EmbeddedJobsOptions;
  readonly #dispatcher: InProcessDispatcher;
  readonly #controller: Controller;
  readonly #reader: JobReader;
  readonly #stop = new AbortController();
  readonly #waiting = new Map<
    string,
    { resolve: (summary: JobSummary) => void; reject: (error: NarratorError) => void }
  >();
  #running: Promise<void> | undefined;

  constructor(options: EmbeddedJobsOptions) {
    this.#options = options;
    const { store, openResults, planning, onSegment } = options;
    // An engine that cannot work ends the run, resumable, with the engine's own error.
    const engine = whileUsable(options.engine, (error) => this.#giveUp({ jobId: '', error }));
    const now = () => new Date();
    this.#reader = new JobReader(store);
    this.#dispatcher = openLocalShards({
      ...{ store, openResults, engine, onSegment },
      modelDigest: planning.model.digest,
      concurrency: options.concurrency,
      onSettled: (message, error) => this.#controller.settled(message, error),
    });
    this.#controller = new Controller({
      store,
      openResults,
      audio: audioFunctions,
      now,
      dispatcher: this.#dispatcher,
      planning,
      intervalMs: INTERVAL_MS,
      sleep,
      onEvent: (event) => this.#onEvent(event),
    });
  }

  async submit(request: JobRequest): Promise<string> {
    const { store } = this.#options;
    const { job } = await submitJob(request, { store, now: () => new Date(), newId: randomUUID });
    return job.id;
  }

  /** Works until the job is finished. @throws NarratorError engine_stopped when closed before; what makes it impossible to go on */
  async finish(jobId: string): Promise<JobSummary> {
    const status = await this.#reader.read(jobId);
    if (status?.summary) return status.summary;
    const finished = new Promise<JobSummary>((resolve, reject) => this.#waiting.set(jobId, { resolve, reject }));
    // Rejections before the caller awaits must not count as unhandled.
    finished.catch(() => undefined);
    await this.#start();
    return finished;
  }

  status(jobId: string): Promise<JobStatus | undefined> {
    return this.#reader.read(jobId);
  }

  /**
   * Cancels whatever other jobs lie open here, such as those of an earlier version of the manifest, and waits for their end: two jobs
   * at work on the same results would write over each other, and take back what the other has written.
   * @throws NarratorError engine_stopped when closed before
   */
  async endOthers(jobId: string): Promise<void> {
    const { store } = this.#options;
    const others: string[] = [];
    for await (const { key } of store.list(openPrefix)) others.push(key.slice(openPrefix.length));
    for (const other of others) {
      if (other === jobId) continue;
      await cancelJob(other, { store, now: () => new Date() });
      await this.finish(other).catch((thrown: unknown) => {
        // One that cannot be ended is at work on nothing.
        if (toNarratorError(thrown).code === 'engine_stopped') throw thrown;
      });
    }
  }

  /** Stops dispatching, lets running shards store what they have, and rejects who waits. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#dispatcher.close({ graceMs: 2_000 });
    await this.#running;
    for (const { reject } of this.#waiting.values()) {
      reject(new NarratorError('engine_stopped', 'The narrator was closed before the job was finished.'));
    }
    this.#waiting.clear();
  }

  async #start(): Promise<void> {
    if (this.#running) return;
    this.#running = Promise.resolve();
    await this.#dispatcher.start();
    this.#running = this.#controller.run(this.#stop.signal);
  }

  #onEvent(event: ControllerEvent): void {
    this.#options.onEvent?.(event);
    const waiting = this.#waiting.get(event.jobId);
    if (event.type === 'finished') {
      this.#waiting.delete(event.jobId);
      waiting?.resolve(event.summary);
    } else if (event.type === 'problem') {
      this.#giveUp(event);
    }
  }

  /** One machine, one person waiting: what will not pass by itself ends the run, resumable, instead of being tried for ever. */
  #giveUp({ jobId, error }: { jobId: string; error: NarratorError }): void {
    const hopeless = !error.retryable || error.code === 'store_full';
    if (!hopeless) return;
    const concerned = jobId === '' ? [...this.#waiting.keys()] : [jobId];
    for (const id of concerned) {
      this.#waiting.get(id)?.reject(error);
      this.#waiting.delete(id);
    }
  }
}
