/** Hands out the shards of open jobs within the dispatcher's window: fairly, again when they are overdue, and not for ever. */
import { NarratorError } from './errors.ts';
import { shardName, shardNumber } from './keys.ts';
import { requireShard } from './ledger.ts';
import type { OpenJob } from './open-job.ts';
import type { ArtifactStore, Dispatcher } from './ports.ts';
import { recordUnprocessed } from './process-shard.ts';

export interface DispatchShardsOptions {
  readonly dispatcher: Dispatcher;
  readonly store: ArtifactStore;
  readonly now: () => Date;
  /** a shard that has no record so long after its dispatch is dispatched again */
  readonly shardDeadlineMs: number;
  /** until a shard that failed for a reason that may pass is dispatched again */
  readonly retryDelayMs: number;
  /** dispatches of one shard after which its items are recorded as failed */
  readonly dispatchesMax: number;
  /** whether a job is this controller's still */
  readonly isHeld: (jobId: string) => boolean;
  /** a shard of this job was given up: it has its record */
  readonly onGivenUp: () => void;
  /** must not throw */
  readonly onProblem: (jobId: string, thrown: unknown) => void;
}

export class ShardDispatch {
  readonly #options: DispatchShardsOptions;

  constructor(options: DispatchShardsOptions) {
    this.#options = options;
  }

  /** What became of a dispatched shard: one that came to nothing is due again, at once if waiting cannot help it. */
  settled(job: OpenJob | undefined, shardId: string, error: NarratorError | undefined): void {
    const number = shardNumber(shardId);
    const dispatched = number === undefined ? undefined : job?.inFlight.get(number);
    if (dispatched === undefined || error === undefined) return;
    dispatched.error = error;
    dispatched.dueAtMs = this.#nowMs() + (isFinal(error) ? 0 : this.#options.retryDelayMs);
  }

  /**
   * Always a shard of the tenant that has the fewest at work, and there of the job that has: neither a long job nor a tenant
   * with many of them holds up a short one.
   * @param ready jobs of which shards may be dispatched
   * @param known all jobs that may have shards at work
   * @returns how many were dispatched
   */
  async dispatch(ready: readonly OpenJob[], known: Iterable<OpenJob>): Promise<number> {
    const { dispatcher, isHeld, onProblem } = this.#options;
    let capacity = ready.length === 0 ? 0 : await dispatcher.capacity();
    let dispatched = 0;
    const candidates = new Set(ready);
    const atWork = new Map<string | undefined, number>();
    const count = ({ head }: OpenJob, shards: number) =>
      atWork.set(head.tenant, (atWork.get(head.tenant) ?? 0) + shards);
    for (const job of known) count(job, job.inFlight.size);
    while (capacity > 0 && candidates.size > 0) {
      const job = nextJob(candidates, (tenant) => atWork.get(tenant) ?? 0);
      const number = isHeld(job.head.id) ? job.next(this.#nowMs()) : undefined;
      if (number === undefined) {
        candidates.delete(job);
        continue;
      }
      try {
        const before = job.inFlight.size;
        const isDispatched = await this.#dispatchOne(job, number);
        count(job, job.inFlight.size - before);
        if (!isDispatched) continue;
        capacity -= 1;
        dispatched += 1;
      } catch (thrown) {
        onProblem(job.head.id, thrown);
        candidates.delete(job);
      }
    }
    return dispatched;
  }

  /** @returns false if the shard is given up: its items then have their error */
  async #dispatchOne(job: OpenJob, number: number): Promise<boolean> {
    const { dispatcher, store, now, dispatchesMax, shardDeadlineMs, onGivenUp } = this.#options;
    const { id, priority } = job.head;
    const shardId = shardName(number);
    const { dispatches, error } = job.inFlight.get(number) ?? { dispatches: 0 };
    if (isFinal(error) || (dispatches >= dispatchesMax && !isStoreError(error))) {
      const abandoned = new NarratorError(
        'shard_abandoned',
        `${shardId} was dispatched ${dispatches} times and has no outcome.`,
      );
      await recordUnprocessed(await requireShard(store, id, shardId), error ?? abandoned, { store, now });
      job.inFlight.delete(number);
      job.markRecorded(number);
      onGivenUp();
      return false;
    }
    const attempt = dispatches + 1;
    await dispatcher.dispatch({ jobId: id, shardId, attempt, ...(priority !== undefined && { priority }) });
    job.inFlight.set(number, { dispatches: attempt, dueAtMs: this.#nowMs() + shardDeadlineMs, error: undefined });
    return true;
  }

  #nowMs(): number {
    return this.#options.now().getTime();
  }
}

/** Another dispatch cannot help: the error does not pass, or the dispatcher has given the shard up itself. */
export const isFinal = (error: NarratorError | undefined): boolean =>
  error !== undefined && (!error.retryable || error.code === 'shard_abandoned');

function nextJob(jobs: Iterable<OpenJob>, atWork: (tenant: string | undefined) => number): OpenJob {
  const order = (a: OpenJob, b: OpenJob) =>
    atWork(a.head.tenant) - atWork(b.head.tenant) ||
    (b.head.priority ?? 0) - (a.head.priority ?? 0) ||
    a.inFlight.size - b.inFlight.size;
  return [...jobs].reduce((first, job) => (order(job, first) < 0 ? job : first));
}

/** A full disk or a network that is away says nothing against the shard: it waits as long as it takes. */
const isStoreError = (error: NarratorError | undefined) =>
  error !== undefined && ['store_full', 'store_unavailable', 'store_busy', 'engine_stopped'].includes(error.code);
