/** A page of items together with the JSON that lies beside the audio of each: what a client would else ask for one by one. */
import { sidecarKey } from './keys.ts';
import type { Page } from './list-jobs.ts';
import type { ArtifactStore } from './ports.ts';
import { readAhead } from './read-ahead.ts';
import { readItems, type ReadItemsQuery } from './read-items.ts';
import type { ResultsPlace } from './results.ts';
import type { ItemStatus } from './round-items.ts';

export interface TimedPage extends Page<ItemStatus> {
  /** By the item's line. None for an item that is not done, and for one whose file is gone or no JSON any more. */
  readonly timings?: ReadonlyMap<number, object>;
}

const READ_AHEAD = 16;
/** A book's chapter has a megabyte of timings: the page ends behind the item that passes this. */
const TIMINGS_BYTES_MAX = 4 * 1024 * 1024;

/** @throws NarratorError as readItems; store errors */
export async function readTimedItems(
  jobId: string,
  query: ReadItemsQuery,
  { store, results }: { readonly store: ArtifactStore; readonly results: ResultsPlace },
): Promise<TimedPage> {
  const page = await readItems(jobId, query, { store });
  const timings = new Map<number, object>();
  const read = async ({ line, status, output }: ItemStatus) => {
    const isDone = status === 'done' && output !== undefined;
    return { line, bytes: isDone ? await timingsBytes(results, output) : undefined };
  };
  let looked = 0;
  let total = 0;
  for await (const { line, bytes = new Uint8Array() } of readAhead(page.entries, READ_AHEAD, read)) {
    looked += 1;
    const parsed = parseObject(bytes);
    if (parsed !== undefined) timings.set(line, parsed);
    total += bytes.length;
    if (total > TIMINGS_BYTES_MAX) break;
  }
  if (looked === page.entries.length) return { ...page, timings };
  // Where the shorter page ends, its own reading knows. Of items that were done meanwhile there are no timings yet: they are optional.
  return { ...(await readItems(jobId, { ...query, limit: looked }, { store })), timings };
}

async function timingsBytes({ store, prefix }: ResultsPlace, output: string): Promise<Uint8Array | undefined> {
  return (await store.get(sidecarKey(prefix, output)))?.bytes;
}

/** The results lie where the client wanted them: whoever may write there may have changed them. */
function parseObject(bytes: Uint8Array): object | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
