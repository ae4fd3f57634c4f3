/** The items of a job, shard by shard and round by round. */
import { type ErrorRecord } from './errors.ts';
import { shardKey, shardName } from './keys.ts';
import { latestRound, readJobPlan, readJson, readRecord } from './ledger.ts';
import { joinedIn } from './outcomes.ts';
import type { ArtifactStore } from './ports.ts';
import type { FinalOutcome, ItemOutcome } from './record.ts';
import { seconds } from './results.ts';
import { shardPlanSchema } from './shard.ts';

export interface ItemStatus {
  readonly line: number;
  /** absent when the line has no usable id */
  readonly item?: string;
  readonly status: 'pending' | 'done' | 'failed';
  /** path of its audio below the job's results; absent for a line that was rejected */
  readonly output?: string;
  /** of its audio, pauses included */
  readonly seconds?: number;
  readonly samples?: number;
  readonly sampleRateHz?: number;
  readonly segments?: number;
  /** of these, those that were stored before the job needed them */
  readonly reusedSegments?: number;
  readonly error?: ErrorRecord;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The first round, and those retries that are planned: until then, their items are what they were. */
export async function itemRounds(jobId: string, store: ArtifactStore): Promise<[RoundItems, ...RoundItems[]]> {
  const plan = await readJobPlan(store, jobId);
  const found: [RoundItems, ...RoundItems[]] = [
    new RoundItems(jobId, store, await joinedIn(store, jobId, 1), 1, plan?.shards ?? Infinity),
  ];
  const latest = plan === undefined ? 1 : await latestRound(store, jobId);
  for (let round = 2, before = plan?.shards ?? 0; round <= latest; round++) {
    const retry = await readJobPlan(store, jobId, round);
    if (retry === undefined) break;
    found.push(new RoundItems(jobId, store, await joinedIn(store, jobId, round), before + 1, retry.shards));
    before = retry.shards;
  }
  return found;
}

export interface ShardItems {
  readonly number: number;
  /** in the order of their lines */
  readonly values: readonly ItemStatus[];
}

/** The items of one round, shard by shard. */
export class RoundItems {
  readonly #jobId: string;
  readonly #store: ArtifactStore;
  readonly #joined: ReadonlyMap<number, FinalOutcome>;
  readonly #firstShard: number;
  readonly lastShard: number;
  #current: ShardItems | undefined;

  constructor(
    jobId: string,
    store: ArtifactStore,
    joined: ReadonlyMap<number, FinalOutcome>,
    firstShard: number,
    lastShard: number,
  ) {
    this.#jobId = jobId;
    this.#store = store;
    this.#joined = joined;
    this.#firstShard = firstShard;
    this.lastShard = lastShard;
  }

  /** Undefined if there is no such shard (yet). */
  async shard(number: number): Promise<ShardItems | undefined> {
    const shardId = shardName(number);
    const [shard, record] = await Promise.all([
      readJson(this.#store, shardKey(this.#jobId, shardId), shardPlanSchema),
      readRecord(this.#store, this.#jobId, shardId),
    ]);
    if (shard === undefined) return undefined;
    const outcomes = new Map(record?.items.map((outcome) => [outcome.line, outcome]));
    const parts = shard.parts.map(({ line, item, output, metadata }): ItemStatus => {
      const outcome = this.#joined.get(line) ?? wholeOnly(outcomes.get(line));
      const status = outcome === undefined ? { status: 'pending' as const } : itemStatus(outcome);
      return { line, item, output, ...(metadata !== undefined && { metadata }), ...status };
    });
    const rejected = shard.rejected.map(
      ({ line, item, error }): ItemStatus => ({ line, ...(item !== undefined && { item }), status: 'failed', error }),
    );
    return { number, values: [...parts, ...rejected].sort((a, b) => a.line - b.line) };
  }

  /** The item on this line, if the round has it. Lines must be asked for in ascending order. */
  async find(line: number): Promise<ItemStatus | undefined> {
    this.#current ??= await this.shard(await this.#shardOf(line));
    while (this.#current !== undefined && lastLine(this.#current) < line && this.#current.number < this.lastShard) {
      this.#current = await this.shard(this.#current.number + 1);
    }
    return this.#current?.values.find((item) => item.line === line);
  }

  /** The first shard that ends on this line or behind it, by bisection. */
  async #shardOf(line: number): Promise<number> {
    let [low, high] = [this.#firstShard, this.lastShard];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const shard = await this.shard(middle);
      if (shard !== undefined && lastLine(shard) < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const lastLine = ({ values }: ShardItems) => values.at(-1)?.line ?? 0;

/** What became of a part says nothing yet of the item. */
export function wholeOnly(outcome: ItemOutcome | undefined): FinalOutcome | undefined {
  return outcome?.status === 'part' || (outcome?.status === 'failed' && outcome.isPart === true) ? undefined : outcome;
}

/** An outcome as clients see it. */
export function itemStatus(outcome: FinalOutcome): ItemStatus {
  const { line, item, output } = outcome;
  const place = { line, ...(item !== undefined && { item }), ...(output !== undefined && { output }) };
  if (outcome.status === 'failed') return { ...place, status: 'failed', error: outcome.error };
  const { samples, sampleRateHz, segments, metadata } = outcome;
  return {
    ...place,
    status: 'done',
    seconds: seconds(samples, sampleRateHz),
    samples,
    sampleRateHz,
    segments: segments.length,
    reusedSegments: segments.filter(({ reused }) => reused).length,
    ...(metadata !== undefined && { metadata }),
  };
}
