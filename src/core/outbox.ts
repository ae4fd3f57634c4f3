/**
 * Telling an event: it is written down once, together with one owed delivery for each of those who want it. Deliveries are
 * written first and the event behind them, so that an event that is there has been told wholly. Somebody who was killed in
 * between tells it again, by the same names; deliver-outbox.ts leaves a delivery alone until its event is there.
 */
import { z } from 'zod';
import { canonicalJson, sha256Hex } from './canonical-json.ts';
import { errorRecordSchema } from './error-record.ts';
import { finishedEvent, type JobEvent, jobEventSchema } from './events.ts';
import type { JobHead } from './job.ts';
import { eventKey, eventPrefix, outboxKey, undeliveredKey } from './keys.ts';
import { latestRound, parseJson, putJson, putJsonIfAbsent, readSummary, requireJobHead } from './ledger.ts';
import type { ArtifactStore } from './ports.ts';
import { type EventType, FINAL_EVENTS, type Subscription, subscriptionSchema } from './subscription.ts';

export const outboxEntrySchema = z.strictObject({
  v: z.literal(1),
  /** as it was when the event was told: a deployment's own may be configured away before it is delivered */
  subscription: subscriptionSchema,
  /** tries that were begun */
  attempts: z.int(),
  /** ISO 8601, UTC; while somebody delivers it: when another one may try */
  dueAt: z.string(),
  /** of the last try */
  error: errorRecordSchema.exactOptional(),
});
export type OutboxEntry = z.infer<typeof outboxEntrySchema>;

export interface TellDeps {
  readonly store: ArtifactStore;
  readonly now: () => Date;
  /** whom the deployment tells of every job; default: nobody */
  readonly subscriptions?: readonly Subscription[];
}

/** The same receiver, by the same secret, is the same subscription: it is told an event once. */
export function subscriptionId({ events: _events, ...receiver }: Subscription): string {
  return sha256Hex(canonicalJson(receiver)).slice(0, 16);
}

/** What somebody wants to know of this job. */
export function wantedTypes(head: JobHead, deps: TellDeps): ReadonlySet<EventType> {
  return new Set(subscribersOf(head, deps).flatMap(({ events = FINAL_EVENTS }) => events));
}

function subscribersTo(type: EventType, head: JobHead, deps: TellDeps): Subscription[] {
  return subscribersOf(head, deps).filter(({ events = FINAL_EVENTS }) => events.includes(type));
}

function subscribersOf({ notify = [], quiet }: JobHead, { subscriptions = [] }: TellDeps): readonly Subscription[] {
  return quiet === true ? notify : [...notify, ...subscriptions];
}

/** Idempotent: what was told is told once. Nothing is written of what nobody wants. */
export async function tell(event: JobEvent, head: JobHead, deps: TellDeps): Promise<void> {
  const { store } = deps;
  const subscribers = subscribersTo(event.type, head, deps);
  if (subscribers.length === 0) return;
  const key = eventKey(head.id, event.id);
  if ((await store.head(key)) !== undefined) return;
  for (const subscription of subscribers) {
    await putJsonIfAbsent(store, outboxKey(nameOf(event, subscription)), owed(subscription, event.timestamp));
  }
  await putJsonIfAbsent(store, key, event);
}

/**
 * Puts all events of a job into the outbox again, also for those who subscribed only after it was done: receivers know them by
 * their ids.
 * @returns how many events that are
 * @throws NarratorError job_not_found
 */
export async function resendEvents(jobId: string, deps: TellDeps): Promise<number> {
  const { store, now } = deps;
  const head = await requireJobHead(store, jobId);
  for (let round = await latestRound(store, jobId); round >= 1; round--) {
    const summary = await readSummary(store, jobId, round);
    if (summary !== undefined) await tell(finishedEvent({ head, round }, summary, now), head, deps);
  }
  let events = 0;
  for await (const { key } of store.list(eventPrefix(jobId))) {
    const stored = await store.get(key);
    if (stored === undefined) continue;
    const event = parseJson(key, stored.bytes, jobEventSchema);
    const subscribers = subscribersTo(event.type, head, deps);
    for (const subscription of subscribers) {
      const name = nameOf(event, subscription);
      await putJson(store, outboxKey(name), owed(subscription, now().toISOString()));
      await store.delete(undeliveredKey(name));
    }
    if (subscribers.length > 0) events += 1;
  }
  return events;
}

const owed = (subscription: Subscription, dueAt: string): OutboxEntry => ({ v: 1, subscription, attempts: 0, dueAt });

const nameOf = ({ id, data }: JobEvent, subscription: Subscription) => ({
  jobId: data.jobId,
  eventId: id,
  subscriptionId: subscriptionId(subscription),
});
