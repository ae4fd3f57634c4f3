/** What happened, for whoever checks it afterwards: which faults there were, and what became of each submission. */
import type { Invocation } from './read-invocation.ts';

const FAULTS = [
  'throttled',
  'unavailable',
  'acceptancesLost',
  'failed',
  'hung',
  'answersLost',
  'deliveredTwice',
  'requeued',
  'notificationsDropped',
  'notificationsDoubled',
  'instancesStarted',
  'instancesTakenAway',
  'instancesCrashed',
] as const;
type Fault = (typeof FAULTS)[number];

export interface InvocationView {
  readonly inferenceId: string;
  /** a place in S3, or the bytes that came along */
  readonly input: string | number;
  readonly outputLocation: string;
  readonly failureLocation: string | undefined;
  readonly receivedAt: string;
  /** times that a container was given it, or would have been */
  readonly deliveries: number;
  /** of the last delivery that ended */
  readonly outcome: 'waiting' | 'expired' | 'completed' | 'failed';
  readonly reason?: string;
}

/** Older ones are forgotten. */
const INVOCATIONS_MAX = 20_000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Account {
  readonly #faults = new Map<Fault, number>(FAULTS.map((name) => [name, 0]));
  readonly #invocations = new Map<Invocation, Mutable<InvocationView>>();

  note(fault: Fault): void {
    this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1);
  }

  accepted(invocation: Invocation): void {
    const { inferenceId, input, outputLocation, failureLocation, receivedAt } = invocation;
    this.#invocations.set(invocation, {
      ...{ inferenceId, outputLocation, failureLocation, deliveries: 0, outcome: 'waiting' },
      input: typeof input === 'string' ? input : input.length,
      receivedAt: receivedAt.toISOString(),
    });
    const [oldest] = this.#invocations.keys();
    if (this.#invocations.size > INVOCATIONS_MAX && oldest !== undefined) this.#invocations.delete(oldest);
  }

  delivered(invocation: Invocation): void {
    const view = this.#invocations.get(invocation);
    if (view !== undefined) view.deliveries += 1;
  }

  ended(invocation: Invocation, outcome: 'expired' | 'completed' | 'failed', reason?: string): void {
    const view = this.#invocations.get(invocation);
    if (view !== undefined) Object.assign(view, { outcome, reason });
  }

  get faults(): Readonly<Record<Fault, number>> {
    return Object.fromEntries(this.#faults) as Record<Fault, number>;
  }

  get invocations(): readonly InvocationView[] {
    return [...this.#invocations.values()].map((view) => ({ ...view }));
  }
}
