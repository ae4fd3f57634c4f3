/** Pages over all jobs, newest first, and the place of an open job in the queue. */
import { NarratorError } from './errors.ts';
import { indexPrefix, jobOfIndexKey, openPrefix } from './keys.ts';
import { readJobHead } from './ledger.ts';
import type { ArtifactStore } from './ports.ts';
import { readAhead } from './read-ahead.ts';
import type { JobReader, JobState, JobStatus } from './read-job.ts';

export const PAGE_LIMIT_MAX = 500;
/** Entries of the index that one page looks at, when most of them are not what was asked for. */
const LOOKED_AT_MAX = 1000;
/** Jobs that are read at once. */
const READ_AHEAD = 16;

export interface Page<T> {
  readonly entries: readonly T[];
  /** where the next page begins; absent on the last one. A page may hold fewer entries than its limit and still have it. */
  readonly cursor?: string;
}

export interface ListJobsQuery {
  readonly cursor?: string;
  /** 1 to 500 */
  readonly limit: number;
  readonly state?: JobState;
  /** of this tenant only; null: of those that have none. Absent: of all */
  readonly tenant?: string | null;
}

/**
 * A cursor names no job but one of the page that it came with: whoever sees only a tenant's jobs learns nothing of others.
 * @throws NarratorError usage: an unusable cursor or limit
 */
export async function listJobs(
  query: ListJobsQuery,
  { store, reader }: { readonly store: ArtifactStore; readonly reader: JobReader },
): Promise<Page<JobStatus>> {
  checkLimit(query.limit);
  if (query.cursor !== undefined && !/^\d{13}-[A-Za-z0-9._-]{0,64}$/.test(query.cursor)) throw badCursor();
  const entries: JobStatus[] = [];
  let lookedAt = 0;
  let lastTime: string | undefined;
  let cursor: string | undefined;
  const startAfter = query.cursor === undefined ? {} : { startAfter: `${indexPrefix}${query.cursor}` };
  const looked = readAhead(store.list(indexPrefix, startAfter), READ_AHEAD, async ({ key }) => {
    const head = await readJobHead(store, jobOfIndexKey(key));
    const isOurs = head !== undefined && isOf(query.tenant, head.tenant);
    return { place: key.slice(indexPrefix.length), status: isOurs ? await reader.statusOf(head) : undefined };
  });
  for await (const { place, status } of looked) {
    if (entries.length >= query.limit && cursor !== undefined) return { entries, cursor };
    const time = place.slice(0, INDEX_TIME_LENGTH);
    // Between two moments, so that the time alone says where to go on.
    if (lookedAt >= LOOKED_AT_MAX && time !== lastTime) return { entries, cursor: time };
    lookedAt += 1;
    lastTime = time;
    if (status === undefined || (query.state !== undefined && status.state !== query.state)) continue;
    entries.push(status);
    cursor = place;
  }
  return { entries };
}

/** of a place in the index: '0000000000000-' */
const INDEX_TIME_LENGTH = 14;

const isOf = (wanted: string | null | undefined, tenant: string | undefined) =>
  wanted === undefined || wanted === (tenant ?? null);

export function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= PAGE_LIMIT_MAX) return;
  throw new NarratorError('usage', `limit must be a whole number from 1 to ${PAGE_LIMIT_MAX}, not ${limit}.`, {
    field: 'limit',
    limit: PAGE_LIMIT_MAX,
    hint: 'Ask for a smaller page, and for the next one by its cursor.',
  });
}

export function badCursor(): NarratorError {
  const hint = 'Take the cursor of the page before as it is, or none for the first page.';
  return new NarratorError('usage', 'The cursor is none that a page ended with.', { field: 'cursor', hint });
}

export interface QueuePlace {
  /** open jobs that were accepted before this one */
  readonly jobsBefore: number;
  /** seconds of audio that are still to be made for those of them that are planned */
  readonly audioSecondsBefore: number;
}

/** Where the open jobs stand. One look at the store serves everybody who asks within a few seconds. */
export class JobQueue {
  readonly #store: ArtifactStore;
  readonly #reader: JobReader;
  readonly #now: () => Date;
  readonly #maxAgeMs: number;
  #looked: { readonly atMs: number; readonly jobs: Promise<readonly JobStatus[]> } | undefined;

  constructor(deps: {
    readonly store: ArtifactStore;
    readonly reader: JobReader;
    readonly now: () => Date;
    /** default 5 s */
    readonly maxAgeMs?: number;
  }) {
    this.#store = deps.store;
    this.#reader = deps.reader;
    this.#now = deps.now;
    this.#maxAgeMs = deps.maxAgeMs ?? 5_000;
  }

  /** Jobs share the workers fairly: this says how much work is there already, not that all of it comes first. */
  async placeOf({ id, createdAt }: Pick<JobStatus, 'id' | 'createdAt'>): Promise<QueuePlace> {
    const before = (await this.#open()).filter((job) => job.id !== id && job.createdAt <= createdAt);
    const seconds = before.map(({ audioSeconds }) => Math.max(0, audioSeconds.predicted - audioSeconds.finished));
    const sum = seconds.reduce((total, one) => total + one, 0);
    return { jobsBefore: before.length, audioSecondsBefore: Math.round(sum * 1000) / 1000 };
  }

  #open(): Promise<readonly JobStatus[]> {
    const nowMs = this.#now().getTime();
    if (this.#looked === undefined || nowMs - this.#looked.atMs > this.#maxAgeMs) {
      const jobs = this.#look();
      this.#looked = { atMs: nowMs, jobs };
      // The next one who asks looks again.
      jobs.catch(() => (this.#looked = undefined));
    }
    return this.#looked.jobs;
  }

  async #look(): Promise<readonly JobStatus[]> {
    const jobs: JobStatus[] = [];
    const read = readAhead(this.#store.list(openPrefix), READ_AHEAD, ({ key }) =>
      this.#reader.read(key.slice(openPrefix.length)),
    );
    for await (const status of read) {
      if (status !== undefined && status.summary === undefined) jobs.push(status);
    }
    return jobs;
  }
}
