/** What is told of a job while it is at work, and at its end. */
import {
  FAILURES_TOLD_MAX,
  finishedEvent,
  itemFailedEvent,
  type JobRound,
  MILESTONES_PERCENT,
  plannedEvent,
  progressEvent,
} from './events.ts';
import { shardName } from './keys.ts';
import { readJobPlan, readRecord, readSummary } from './ledger.ts';
import type { PlacedOutcome } from './outcomes.ts';
import { tell, type TellDeps, wantedTypes } from './outbox.ts';
import { readAhead } from './read-ahead.ts';
import type { FailedItem, FinalOutcome } from './record.ts';
import type { JobPlan } from './shard.ts';
import { type EventType, FINAL_EVENTS } from './subscription.ts';

/** How far a round is: see OpenJob. */
export interface RoundState {
  readonly plan: JobPlan | undefined;
  /** all shards up to this number have a record */
  readonly recordedUpTo: number;
  /** shards that have one, those of the rounds before included */
  readonly recorded: number;
}

/** Records that one call of `update` reads: a controller has other jobs too. */
const RECORDS_PER_UPDATE = 64;
const READ_AHEAD = 16;
const BEFORE_THE_END: readonly EventType[] = ['job.planned', 'job.progress', 'item.failed'];

/** Tells of one round as it goes on. Keeps only what saves asking the store again. */
export class JobNews {
  readonly #of: JobRound;
  readonly #deps: TellDeps;
  readonly #wanted: ReadonlySet<EventType>;
  #shardsBefore: number | undefined;
  #isPlannedTold = false;
  #percentTold = 0;
  /** records up to this shard were looked at for failed items */
  #readUpTo = 0;
  #failuresTold = 0;
  #lastFailedLine = 0;

  constructor(of: JobRound, deps: TellDeps) {
    this.#of = of;
    this.#deps = deps;
    this.#wanted = wantedTypes(of.head, deps);
  }

  /** Idempotent; cheap when nothing is new, or nobody wants to know. @throws NarratorError of the store: call it again */
  async update({ plan, recordedUpTo, recorded }: RoundState): Promise<void> {
    if (!BEFORE_THE_END.some((type) => this.#wanted.has(type))) return;
    this.#shardsBefore ??= await this.#countShardsBefore();
    // A plan that ends in an error ends the job: that is told instead.
    if (plan !== undefined && plan.error === undefined) await this.#tellPlanned(plan, this.#shardsBefore);
    // The end of a round is told by whoever finishes it.
    if (plan !== undefined && recorded >= plan.shards) return;
    if (plan !== undefined) {
      const total = plan.shards - this.#shardsBefore;
      await this.#tellProgress({ total, recorded: recorded - this.#shardsBefore });
    }
    await this.#tellFailures(recordedUpTo);
  }

  async #tellPlanned(plan: JobPlan, shardsBefore: number): Promise<void> {
    if (this.#isPlannedTold) return;
    const { head } = this.#of;
    await tell(plannedEvent(this.#of, plan, shardsBefore, this.#deps.now), head, this.#deps);
    this.#isPlannedTold = true;
  }

  async #tellProgress(shards: { readonly total: number; readonly recorded: number }): Promise<void> {
    for (const percent of MILESTONES_PERCENT) {
      if (percent <= this.#percentTold || shards.recorded * 100 < percent * shards.total) continue;
      await tell(progressEvent(this.#of, percent, shards, this.#deps.now), this.#of.head, this.#deps);
      this.#percentTold = percent;
    }
  }

  /** In the order of the manifest, so that the first hundred are the same ones after a restart. */
  async #tellFailures(recordedUpTo: number): Promise<void> {
    if (!this.#wanted.has('item.failed') || this.#failuresTold >= FAILURES_TOLD_MAX) return;
    const first = this.#readUpTo + 1;
    const last = Math.min(recordedUpTo, first + RECORDS_PER_UPDATE - 1);
    const numbers = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
    const { head } = this.#of;
    const records = readAhead(numbers, READ_AHEAD, (number) =>
      readRecord(this.#deps.store, head.id, shardName(number)),
    );
    for await (const record of records) {
      for (const outcome of record?.items ?? []) {
        // Lines ascend; the parts of an item that spans shards have the same one, and it fails once.
        if (outcome.status !== 'failed' || outcome.line <= this.#lastFailedLine) continue;
        if (isTold(outcome)) await this.#tellFailure(outcome);
        this.#lastFailedLine = outcome.line;
      }
      this.#readUpTo += 1;
    }
  }

  async #tellFailure(item: FailedItem): Promise<void> {
    const number = this.#failuresTold + 1;
    if (number > FAILURES_TOLD_MAX) return;
    await tellFailure(this.#of, item, number, this.#deps);
    this.#failuresTold = number;
  }

  async #countShardsBefore(): Promise<number> {
    const { head, round } = this.#of;
    const before = round === 1 ? undefined : await readJobPlan(this.#deps.store, head.id, round - 1);
    this.#readUpTo = before?.shards ?? 0;
    return this.#readUpTo;
  }
}

/** The failed items of a round that is finished: first those that records name, as JobNews tells them, then those that could not be joined. */
export class RoundFailures {
  readonly #recorded: FailedItem[] = [];
  readonly #notJoined: FailedItem[] = [];

  /** in the order of lines */
  add(outcome: FinalOutcome, placed: readonly PlacedOutcome[]): void {
    if (outcome.status !== 'failed' || !isTold(outcome)) return;
    const isRecorded = placed.some((one) => one.outcome.status === 'failed');
    const failures = isRecorded ? this.#recorded : this.#notJoined;
    if (failures.length < FAILURES_TOLD_MAX) failures.push(outcome);
  }

  async tell(of: JobRound, deps: TellDeps): Promise<void> {
    const failures = [...this.#recorded, ...this.#notJoined].slice(0, FAILURES_TOLD_MAX);
    for (const [at, item] of failures.entries()) await tellFailure(of, item, at + 1, deps);
  }
}

/** Tells the end of a round, and of those before it: a retry may have been asked for before theirs was told. */
export async function tellFinished({ head, round }: JobRound, deps: TellDeps): Promise<void> {
  const wanted = wantedTypes(head, deps);
  if (!FINAL_EVENTS.some((type) => wanted.has(type))) return;
  for (let each = 1; each <= round; each++) {
    const summary = await readSummary(deps.store, head.id, each);
    if (summary !== undefined) await tell(finishedEvent({ head, round: each }, summary, deps.now), head, deps);
  }
}

/** What was cancelled did not fail by itself: one event tells of all of it. */
const isTold = ({ error }: FailedItem) => error.code !== 'cancelled';

function tellFailure(of: JobRound, item: FailedItem, number: number, deps: TellDeps): Promise<void> {
  return tell(itemFailedEvent(of, item, number === FAILURES_TOLD_MAX, deps.now), of.head, deps);
}
