/** Pages over the items of a job, in the order of its manifest, whatever its state. */
import { NarratorError } from './errors.ts';
import { readJobHead } from './ledger.ts';
import { badCursor, checkLimit, type Page } from './list-jobs.ts';
import type { ArtifactStore } from './ports.ts';
import { readAhead } from './read-ahead.ts';
import { itemRounds, type ItemStatus } from './round-items.ts';

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
  const [first, ...later] = await itemRounds(jobId, store);
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
