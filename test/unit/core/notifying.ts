/** An outbox that the test empties by hand. */
import { type Deliver, deliverOwed, type DeliveryOutcome, Outbox } from '../../../src/core/deliver-outbox.ts';
import { type JobEvent, jobEventSchema } from '../../../src/core/events.ts';
import { eventPrefix } from '../../../src/core/keys.ts';
import { EVENT_TYPES, type Subscription } from '../../../src/core/subscription.ts';
import type { MemoryStore } from './memory-store.ts';

export const everything: Subscription = { kind: 'webhook', url: 'https://a.example/', events: [...EVENT_TYPES] };
export const endings: Subscription = { kind: 'sqs', queueUrl: 'https://b.example/' };

export const eventsOf = (store: MemoryStore, jobId = 'job'): JobEvent[] =>
  store.keys(eventPrefix(jobId)).map((key) => jobEventSchema.parse(store.json(key)));

export const typesOf = (events: readonly JobEvent[]) => events.map(({ type }) => type).sort();

export interface Delivered {
  readonly to: Subscription['kind'];
  readonly event: JobEvent;
}

/** Tries once whatever is due. @returns what was taken, and what became of each */
export async function deliverDue(
  store: MemoryStore,
  options: { now?: () => Date; receive?: Deliver; random?: () => number } = {},
) {
  const { now = () => new Date('2030-01-01'), receive = async () => undefined, random = () => 0 } = options;
  const delivered: Delivered[] = [];
  const outcomes: DeliveryOutcome['status'][] = [];
  const problems: string[] = [];
  const signal = new AbortController().signal;
  const deliver: Deliver = async (subscription, event, more) => {
    await receive(subscription, event, more);
    delivered.push({ to: subscription.kind, event });
  };
  for (const owed of await new Outbox(store, now).due(({ code }) => problems.push(code))) {
    const { status } = await deliverOwed(owed, { store, now, random, deliver, signal, claimMs: 60_000 });
    outcomes.push(status);
  }
  return { delivered, outcomes, problems };
}
