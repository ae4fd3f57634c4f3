/**
 * Delivers what the outbox owes, beside everything else that a server does. Several processes may do so on one store. A
 * receiver that is slow or gone holds up its own deliveries only.
 */
import { type Deliver, deliverOwed, type DeliveryOutcome, Outbox, type OwedDelivery } from '../core/deliver-outbox.ts';
import { type NarratorError, toNarratorError } from '../core/errors.ts';
import type { ArtifactStore } from '../core/ports.ts';
import type { Subscription } from '../core/subscription.ts';
import { sleep } from './sleep.ts';

export interface DelivererOptions {
  readonly store: ArtifactStore;
  readonly deliver: Deliver;
  /** deliveries at once. Default 32 */
  readonly concurrency?: number;
  /** of them to one receiver: one host, queue or topic. Default 4 */
  readonly concurrencyPerReceiver?: number;
  /** between two looks at the outbox when nothing wakes it. Default 2000 */
  readonly intervalMs?: number;
  /** a try that has not ended by then is made again, by any process. Default 60 000: longer than any receiver is given */
  readonly claimMs?: number;
  readonly now?: () => Date;
  /** from 0 to 1 */
  readonly random?: () => number;
  /** for logs and metrics. Must not throw. */
  readonly onOutcome?: (outcome: DeliveryOutcome, owed: OwedDelivery) => void;
  /** the outbox cannot be read or written: it is tried again. Must not throw. */
  readonly onProblem?: (error: NarratorError) => void;
}

const DEFAULTS = {
  concurrency: 32,
  concurrencyPerReceiver: 4,
  intervalMs: 2_000,
  claimMs: 60_000,
  now: () => new Date(),
  random: Math.random,
};

const GRACE_MS = 3_000;

export class Deliverer {
  readonly #options: DelivererOptions & typeof DEFAULTS;
  readonly #outbox: Outbox;
  /** found due at the last look, and not begun yet */
  #due: OwedDelivery[] = [];
  readonly #atWork = new Map<string, { readonly receiver: string; readonly done: Promise<void> }>();
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();
  #wake = new AbortController();
  #running: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: DelivererOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#outbox = new Outbox(options.store, this.#options.now);
  }

  /** Idempotent. */
  start(): void {
    if (!this.#stop.signal.aborted) this.#running ??= this.#run();
  }

  /** Looks at the outbox at once: something was told. */
  wake(): void {
    this.#wake.abort();
  }

  /** Begins nothing more, gives what is at work `graceMs` (default 3000), then cuts it: it is delivered again. Idempotent. */
  close({ graceMs = GRACE_MS }: { graceMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    this.#stop.abort();
    this.#due = [];
    this.wake();
    await this.#running;
    const over = setTimeout(() => this.#cut.abort(), graceMs);
    await Promise.all([...this.#atWork.values()].map(({ done }) => done));
    clearTimeout(over);
  }

  async #run(): Promise<void> {
    const { intervalMs, onProblem } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const woken = (this.#wake = new AbortController()).signal;
      try {
        const due = await this.#outbox.due((error) => onProblem?.(error));
        if (signal.aborted) return;
        this.#due = due;
        this.#startNext();
      } catch (thrown) {
        onProblem?.(toNarratorError(thrown));
      }
      await sleep(intervalMs, woken);
    }
  }

  #startNext(): void {
    const { concurrency, concurrencyPerReceiver } = this.#options;
    const counts = new Map<string, number>();
    for (const { receiver } of this.#atWork.values()) counts.set(receiver, (counts.get(receiver) ?? 0) + 1);
    const later: OwedDelivery[] = [];
    for (const [at, owed] of this.#due.entries()) {
      if (this.#atWork.size >= concurrency) {
        later.push(...this.#due.slice(at));
        break;
      }
      if (this.#atWork.has(owed.key)) continue;
      const receiver = receiverOf(owed.entry.subscription);
      const count = counts.get(receiver) ?? 0;
      if (count >= concurrencyPerReceiver) {
        later.push(owed);
        continue;
      }
      counts.set(receiver, count + 1);
      this.#start(owed, receiver);
    }
    this.#due = later;
  }

  #start(owed: OwedDelivery, receiver: string): void {
    const done = this.#deliver(owed).finally(() => {
      this.#atWork.delete(owed.key);
      this.#startNext();
    });
    this.#atWork.set(owed.key, { receiver, done });
  }

  /** Never rejects. */
  async #deliver(owed: OwedDelivery): Promise<void> {
    const { onOutcome, onProblem, ...deps } = this.#options;
    try {
      onOutcome?.(await deliverOwed(owed, { ...deps, signal: this.#cut.signal }), owed);
    } catch (thrown) {
      onProblem?.(toNarratorError(thrown));
    }
  }
}

/** What is slow or gone as one. */
function receiverOf(subscription: Subscription): string {
  switch (subscription.kind) {
    case 'webhook':
      return URL.canParse(subscription.url) ? new URL(subscription.url).host : subscription.url;
    case 'sqs':
      return subscription.queueUrl;
    case 'sns':
      return subscription.topicArn;
  }
}
