/** What a controller knows of a job that is not finished: which shards have a record, and which are at work. */
import type { NarratorError } from './errors.ts';
import type { JobHead } from './job.ts';
import type { JobNews } from './job-news.ts';
import { recordKey, recordPrefix, shardName, shardNumber, shardOfRecordKey } from './keys.ts';
import type { ArtifactStore } from './ports.ts';
import type { JobPlan } from './shard.ts';

interface Dispatched {
  dispatches: number;
  /** if it has no record by then, it is dispatched again */
  dueAtMs: number;
  /** why the last dispatch came to nothing, where that is known */
  error: NarratorError | undefined;
}

/** What is known of an open job. All of it can be read again. */
export class OpenJob {
  readonly head: JobHead;
  readonly round: number;
  readonly news: JobNews;
  /** absent until the job is planned */
  plan: JobPlan | undefined;
  /** shards that may be dispatched already while it is planned */
  settledShards = 0;
  /** what is done for this job beside the passes: planning, finishing. It never rejects. */
  work: Promise<void> | undefined;
  /** that work failed, and is not tried again before */
  workNotBeforeMs = 0;
  readonly inFlight = new Map<number, Dispatched>();
  /** ends that work where it can be ended: another controller has the job now */
  readonly lost = new AbortController();
  isFinished = false;
  cancelSeenAtMs: number | undefined;
  /** all shards up to this number have a record */
  #recordedUpTo = 0;
  /** and these beyond it */
  readonly #recordedBeyond = new Set<number>();
  /** all shards up to this number were dispatched by this controller, or have a record */
  #dispatchedUpTo = 0;

  constructor(head: JobHead, round: number, news: JobNews) {
    this.head = head;
    this.round = round;
    this.news = news;
  }

  get recordedUpTo(): number {
    return this.#recordedUpTo;
  }

  get recorded(): number {
    return this.#recordedUpTo + this.#recordedBeyond.size;
  }

  get #shards(): number {
    return this.plan?.shards ?? this.settledShards;
  }

  /** Names only, and only those behind the first gap. */
  async readRecords(store: ArtifactStore): Promise<void> {
    const { id } = this.head;
    const options = this.#recordedUpTo === 0 ? {} : { startAfter: recordKey(id, shardName(this.#recordedUpTo)) };
    for await (const { key } of store.list(recordPrefix(id), options)) {
      const number = shardNumber(shardOfRecordKey(id, key));
      if (number !== undefined) this.markRecorded(number);
    }
  }

  markRecorded(number: number): void {
    this.inFlight.delete(number);
    if (number > this.#recordedUpTo) this.#recordedBeyond.add(number);
    while (this.#recordedBeyond.delete(this.#recordedUpTo + 1)) this.#recordedUpTo += 1;
  }

  isRecorded(): boolean {
    return this.plan !== undefined && this.#recordedUpTo >= this.plan.shards;
  }

  unrecorded(): number[] {
    const numbers: number[] = [];
    for (let number = this.#recordedUpTo + 1; number <= this.#shards; number++) {
      if (!this.#recordedBeyond.has(number)) numbers.push(number);
    }
    return numbers;
  }

  /** The shard to dispatch next: one that is overdue, else the first that was never dispatched. */
  next(nowMs: number): number | undefined {
    for (const [number, { dueAtMs }] of this.inFlight) if (dueAtMs <= nowMs) return number;
    this.#dispatchedUpTo = Math.max(this.#dispatchedUpTo, this.#recordedUpTo);
    while (this.#dispatchedUpTo < this.#shards) {
      const number = this.#dispatchedUpTo + 1;
      if (!this.inFlight.has(number) && !this.#recordedBeyond.has(number)) return number;
      this.#dispatchedUpTo = number;
    }
    return undefined;
  }
}
