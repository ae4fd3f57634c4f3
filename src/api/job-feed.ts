/** What the watchers of one job share: one look at the store serves all of them, and each takes from it at its own speed. */
import { toNarratorError } from '../core/errors.ts';
import type { JobHead } from '../core/job.ts';
import { recordKey, recordPrefix, shardName, shardNumber, shardOfRecordKey } from '../core/keys.ts';
import { readJobHead, readRecord } from '../core/ledger.ts';
import { joinedIn } from '../core/outcomes.ts';
import type { ArtifactStore } from '../core/ports.ts';
import type { JobReader, JobStatus } from '../core/read-job.ts';
import { type ItemStatus, itemStatus, wholeOnly } from '../core/round-items.ts';
import type { Section } from './event-cursor.ts';
import { type JobViewDeps, viewJob } from './job-view.ts';

export interface FeedDeps extends JobViewDeps {
  readonly store: ArtifactStore;
  readonly reader: JobReader;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

export interface FeedTimes {
  /** between two looks while something happens; up to `idleMs` while nothing does */
  readonly pollMs: number;
  readonly idleMs: number;
}

/** Sections whose items are kept: watchers at nearly the same place read them once. */
const SECTIONS_KEPT = 32;

export class JobFeeds {
  readonly #deps: FeedDeps;
  readonly #times: FeedTimes;
  readonly #feeds = new Map<string, JobFeed>();

  constructor(deps: FeedDeps, times: FeedTimes) {
    this.#deps = deps;
    this.#times = times;
  }

  /** A feed that has looked once; whoever takes it must leave it. @throws NarratorError of the store, job_not_found */
  async join(head: JobHead): Promise<JobFeed> {
    // A job that was deleted may have a successor by its name.
    const name = `${head.id} ${head.createdAt}`;
    const feed = this.#feeds.get(name) ?? new JobFeed(head, this.#deps, this.#times, () => this.#feeds.delete(name));
    this.#feeds.set(name, feed);
    await feed.join();
    return feed;
  }
}

export class JobFeed {
  readonly #jobId: string;
  readonly #createdAt: string;
  readonly #deps: FeedDeps;
  readonly #times: FeedTimes;
  readonly #onEmpty: () => void;
  readonly #sections = new Map<string, Promise<readonly ItemStatus[]>>();
  readonly #waiting = new Set<() => void>();
  readonly recorded = new RecordedShards();
  #first: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #delayMs: number;
  #watchers = 0;
  /** rounds whose items that span shards are joined */
  joinedRounds = 0;
  /** the job as JSON */
  view = '';
  /** what of it is worth telling: differs from the last one when anything but an estimate changed */
  mark = '';
  /** the round with which the job is finished */
  finishedRound: number | undefined;
  isGone = false;
  /** counts the looks that found something new */
  version = 0;

  constructor({ id, createdAt }: JobHead, deps: FeedDeps, times: FeedTimes, onEmpty: () => void) {
    this.#jobId = id;
    this.#createdAt = createdAt;
    this.#deps = deps;
    this.#times = times;
    this.#delayMs = times.pollMs;
    this.#onEmpty = onEmpty;
  }

  async join(): Promise<void> {
    this.#watchers += 1;
    try {
      await (this.#first ??= this.#look().then(() => this.#lookLater()));
    } catch (thrown) {
      this.leave();
      throw thrown;
    }
  }

  leave(): void {
    this.#watchers -= 1;
    if (this.#watchers > 0) return;
    clearTimeout(this.#timer);
    this.#onEmpty();
  }

  /** Resolves when there is something newer than `version`, after `ms`, or once `signal` aborts. Never rejects. */
  async newer(version: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.version !== version || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#waiting.add(end);
      signal.addEventListener('abort', end);
    });
  }

  /** Outcomes in the order of their lines; none for parts of items, which count once they are joined. */
  items({ kind, number }: Section): Promise<readonly ItemStatus[]> {
    const name = `${kind} ${number}`;
    const items =
      this.#sections.get(name) ?? (kind === 'shard' ? this.#itemsOfShard(number) : this.#joinedItems(number));
    this.#sections.delete(name);
    this.#sections.set(name, items);
    items.catch(() => this.#sections.delete(name));
    const [eldest] = this.#sections.keys();
    if (this.#sections.size > SECTIONS_KEPT && eldest !== undefined) this.#sections.delete(eldest);
    return items;
  }

  async #itemsOfShard(number: number): Promise<readonly ItemStatus[]> {
    const record = await readRecord(this.#deps.store, this.#jobId, shardName(number));
    return (record?.items ?? []).flatMap((outcome) => {
      const whole = wholeOnly(outcome);
      return whole === undefined ? [] : [itemStatus(whole)];
    });
  }

  async #joinedItems(round: number): Promise<readonly ItemStatus[]> {
    const joined = await joinedIn(this.#deps.store, this.#jobId, round);
    return [...joined.values()].map(itemStatus).sort((a, b) => a.line - b.line);
  }

  #lookLater(): void {
    if (this.#watchers === 0 || this.isGone) return;
    this.#timer = setTimeout(() => {
      const { version } = this;
      this.#look()
        .catch((thrown: unknown) => {
          const { code, message } = toNarratorError(thrown);
          this.#deps.log('events.look_failed', { jobId: this.#jobId, code, error: message });
        })
        .finally(() => {
          const { pollMs, idleMs } = this.#times;
          this.#delayMs = this.version === version ? Math.min(idleMs, this.#delayMs * 1.5) : pollMs;
          this.#lookLater();
        });
    }, this.#delayMs);
  }

  async #look(): Promise<void> {
    const { store, reader } = this.#deps;
    const head = await readJobHead(store, this.#jobId);
    if (head?.createdAt !== this.#createdAt) {
      this.isGone = true;
      return this.#tell();
    }
    const status = await reader.statusOf(head);
    const view = JSON.stringify(await viewJob(status, this.#deps));
    // After the status: what a finished job has recorded is all there then.
    const isNew = await this.#readNames();
    const mark = markOf(status);
    this.finishedRound = status.summary === undefined ? undefined : status.round;
    this.joinedRounds = this.finishedRound ?? status.round - 1;
    this.view = view;
    if (!isNew && mark === this.mark) return;
    this.mark = mark;
    this.#tell();
  }

  async #readNames(): Promise<boolean> {
    const { upTo } = this.recorded;
    const options = upTo === 0 ? {} : { startAfter: recordKey(this.#jobId, shardName(upTo)) };
    let isNew = false;
    for await (const { key } of this.#deps.store.list(recordPrefix(this.#jobId), options)) {
      const number = shardNumber(shardOfRecordKey(this.#jobId, key));
      if (number !== undefined && this.recorded.add(number)) isNew = true;
    }
    return isNew;
  }

  #tell(): void {
    this.version += 1;
    for (const end of [...this.#waiting]) end();
  }
}

/** Estimates change all the time; they come with the next thing that really happens. */
function markOf({ state, round, items, shards, percent, plannedAt, startedAt }: JobStatus): string {
  return JSON.stringify([state, round, items, shards, percent, plannedAt, startedAt]);
}

/** Numbers of shards that have a record: nearly all of them one run from 1. */
class RecordedShards {
  upTo = 0;
  last = 0;
  readonly #beyond = new Set<number>();

  has(shard: number): boolean {
    return shard <= this.upTo || this.#beyond.has(shard);
  }

  /** @returns false if it was there */
  add(shard: number): boolean {
    if (this.has(shard)) return false;
    this.#beyond.add(shard);
    this.last = Math.max(this.last, shard);
    while (this.#beyond.delete(this.upTo + 1)) this.upTo += 1;
    return true;
  }
}
