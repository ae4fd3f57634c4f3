/**
 * The loop that brings every open job one step further: planned, dispatched, finished. It keeps nothing that it could not
 * find again in the store, so it may be killed at any moment; what it remembers saves reading only. What takes long for one
 * job (planning, finishing) goes on beside the passes, so that it holds up no other.
 */
import { ShardDispatch } from './dispatch-shards.ts';
import { type NarratorError, toNarratorError } from './errors.ts';
import { finishJob, type FinishDeps } from './finish-job.ts';
import { JobNews } from './job-news.ts';
import { openKey, openPrefix, shardName } from './keys.ts';
import { type LeaseOptions, Leases } from './leases.ts';
import { isCancelled, latestRound, readJobHead, readJobPlan, requireShard } from './ledger.ts';
import { OpenJob } from './open-job.ts';
import type { JobHead } from './job.ts';
import type { PlanDeps } from './plan-items.ts';
import { planJob } from './planner.ts';
import type { Dispatcher } from './ports.ts';
import { cancelledError, recordUnprocessed } from './process-shard.ts';
import { readAhead } from './read-ahead.ts';
import type { JobSummary } from './record.ts';
import type { JobPlan } from './shard.ts';

export interface ControllerDeps extends FinishDeps {
  readonly dispatcher: Dispatcher;
  readonly planning: PlanDeps;
  /** resolves after `ms`, or early once `signal` aborts; never rejects */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** between two passes when nothing wakes it. Default 1000 */
  readonly intervalMs?: number;
  /** a shard that has no record so long after its dispatch is dispatched again. Default 6 h: longer than any shard takes */
  readonly shardDeadlineMs?: number;
  /** until a shard that failed for a reason that may pass is dispatched again. Default 10 s */
  readonly retryDelayMs?: number;
  /** dispatches of one shard after which its items are recorded as failed. Default 5 */
  readonly dispatchesMax?: number;
  /** how long workers may take to record what they have of a cancelled job. Default 10 s */
  readonly cancelGraceMs?: number;
  /** where several controllers share a store; without it this one takes every job */
  readonly lease?: LeaseOptions;
  /** jobs that are planned at once. One of them is always a small one, if there is any. Default 3 */
  readonly planningMax?: number;
  /** a pass is over, well or not. Must not throw. */
  readonly onPass?: () => void;
  /** for logs and progress. Must not throw. */
  readonly onEvent?: (event: ControllerEvent) => void;
}

export type ControllerEvent =
  | { readonly type: 'planned'; readonly jobId: string; readonly plan: JobPlan }
  | { readonly type: 'finished'; readonly jobId: string; readonly summary: JobSummary }
  /** one job could not be brought further: it is tried again in the next pass, the others go on */
  | { readonly type: 'problem'; readonly jobId: string; readonly error: NarratorError };

export interface ControllerPass {
  /** jobs that are still open after it */
  readonly open: number;
  readonly dispatched: number;
  /** since the pass before */
  readonly finished: readonly string[];
}

const DEFAULTS = {
  intervalMs: 1000,
  shardDeadlineMs: 6 * 3_600_000,
  retryDelayMs: 10_000,
  dispatchesMax: 5,
  cancelGraceMs: 10_000,
  planningMax: 3,
};

/** Manifests up to this size are planned in seconds: one place is kept for them. */
const SMALL_MANIFEST_BYTES = 1024 * 1024;

/** Cancelled shards that are recorded at once. */
const RECORDS_IN_FLIGHT = 8;

export class Controller {
  readonly #deps: ControllerDeps & typeof DEFAULTS;
  readonly #jobs = new Map<string, OpenJob>();
  readonly #leases: Leases | undefined;
  readonly #shards: ShardDispatch;
  readonly #planning = new Set<OpenJob>();
  #finished: string[] = [];
  #pass: Promise<ControllerPass> | undefined;
  #wake = new AbortController();

  constructor(deps: ControllerDeps) {
    this.#deps = { ...DEFAULTS, ...deps };
    this.#leases = deps.lease && new Leases(deps.lease, deps.store, deps.now);
    this.#shards = new ShardDispatch({
      ...this.#deps,
      isHeld: (jobId) => this.#leases?.isHeld(jobId) !== false,
      onGivenUp: () => this.wake(),
      onProblem: (jobId, thrown) => this.#problem(jobId, thrown),
    });
  }

  /** Passes until `signal` aborts; waits for what is at work. An error of the store is reported, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.wake();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        const woken = (this.#wake = new AbortController()).signal;
        await this.step(signal).catch((thrown: unknown) => this.#problem('', thrown));
        this.#deps.onPass?.();
        if (!signal.aborted && !woken.aborted) await this.#deps.sleep(this.#deps.intervalMs, woken);
      }
      await this.settle();
      await this.#leases?.release().catch((thrown: unknown) => this.#problem('', thrown));
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Resolves once nothing is at work beside the passes. */
  async settle(): Promise<void> {
    for (const { work } of [...this.#jobs.values()]) await work;
  }

  /** Ends the wait between two passes: something happened. */
  wake(): void {
    this.#wake.abort();
  }

  /**
   * What became of a message, where the dispatcher knows: saves waiting for the deadline. Without `error` the shard has its record.
   */
  settled(message: { readonly jobId: string; readonly shardId: string }, error?: NarratorError): void {
    this.#shards.settled(this.#jobs.get(message.jobId), message.shardId, error);
    this.wake();
  }

  /** One pass over all open jobs. Callers at the same time share it. */
  step(signal?: AbortSignal): Promise<ControllerPass> {
    this.#pass ??= this.#onePass(signal).finally(() => {
      this.#pass = undefined;
    });
    return this.#pass;
  }

  async #onePass(signal?: AbortSignal): Promise<ControllerPass> {
    const isStopping = () => signal?.aborted === true;
    const open = new Set<string>();
    for await (const { key } of this.#deps.store.list(openPrefix)) open.add(key.slice(openPrefix.length));
    for (const [jobId, { isFinished }] of this.#jobs) {
      // One that is finished and open is open again.
      if (isFinished || !open.has(jobId)) this.#jobs.delete(jobId);
    }
    this.#leases?.keepOnly(open);

    const ready: OpenJob[] = [];
    for (const jobId of open) {
      if (isStopping()) break;
      try {
        if ((await this.#leases?.hold(jobId)) === false) {
          this.#lose(jobId);
          continue;
        }
        const job = this.#jobs.get(jobId) ?? (await this.#openJob(jobId));
        if (job?.isFinished === false && (await this.#advance(job, signal))) ready.push(job);
      } catch (thrown) {
        if (!isStopping()) this.#problem(jobId, thrown);
      }
    }
    // With many open jobs the pass so far may have taken longer than a lease lasts.
    for (const { head } of isStopping() ? [] : ready) {
      await this.#leases?.hold(head.id).catch((thrown: unknown) => this.#problem(head.id, thrown));
    }
    const dispatched = isStopping() ? 0 : await this.#shards.dispatch(ready, this.#jobs.values());
    const finished = this.#finished;
    this.#finished = [];
    for (const jobId of finished) open.delete(jobId);
    return { open: open.size, dispatched, finished };
  }

  async #openJob(jobId: string): Promise<OpenJob | undefined> {
    const { store } = this.#deps;
    const head = await readJobHead(store, jobId);
    if (head === undefined) return this.#forget(jobId);
    const round = await latestRound(store, jobId);
    const job = new OpenJob(head, round, new JobNews({ head, round }, this.#deps));
    const plan = await readJobPlan(store, jobId, round);
    if (plan !== undefined) this.#planned(job, plan);
    this.#jobs.set(jobId, job);
    return job;
  }

  /** A job that was deleted while somebody opened it again. */
  async #forget(jobId: string): Promise<undefined> {
    const { store } = this.#deps;
    await store.delete(openKey(jobId));
    await this.#leases?.end(jobId);
    // It may have been submitted anew in between.
    if ((await readJobHead(store, jobId)) === undefined) return;
    await store.put(openKey(jobId), new Uint8Array(), { ifAbsent: true });
  }

  #lose(jobId: string): void {
    this.#jobs.get(jobId)?.lost.abort();
    this.#jobs.delete(jobId);
  }

  /** @returns whether shards of it may be dispatched now */
  async #advance(job: OpenJob, signal: AbortSignal | undefined): Promise<boolean> {
    const { store } = this.#deps;
    await job.readRecords(store);
    if (job.isRecorded() || !(await isCancelled(store, job.head.id))) {
      await job.news.update(job);
    } else {
      await this.#recordCancelled(job);
      await job.readRecords(store);
      if (job.plan === undefined) this.#plan(job, signal);
      if (!job.isRecorded()) return false;
    }
    if (job.isRecorded()) {
      this.#finish(job);
      return false;
    }
    if (job.plan === undefined && this.#mayPlan(job)) this.#plan(job, signal);
    return true;
  }

  #mayPlan({ head }: OpenJob): boolean {
    const { planningMax } = this.#deps;
    const isLarge = ({ manifest }: JobHead) => manifest.bytes > SMALL_MANIFEST_BYTES;
    const large = [...this.#planning].filter((job) => isLarge(job.head)).length;
    return this.#planning.size < planningMax && (!isLarge(head) || large < Math.max(1, planningMax - 1));
  }

  #plan(job: OpenJob, stopping: AbortSignal | undefined): void {
    const { store, planning } = this.#deps;
    const signal = AbortSignal.any([job.lost.signal, ...(stopping === undefined ? [] : [stopping])]);
    const onSettled = (shards: number) => {
      job.settledShards = shards;
      if (shards === 1) this.wake();
    };
    this.#beside(job, signal, async () => {
      this.#planning.add(job);
      try {
        this.#planned(job, await planJob(job.head, { ...planning, store, onSettled, signal }, job.round));
      } finally {
        this.#planning.delete(job);
      }
    });
  }

  #planned(job: OpenJob, plan: JobPlan): void {
    job.plan = plan;
    this.#deps.onEvent?.({ type: 'planned', jobId: job.head.id, plan });
  }

  #finish(job: OpenJob): void {
    const { id } = job.head;
    this.#beside(job, undefined, async () => {
      const summary = await finishJob(id, this.#deps);
      await this.#leases?.end(id);
      job.isFinished = true;
      this.#finished.push(id);
      this.#deps.onEvent?.({ type: 'finished', jobId: id, summary });
    });
  }

  /** One work for one job at a time. What fails is reported, and tried again a while later. */
  #beside(job: OpenJob, signal: AbortSignal | undefined, work: () => Promise<void>): void {
    if (job.work !== undefined || this.#nowMs() < job.workNotBeforeMs) return;
    job.work = work()
      .then(
        () => this.wake(),
        (thrown: unknown) => {
          job.workNotBeforeMs = this.#nowMs() + this.#deps.retryDelayMs;
          if (signal?.aborted !== true) this.#problem(job.head.id, thrown);
        },
      )
      .finally(() => {
        job.work = undefined;
      });
  }

  /** Shards that no worker has end at once; those at work have some seconds to record what they have finished. */
  async #recordCancelled(job: OpenJob): Promise<void> {
    const { id } = job.head;
    if (job.cancelSeenAtMs === undefined) await this.#abort(id);
    job.cancelSeenAtMs ??= this.#nowMs();
    const isOver = this.#nowMs() - job.cancelSeenAtMs >= this.#deps.cancelGraceMs;
    const isAtWork = (number: number) => job.inFlight.has(number) && job.inFlight.get(number)?.error === undefined;
    const numbers = job.unrecorded().filter((number) => isOver || !isAtWork(number));
    const record = async (number: number) =>
      recordUnprocessed(await requireShard(this.#deps.store, id, shardName(number)), cancelledError(id), this.#deps);
    for await (const _done of readAhead(numbers, RECORDS_IN_FLIGHT, record));
  }

  /** Only a help: workers look for the marker themselves. */
  async #abort(jobId: string): Promise<void> {
    try {
      await this.#deps.dispatcher.abortJob?.(jobId);
    } catch (thrown) {
      this.#problem(jobId, thrown);
    }
  }

  #problem(jobId: string, thrown: unknown): undefined {
    this.#deps.onEvent?.({ type: 'problem', jobId, error: toNarratorError(thrown) });
  }

  #nowMs(): number {
    return this.#deps.now().getTime();
  }
}
