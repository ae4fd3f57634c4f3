/**
 * What is told of a job: facts that follow from its ledger. The same fact is the same event with the same id, whoever
 * tells it and however often. Events carry ids, counts and codes; never a text, nor a message that may quote one.
 */
import { z } from 'zod';
import { canonicalJson, sha256Hex } from './canonical-json.ts';
import type { ErrorRecord } from './errors.ts';
import type { JobHead } from './job.ts';
import type { FailedItem, JobSummary } from './record.ts';
import type { JobPlan } from './shard.ts';
import { EVENT_TYPES, type EventType } from './subscription.ts';

export const jobEventSchema = z.strictObject({
  /** of the fact, not of its delivery: a receiver that has seen it has seen the event */
  id: z.string().regex(/^evt_[0-9a-f]{32}$/),
  type: z.enum(EVENT_TYPES),
  /** ISO 8601, UTC: when it was first told */
  timestamp: z.string(),
  data: z.looseObject({ jobId: z.string(), round: z.int() }),
});
export type JobEvent = z.infer<typeof jobEventSchema>;

/** Shares of a round's shards that are told of, in percent. Its end is an event of its own. */
export const MILESTONES_PERCENT = [25, 50, 75] as const;

/** Failed items of one round that are told of singly; errors.jsonl lists all. */
export const FAILURES_TOLD_MAX = 100;

/** Standard Webhooks asks for less than 20 kB: metadata is the only part without a small bound of its own. */
const METADATA_BYTES_MAX = 8_192;

/** A round of a job: 1, and one more for every retry. */
export interface JobRound {
  readonly head: JobHead;
  readonly round: number;
}

type Time = () => Date;

export function plannedEvent(of: JobRound, { totals, shards }: JobPlan, shardsBefore: number, now: Time): JobEvent {
  const { items, rejected, segments, characters, audioSeconds } = totals;
  return event(of, 'job.planned', '', now, {
    items: { total: items, rejected },
    shards: shards - shardsBefore,
    segments,
    characters,
    audioSeconds: { predicted: audioSeconds },
  });
}

/** `shards`: of this round, as they stand now */
export function progressEvent(
  of: JobRound,
  percent: number,
  shards: { readonly total: number; readonly recorded: number },
  now: Time,
): JobEvent {
  return event(of, 'job.progress', `${percent}`, now, { percent, shards });
}

/** `isLast`: no further ones of this round are told of, whether there are any or not */
export function itemFailedEvent(of: JobRound, { line, item, error }: FailedItem, isLast: boolean, now: Time): JobEvent {
  return event(of, 'item.failed', `${line}`, now, {
    line,
    ...(item !== undefined && { item }),
    error: placeOf(error),
    ...(isLast && { furtherFailuresTold: false }),
  });
}

/** The end of a round. */
export function finishedEvent(of: JobRound, summary: JobSummary, now: Time): JobEvent {
  const { outcome, items, succeeded, failed, segments, reusedSegments, audioSeconds, errors, error } = summary;
  return event(of, `job.${outcome}`, '', now, {
    status: outcome,
    createdAt: summary.createdAt,
    finishedAt: summary.finishedAt,
    items: { total: items, succeeded, failed },
    segments,
    reusedSegments,
    audioSeconds: { finished: audioSeconds },
    errors,
    ...(error !== undefined && { error: placeOf(error) }),
    results: of.head.results,
  });
}

/** An event as it is sent; the same bytes at every attempt. */
export const payloadOf = ({ id, type, timestamp, data }: JobEvent): string =>
  JSON.stringify({ id, type, timestamp, data });

function event(
  { head, round }: JobRound,
  type: EventType,
  detail: string,
  now: Time,
  facts: Record<string, unknown>,
): JobEvent {
  // The time of acceptance tells a job from one that had its id before, and was deleted.
  const identity = { job: head.id, createdAt: head.createdAt, round, type, detail };
  return {
    id: `evt_${sha256Hex(canonicalJson(identity)).slice(0, 32)}`,
    type,
    timestamp: now().toISOString(),
    data: {
      jobId: head.id,
      round,
      ...facts,
      ...(head.tenant !== undefined && { tenant: head.tenant }),
      ...(head.source !== undefined && { source: head.source }),
      ...metadataOf(head),
    },
  };
}

function metadataOf({ metadata }: JobHead): Record<string, unknown> {
  if (metadata === undefined) return {};
  return Buffer.byteLength(JSON.stringify(metadata)) <= METADATA_BYTES_MAX ? { metadata } : { metadataOmitted: true };
}

/** Messages may quote the client's text: they stay where results lie. */
function placeOf({ message: _message, ...error }: ErrorRecord): Omit<ErrorRecord, 'message'> {
  return error;
}
