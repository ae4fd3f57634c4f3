/** What a container is at work on: shards and texts of any number of callers, over one engine. It can be waited for, and then stopped. */
import { NarratorError } from '../core/errors.ts';
import { readRecord } from '../core/ledger.ts';
import type { ItemOutcome, ShardRecord } from '../core/record.ts';
import { processShard, type ProcessShardDeps, type ShardHints } from '../core/process-shard.ts';
import type { ShardPlan } from '../core/shard.ts';
import { sleep } from './sleep.ts';
import { watchCancelled } from './watch-cancelled.ts';

export interface DoneShard {
  readonly status: 'recorded' | 'already-recorded' | 'cancelled';
  readonly record: ShardRecord;
}

export interface ContainerWorkOptions {
  /** between two looks whether a job at work was cancelled. Default 1000 */
  readonly cancelIntervalMs?: number | undefined;
  readonly log?: (event: string, fields: Record<string, unknown>) => void;
}

interface Run {
  readonly abort: AbortController;
  readonly jobId: string | undefined;
  /** never rejects */
  readonly ended: Promise<void>;
}

/** More are refused: each of them may hold a plan of megabytes. SageMaker's own limit is the endpoint's MaxConcurrentInvocationsPerInstance. */
const RUNS_MAX = 256;
/** What work that was told to stop takes to say so. */
const HAND_BACK_MS = 4_000;

export class ContainerWork {
  readonly #options: ContainerWorkOptions;
  readonly #runs = new Set<Run>();
  /** by job and name */
  readonly #shards = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #isClosing = false;

  constructor(options: ContainerWorkOptions = {}) {
    this.#options = options;
  }

  /**
   * From plan to record, whether or not the caller waits to the end: the record is what counts. A shard that is at work here already is
   * waited for first; what it has recorded is the answer, and what it could not do is tried once more.
   * @throws NarratorError as processShard; too_many_requests, engine_stopped
   */
  async shard(shard: ShardPlan, hints: ShardHints, deps: ProcessShardDeps): Promise<DoneShard> {
    const { jobId, shardId } = shard;
    const name = `${jobId}/${shardId}`;
    return this.run(async (signal) => {
      for (let earlier; (earlier = this.#shards.get(name)) !== undefined; ) await earlier;
      const work = doShard(shard, { ...hints, signal, shard }, deps);
      this.#shards.set(name, settled(work));
      return work.finally(() => this.#shards.delete(name));
    }, jobId);
  }

  /** @param jobId whose cancelling stops it @throws NarratorError too_many_requests, engine_stopped */
  async run<T>(work: (signal: AbortSignal) => Promise<T>, jobId?: string): Promise<T> {
    if (this.#isClosing) throw new NarratorError('engine_stopped', 'This container takes no more work.');
    if (this.#runs.size >= RUNS_MAX) {
      throw new NarratorError('too_many_requests', `${RUNS_MAX} requests are at work already; that is the limit.`, {
        limit: RUNS_MAX,
      });
    }
    const abort = new AbortController();
    const outcome = work(abort.signal);
    const run: Run = { abort, jobId, ended: settled(outcome) };
    this.#runs.add(run);
    return outcome.finally(() => this.#runs.delete(run));
  }

  /** Stops shards of jobs that are cancelled while they are at work. Until `close`. */
  watch(store: ProcessShardDeps['store']): void {
    const { cancelIntervalMs: intervalMs, log } = this.#options;
    const jobsAtWork = () => [...new Set([...this.#runs].flatMap(({ jobId }) => jobId ?? []))];
    const abortJob = (cancelled: string) => {
      for (const { jobId, abort } of this.#runs) if (jobId === cancelled) abort.abort();
    };
    void watchCancelled({ store, jobsAtWork, abortJob, intervalMs, log }, this.#stop.signal);
  }

  /** Takes no more, waits `graceMs` for what is at work, then stops it: at most 4 s more. */
  async close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#isClosing = true;
    await this.#idleWithin(graceMs);
    for (const { abort } of this.#runs) abort.abort();
    await this.#idleWithin(HAND_BACK_MS);
    this.#stop.abort();
  }

  async #idleWithin(ms: number): Promise<void> {
    const over = new AbortController();
    await Promise.race([Promise.all([...this.#runs].map(({ ended }) => ended)), sleep(ms, over.signal)]);
    over.abort();
  }
}

async function doShard(
  shard: ShardPlan,
  context: Parameters<typeof processShard>[1],
  deps: ProcessShardDeps,
): Promise<DoneShard> {
  const { jobId, shardId } = shard;
  const status = await processShard(shard, context, deps);
  const record = await readRecord(deps.store, jobId, shardId);
  // It was there a moment ago.
  if (record === undefined) throw new NarratorError('job_not_found', `The job ${jobId} was deleted.`);
  return { status: status === 'recorded' && record.items.some(wasCancelled) ? 'cancelled' : status, record };
}

const wasCancelled = (item: ItemOutcome) => item.status === 'failed' && item.error.code === 'cancelled';

async function settled(work: Promise<unknown>): Promise<void> {
  await work.then(
    () => undefined,
    () => undefined,
  );
}
