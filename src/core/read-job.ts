/** A job's status, derived from its objects: there is no status that is stored, hence none that can be wrong. */
import { type ErrorRecord, NarratorError } from './errors.ts';
import type { JobHead } from './job.ts';
import { planKey, recordKey, recordPrefix, shardName, shardNumber, shardOfRecordKey } from './keys.ts';
import {
  isCancelled,
  latestRound,
  readJobHead,
  readJobPlan,
  readRecord,
  readSummary,
  requireJobPlans,
} from './ledger.ts';
import type { ArtifactStore } from './ports.ts';
import { readAhead } from './read-ahead.ts';
import type { JobSummary, ShardRecord } from './record.ts';
import type { JobPlan } from './shard.ts';

export const JOB_STATES = [
  'planning',
  'running',
  'cancelling',
  'completed',
  'partially_failed',
  'failed',
  'cancelled',
] as const satisfies ('planning' | 'running' | 'cancelling' | JobSummary['outcome'])[];
export type JobState = (typeof JOB_STATES)[number];

export interface JobStatus {
  readonly id: string;
  /** what was accepted */
  readonly head: JobHead;
  /** 1, and one more for every retry */
  readonly round: number;
  /** whose job it is */
  readonly tenant?: string;
  readonly state: JobState;
  readonly createdAt: string;
  /** when the last shard was planned */
  readonly plannedAt?: string;
  /** when the first shard of this round was taken up by a worker */
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** until the job is planned: of those that have an outcome already */
  readonly items: {
    readonly total: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly pending: number;
  };
  readonly shards: { readonly total: number; readonly recorded: number };
  /** `earlier`: what of the finished was there before this round */
  readonly audioSeconds: { readonly predicted: number; readonly finished: number; readonly earlier?: number };
  /** 0 to 100, by predicted speech: 100 only when finished */
  readonly percent: number;
  /** why the job as a whole failed */
  readonly error?: ErrorRecord;
  readonly summary?: JobSummary;
}

/** Of a job that was accepted just now: nobody needs to look. */
export function acceptedStatus(head: JobHead): JobStatus {
  return openStatus(head, 1, 'planning', undefined, NOTHING);
}

/** Jobs whose progress is remembered between calls. */
const JOBS_REMEMBERED_MAX = 256;
/** Records that are read at once. */
const READ_AHEAD = 16;

/** Cheap to poll: records never change, so that each is read once. */
export class JobReader {
  readonly #store: ArtifactStore;
  readonly #progress = new Map<string, Progress>();

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  /** @returns undefined if there is no such job */
  async read(jobId: string): Promise<JobStatus | undefined> {
    const head = await readJobHead(this.#store, jobId);
    return head === undefined ? undefined : this.statusOf(head);
  }

  /** The same for who has read the head already. */
  async statusOf(head: JobHead): Promise<JobStatus> {
    const jobId = head.id;
    const first = await readSummary(this.#store, jobId);
    // Only what is finished can be retried.
    const round = first === undefined ? 1 : await latestRound(this.#store, jobId);
    const [planned, plan, summary, before, cancelled] = await Promise.all([
      this.#store.head(planKey(jobId)),
      readJobPlan(this.#store, jobId, round),
      round === 1 ? first : readSummary(this.#store, jobId, round),
      round === 1 ? undefined : this.#before(jobId, round),
      isCancelled(this.#store, jobId),
    ]);
    const times = planned === undefined ? {} : { plannedAt: planned.modifiedAt.toISOString() };
    if (summary !== undefined) return { ...finishedStatus(head, round, plan, summary), ...times };
    const state = cancelled ? 'cancelling' : plan === undefined ? 'planning' : 'running';
    const progress = this.#progressOf(head, round, before?.shards ?? 0);
    await progress.update(this.#store);
    const status = { ...openStatus(head, round, state, plan, progress.counts), ...times };
    return before === undefined ? status : retriedStatus(status, plan, before);
  }

  async #before(jobId: string, round: number): Promise<RoundBefore> {
    const plans = await requireJobPlans(this.#store, jobId, round - 1);
    const summary = await readSummary(this.#store, jobId, round - 1);
    if (summary === undefined)
      throw new NarratorError('ledger_corrupt', `Round ${round - 1} of job ${jobId} is missing.`);
    return { summary, shards: plans.at(-1)?.shards ?? 0 };
  }

  #progressOf({ id, createdAt }: JobHead, round: number, shardsBefore: number): Progress {
    // A job that was deleted may have a successor by its name.
    const name = `${id} ${createdAt} ${round}`;
    const progress = this.#progress.get(name) ?? new Progress(id, shardsBefore);
    this.#progress.delete(name);
    this.#progress.set(name, progress);
    if (this.#progress.size > JOBS_REMEMBERED_MAX) {
      const [eldest] = this.#progress.keys();
      if (eldest !== undefined) this.#progress.delete(eldest);
    }
    return progress;
  }
}

interface Counts {
  readonly succeeded: number;
  readonly failed: number;
  readonly shards: number;
  readonly frames: number;
  readonly audioSeconds: number;
  /** of the first record */
  readonly startedAt?: string;
}

const NOTHING: Counts = { succeeded: 0, failed: 0, shards: 0, frames: 0, audioSeconds: 0 };

/** Sums over the records seen so far. */
class Progress {
  readonly #jobId: string;
  /** all shards up to this number are counted */
  #upTo: number;
  /** and these beyond it */
  readonly #beyond = new Set<number>();
  #updating: Promise<void> | undefined;
  counts = NOTHING;

  /** of the shards behind the first `after` */
  constructor(jobId: string, after: number) {
    this.#jobId = jobId;
    this.#upTo = after;
  }

  /** Callers at the same time share one pass. */
  update(store: ArtifactStore): Promise<void> {
    this.#updating ??= this.#countNew(store).finally(() => {
      this.#updating = undefined;
    });
    return this.#updating;
  }

  async #countNew(store: ArtifactStore): Promise<void> {
    const records = readAhead(this.#newShards(store), READ_AHEAD, async (number) => ({
      number,
      record: await readRecord(store, this.#jobId, shardName(number)),
    }));
    for await (const { number, record } of records) {
      if (record === undefined) continue;
      this.counts = sum(this.counts, record);
      this.#beyond.add(number);
      while (this.#beyond.delete(this.#upTo + 1)) this.#upTo += 1;
    }
  }

  async *#newShards(store: ArtifactStore): AsyncGenerator<number> {
    const options = this.#upTo === 0 ? {} : { startAfter: recordKey(this.#jobId, shardName(this.#upTo)) };
    for await (const { key } of store.list(recordPrefix(this.#jobId), options)) {
      const number = shardNumber(shardOfRecordKey(this.#jobId, key));
      if (number !== undefined && number > this.#upTo && !this.#beyond.has(number)) yield number;
    }
  }
}

/** An item that spans shards counts once it is joined; its audio counts as it comes. */
function sum(counts: Counts, record: ShardRecord): Counts {
  let { succeeded, failed, audioSeconds } = counts;
  for (const outcome of record.items) {
    if (outcome.status === 'done') {
      succeeded += 1;
      audioSeconds += outcome.samples / outcome.sampleRateHz;
    } else if (outcome.status === 'part') {
      for (const segment of outcome.segments) audioSeconds += segment.samples / outcome.sampleRateHz;
    } else if (outcome.isPart !== true) failed += 1;
  }
  const { startedAt = record.startedAt } = counts;
  return {
    succeeded,
    failed,
    audioSeconds,
    shards: counts.shards + 1,
    frames: counts.frames + record.frames,
    // ISO 8601 in UTC sorts as text.
    startedAt: record.startedAt < startedAt ? record.startedAt : startedAt,
  };
}

function openStatus(
  head: JobHead,
  round: number,
  state: JobState,
  plan: JobPlan | undefined,
  counts: Counts,
): JobStatus {
  const { succeeded, failed } = counts;
  const total = plan?.totals.items ?? succeeded + failed;
  return {
    id: head.id,
    head,
    round,
    ...(head.tenant !== undefined && { tenant: head.tenant }),
    state,
    createdAt: head.createdAt,
    ...(counts.startedAt !== undefined && { startedAt: counts.startedAt }),
    items: { total, succeeded, failed, pending: total - succeeded - failed },
    shards: { total: plan?.shards ?? counts.shards, recorded: counts.shards },
    audioSeconds: { predicted: plan?.totals.audioSeconds ?? 0, finished: rounded(counts.audioSeconds) },
    percent: plan === undefined ? 0 : Math.min(99.9, percentOf(plan, counts)),
    ...(plan?.error !== undefined && { error: plan.error }),
  };
}

function percentOf(plan: JobPlan, counts: Counts): number {
  const share = plan.totals.frames > 0 ? counts.frames / plan.totals.frames : counts.shards / Math.max(1, plan.shards);
  return Math.round(share * 1000) / 10;
}

function finishedStatus(head: JobHead, round: number, plan: JobPlan | undefined, summary: JobSummary): JobStatus {
  const { outcome, startedAt, finishedAt, items, succeeded, failed, audioSeconds, error } = summary;
  const shards = plan?.shards ?? 0;
  return {
    id: head.id,
    head,
    round,
    ...(head.tenant !== undefined && { tenant: head.tenant }),
    state: outcome,
    createdAt: head.createdAt,
    ...(startedAt !== undefined && { startedAt }),
    finishedAt,
    items: { total: items, succeeded, failed, pending: 0 },
    shards: { total: shards, recorded: shards },
    // The last round's plan knows only what was retried.
    audioSeconds: {
      predicted: summary.round === undefined ? (plan?.totals.audioSeconds ?? 0) : audioSeconds,
      finished: audioSeconds,
    },
    percent: 100,
    ...(error !== undefined && { error }),
    summary,
  };
}

interface RoundBefore {
  readonly summary: JobSummary;
  /** of all rounds before */
  readonly shards: number;
}

/** What stands since the round before, with the failed items that are at work again taken out and what became of them put in. */
function retriedStatus(status: JobStatus, plan: JobPlan | undefined, { summary, shards }: RoundBefore): JobStatus {
  const { succeeded, failed } = status.items;
  const retried = plan?.totals.items ?? succeeded + failed;
  return {
    ...status,
    items: {
      total: summary.items,
      succeeded: summary.succeeded + succeeded,
      failed: summary.failed - retried + failed,
      pending: retried - succeeded - failed,
    },
    shards: { total: Math.max(shards, status.shards.total), recorded: shards + status.shards.recorded },
    audioSeconds: {
      predicted: rounded(summary.audioSeconds + status.audioSeconds.predicted),
      finished: rounded(summary.audioSeconds + status.audioSeconds.finished),
      earlier: summary.audioSeconds,
    },
  };
}

/**
 * Seconds until the job is done if it goes on as it went in this round, whatever else is at work.
 * @returns undefined while nothing is there to tell by
 */
export function etaSeconds({ state, startedAt, audioSeconds }: JobStatus, now: Date): number | undefined {
  if (state !== 'running' || startedAt === undefined) return undefined;
  const { predicted, finished, earlier = 0 } = audioSeconds;
  const elapsedSeconds = (now.getTime() - Date.parse(startedAt)) / 1000;
  if (finished <= earlier || elapsedSeconds <= 0) return undefined;
  return Math.ceil((Math.max(0, predicted - finished) * elapsedSeconds) / (finished - earlier));
}

const rounded = (value: number) => Math.round(value * 1000) / 1000;
