/**
 * Delivering what the outbox owes: at least once, by whichever process claims it first. What cannot be delivered is tried again
 * by the schedule of Standard Webhooks, and ends as a dead letter under its job.
 */
import { type ErrorDetails, NarratorError, toNarratorError } from './errors.ts';
import { type JobEvent, jobEventSchema } from './events.ts';
import {
  type DeliveryName,
  deliveryOfKey,
  eventKey,
  jobHeadKey,
  openKey,
  outboxPrefix,
  undeliveredKey,
} from './keys.ts';
import { encodeJson, parseJson, putJson, readJson } from './ledger.ts';
import { type OutboxEntry, outboxEntrySchema } from './outbox.ts';
import type { ArtifactStore, Etag, ObjectHead } from './ports.ts';
import { readAhead } from './read-ahead.ts';
import type { Subscription } from './subscription.ts';

/**
 * Gives one event to one receiver. Resolves once it has it for sure. A NarratorError that is not retryable ends the delivery.
 * @throws DeliveryError, or any NarratorError
 */
export type Deliver = (
  subscription: Subscription,
  event: JobEvent,
  options: { readonly signal: AbortSignal },
) => Promise<void>;

/** delivery_failed, and when the receiver wants to be asked again. Not retryable: never. */
export class DeliveryError extends NarratorError {
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    { retryAfterMs, ...details }: ErrorDetails & { readonly retryAfterMs?: number } = {},
    options?: { cause?: unknown },
  ) {
    super('delivery_failed', message, details, options);
    this.retryAfterMs = retryAfterMs;
  }
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * Before each try, since the one before it failed.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Deliverability and reliability"
 */
export const DELIVERY_SCHEDULE_MS: readonly number[] = [
  0,
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];

/** What a receiver may ask for with Retry-After. */
const RETRY_AFTER_MAX_MS = 24 * HOUR_MS;

/** Receivers that failed together do not hear of it together. */
const JITTER = 0.2;

/**
 * @param attempts tries that were made
 * @param random from 0 to 1
 * @returns how long to wait for the next one; undefined: there is none
 */
export function delayBeforeNext(attempts: number, random: number, retryAfterMs = 0): number | undefined {
  const scheduledMs = DELIVERY_SCHEDULE_MS[attempts];
  if (scheduledMs === undefined) return undefined;
  return Math.max(Math.round(scheduledMs * (1 + JITTER * random)), Math.min(retryAfterMs, RETRY_AFTER_MAX_MS));
}

/** A delivery that is due. */
export interface OwedDelivery {
  readonly key: string;
  readonly name: DeliveryName;
  readonly etag: Etag;
  readonly entry: OutboxEntry;
}

/** Entries that are read at once. */
const READ_AHEAD = 16;

/** The outbox as one process sees it: what it has read is read again only when it has changed. */
export class Outbox {
  readonly #store: ArtifactStore;
  readonly #now: () => Date;
  #known = new Map<string, OwedDelivery>();

  constructor(store: ArtifactStore, now: () => Date) {
    this.#store = store;
    this.#now = now;
  }

  /** Longest due first. Leaves out whatever is not an entry: `onUnusable` hears of it. */
  async due(onUnusable: (error: NarratorError) => void): Promise<OwedDelivery[]> {
    const known = new Map<string, OwedDelivery>();
    const read = async ({ key, etag }: ObjectHead): Promise<OwedDelivery | undefined> => {
      try {
        return await this.#entry(key, etag);
      } catch (thrown) {
        onUnusable(toNarratorError(thrown));
        return undefined;
      }
    };
    for await (const owed of readAhead(this.#store.list(outboxPrefix), READ_AHEAD, read)) {
      if (owed !== undefined) known.set(owed.key, owed);
    }
    this.#known = known;
    const now = this.#now().toISOString();
    const isDue = ({ entry }: OwedDelivery) => entry.dueAt <= now;
    return [...known.values()].filter(isDue).sort((a, b) => (a.entry.dueAt < b.entry.dueAt ? -1 : 1));
  }

  async #entry(key: string, etag: Etag): Promise<OwedDelivery | undefined> {
    const known = this.#known.get(key);
    if (known?.etag === etag) return known;
    const name = deliveryOfKey(key);
    if (name === undefined) return undefined;
    const stored = await this.#store.get(key);
    if (stored === undefined) return undefined;
    return { key, name, etag: stored.etag, entry: parseJson(key, stored.bytes, outboxEntrySchema) };
  }
}

export interface DeliverDeps {
  readonly store: ArtifactStore;
  readonly now: () => Date;
  /** from 0 to 1 */
  readonly random: () => number;
  readonly deliver: Deliver;
  readonly signal: AbortSignal;
  /** longer than a try can take: until then it belongs to who claimed it */
  readonly claimMs: number;
}

export type DeliveryOutcome =
  | { readonly status: 'delivered'; readonly event: JobEvent }
  | { readonly status: 'failed'; readonly event: JobEvent; readonly error: NarratorError; readonly dueAt: string }
  /** it is a dead letter now */
  | { readonly status: 'given-up'; readonly event: JobEvent; readonly error: NarratorError }
  /** another process has it, or its event is not told yet, or its job is gone */
  | { readonly status: 'left' };

/** One try. A process that is killed in it has the delivery tried again after `claimMs`: receivers see some events twice. */
export async function deliverOwed(owed: OwedDelivery, deps: DeliverDeps): Promise<DeliveryOutcome> {
  const { store, now, claimMs, signal } = deps;
  const { key, name } = owed;
  const event = await readJson(store, eventKey(name.jobId, name.eventId), jobEventSchema);
  if (event === undefined) {
    await dropUntold(owed, store);
    return { status: 'left' };
  }
  const claimed = { ...owed.entry, attempts: owed.entry.attempts + 1, dueAt: later(now(), claimMs) };
  const etag = await replace(store, key, claimed, owed.etag);
  if (etag === undefined) return { status: 'left' };
  try {
    await deps.deliver(claimed.subscription, event, { signal });
  } catch (thrown) {
    const error = toNarratorError(thrown);
    // Not the receiver's fault, and no try: the next process makes it at once.
    if (signal.aborted) {
      await replace(store, key, owed.entry, etag);
      return { status: 'left' };
    }
    return { event, ...(await afterFailure({ ...owed, etag, entry: claimed }, error, deps)) };
  }
  await store.delete(key);
  return { status: 'delivered', event };
}

async function afterFailure(owed: OwedDelivery, error: NarratorError, deps: DeliverDeps) {
  const { store, now, random } = deps;
  const { key, etag, entry } = owed;
  const retryAfterMs = error instanceof DeliveryError ? error.retryAfterMs : undefined;
  const delayMs = error.retryable ? delayBeforeNext(entry.attempts, random(), retryAfterMs) : undefined;
  if (delayMs === undefined) {
    await bury(owed, error, deps);
    return { status: 'given-up', error } as const;
  }
  const dueAt = later(now(), delayMs);
  await replace(store, key, { ...entry, dueAt, error: error.toRecord() }, etag);
  return { status: 'failed', error, dueAt } as const;
}

/** The dead letter first: a kill in between buries it twice, under the same name. */
async function bury({ key, name, entry }: OwedDelivery, error: NarratorError, { store, now }: DeliverDeps) {
  const { jobId, eventId } = name;
  const subscription = withoutSecret(entry.subscription);
  const { attempts } = entry;
  const letter = { v: 1, eventId, subscription, attempts, givenUpAt: now().toISOString(), error: error.toRecord() };
  await putJson(store, undeliveredKey(name), letter);
  // A job that was deleted meanwhile leaves nothing behind.
  if ((await store.head(jobHeadKey(jobId))) === undefined) await store.delete(undeliveredKey(name));
  await store.delete(key);
}

/** Its teller was killed before he was done and does it again, unless nobody works on the job any more. */
async function dropUntold({ key, name }: OwedDelivery, store: ArtifactStore): Promise<void> {
  if ((await store.head(openKey(name.jobId))) !== undefined) return;
  // The event may have been told, and the job finished, between the two looks.
  if ((await store.head(eventKey(name.jobId, name.eventId))) === undefined) await store.delete(key);
}

function withoutSecret(subscription: Subscription): Subscription {
  if (subscription.kind !== 'webhook') return subscription;
  const { secret: _secret, ...shown } = subscription;
  return shown;
}

/** @returns undefined if it is no longer this version */
async function replace(store: ArtifactStore, key: string, entry: OutboxEntry, etag: Etag): Promise<Etag | undefined> {
  const put = await store.put(key, encodeJson(entry), { ifMatch: etag, contentType: 'application/json' });
  return put.status === 'written' ? put.etag : undefined;
}

const later = (time: Date, ms: number) => new Date(time.getTime() + ms).toISOString();
