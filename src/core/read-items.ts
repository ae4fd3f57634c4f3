/** Pages over the items of a job, in the order of its manifest, whatever its state. */
import { type ErrorRecord, NarratorError } from './errors.ts';
import { shardKey, shardName } from './keys.ts';
import { latestRound, readJobHead, readJobPlan, readJson, readRecord } from './ledger.ts';
import { badCursor, checkLimit, type Page } from './list-jobs.ts';
import { joinedIn } from './outcomes.ts';
import type { ArtifactStore } from './ports.ts';
import { readAhead } from './read-ahead.ts';
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
  readonly error?: ErrorRecord;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ReadItemsQuery {
  readonly cursor?: string;
  /** 1 to 500 */
  readonly limit: number;
  readonly status?: ItemStatus['status'];
}

/** Shards that one page looks at, when most items are not what was asked for. */
const SHARDS_LOOKED_AT_MAX = 400;
const READ_AHEAD = 8;

/**
 * Reads the shards that a page needs, and their records. An item that spans shards is pending until the job is finished: only
 * then it is one file. While a job is planned, the items behind the last planned shard are missing.
 * @throws NarratorError job_not_found; usage: an unusable cursor or limit
 */
export async function readItems(
  jobId: string,
  query: ReadItemsQuery,
  { store }: { readonly store: ArtifactStore },
): Promise<Page<ItemStatus>> {
  checkLimit(query.limit);
  if ((await readJobHead(store, jobId)) === undefined) {
    throw new NarratorError('job_not_found', `There is no job ${JSON.stringify(jobId)}.`);
  }
  const from = parseCursor(query.cursor);
  const [first, ...later] = await rounds(jobId, store);
  const entries: ItemStatus[] = [];
  let at = from;
  const shards = readAhead(numbers(from.shard, first.lastShard), READ_AHEAD, (number) => first.shard(number));
  for await (const items of shards) {
    if (items === undefined) return { entries };
    for (const found of items.values) {
      if (found.line <= at.line) continue;
      if (entries.length >= query.limit) return { entries, cursor: cursorOf(at) };
      at = { shard: items.number, line: found.line };
      let item = found;
      for (const round of later) item = (await round.find(found.line)) ?? item;
      if (query.status === undefined || item.status === query.status) entries.push(item);
    }
    at = { shard: items.number + 1, line: at.line };
    if (at.shard - from.shard >= SHARDS_LOOKED_AT_MAX && at.shard <= first.lastShard) {
      return { entries, cursor: cursorOf(at) };
    }
  }
  return { entries };
}

function* numbers(first: number, last: number): Generator<number> {
  for (let number = first; number <= last; number++) yield number;
}

interface Place {
  readonly shard: number;
  /** the last line before */
  readonly line: number;
}

const cursorOf = ({ shard, line }: Place) => `${shard}.${line}`;

function parseCursor(cursor: string | undefined): Place {
  if (cursor === undefined) return { shard: 1, line: 0 };
  const [, shard, line] = /^([1-9]\d{0,8})\.(\d{1,9})$/.exec(cursor) ?? [];
  if (shard === undefined || line === undefined) throw badCursor();
  return { shard: Number(shard), line: Number(line) };
}

/** The first round, and those retries that are planned: until then, their items are what they were. */
async function rounds(jobId: string, store: ArtifactStore): Promise<[RoundItems, ...RoundItems[]]> {
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

interface ShardItems {
  readonly number: number;
  /** in the order of their lines */
  readonly values: readonly ItemStatus[];
}

/** The items of one round, shard by shard. */
class RoundItems {
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
      const status = statusOf(this.#joined.get(line) ?? wholeOnly(outcomes.get(line)));
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
function wholeOnly(outcome: ItemOutcome | undefined): FinalOutcome | undefined {
  return outcome?.status === 'part' || (outcome?.status === 'failed' && outcome.isPart === true) ? undefined : outcome;
}

function statusOf(outcome: FinalOutcome | undefined): Pick<ItemStatus, 'status' | 'seconds' | 'error'> {
  if (outcome === undefined) return { status: 'pending' };
  if (outcome.status === 'failed') return { status: 'failed', error: outcome.error };
  return { status: 'done', seconds: seconds(outcome.samples, outcome.sampleRateHz) };
}
