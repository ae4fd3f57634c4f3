/**
 * Dispatches shards as invocations of a SageMaker Asynchronous Inference endpoint: docs/decisions/0014-sagemaker-dispatch.md.
 *
 * What waits at the endpoint can neither be listed nor taken back. So no more than a window is there at once; each invocation is in the
 * ledger before it is made, and whoever takes a job over adopts what is under way; and how often a shard may be invoked is counted
 * there too, across restarts and servers.
 */
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import type { Dispatcher, ShardMessage } from '../core/ports.ts';
import { readAhead } from '../core/read-ahead.ts';
import type { S3Locations } from './s3-locations.ts';
import { type Invocation, Invocations, parseInferenceId, shardNameOf } from './sagemaker-invocation.ts';
import type { InferenceNotification } from './sagemaker-notification.ts';
import { type Outcome, Outcomes } from './sagemaker-outcomes.ts';
import { namesOf, Submissions, type SubmissionsOptions } from './sagemaker-submissions.ts';

export interface SageMakerDispatcherOptions
  extends Omit<SubmissionsOptions, 'invocations' | 'attempts' | 'now' | 'log'> {
  /** where the endpoint puts results and failures */
  readonly locations: Pick<S3Locations, 'exists' | 'readStart'>;
  /** invocations of one shard. Default 5 */
  readonly attempts?: number;
  /** invocations under way beyond which it wants no more. Default 64 */
  readonly window?: number;
  /** until an invocation of which nobody told anything is looked for. Default 15 000 */
  readonly lookAfterMs?: number;
  /** and between two looks, at the least; they become rarer with its age. Default 5000 */
  readonly lookIntervalMs?: number;
  readonly now?: () => Date;
  /** a shard is through: it has its record, or came to nothing with `error`, for good if that is not retryable or shard_abandoned. Must not throw. */
  readonly onSettled?: (message: ShardMessage, error?: NarratorError) => void;
  readonly log?: (event: string, fields?: Record<string, unknown>) => void;
}

const DEFAULTS = {
  attempts: 5,
  window: 64,
  lookAfterMs: 15_000,
  lookIntervalMs: 5_000,
  now: () => new Date(),
  log: (() => undefined) as NonNullable<SageMakerDispatcherOptions['log']>,
};

/** An old invocation is looked at so often. */
const LOOK_INTERVAL_MAX_MS = 60_000;
const LOOKS_AT_ONCE = 8;
const GRACE_MS = 5_000;

/** An invocation in this process's window. */
interface UnderWay {
  readonly message: ShardMessage;
  /** resolves, and never rejects, once `dispatch` is through */
  readonly handedOver: Promise<unknown>;
  /** absent until then */
  invocation?: Invocation;
  lookAtMs: number;
}

export class SageMakerDispatcher implements Dispatcher {
  readonly #options: SageMakerDispatcherOptions & typeof DEFAULTS;
  readonly #invocations: Invocations;
  readonly #outcomes: Outcomes;
  readonly #submissions: Submissions;
  /** by shardNameOf */
  readonly #underWay = new Map<string, UnderWay>();
  readonly #stop = new AbortController();
  #isClosing = false;

  constructor(options: SageMakerDispatcherOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#invocations = new Invocations(options.store);
    this.#outcomes = new Outcomes({ ...this.#options, invocations: this.#invocations });
    this.#submissions = new Submissions({ ...this.#options, invocations: this.#invocations });
  }

  /** Invocations of this process that are not known to have ended. */
  get underWay(): number {
    return this.#underWay.size;
  }

  async start(): Promise<void> {}

  /**
   * Invokes the endpoint, or adopts the invocation that is under way, whoever made it.
   * @throws NarratorError queue_unavailable; engine_stopped once it closes; job_not_found; errors of the store
   */
  async dispatch(message: ShardMessage): Promise<void> {
    if (this.#isClosing) {
      throw new NarratorError('engine_stopped', 'This process is shutting down and dispatches no more shards.');
    }
    const { onSettled, lookAfterMs } = this.#options;
    const name = shardNameOf(message);
    if (this.#underWay.has(name)) return;
    let through: () => void = () => undefined;
    const handedOver = new Promise<void>((resolve) => (through = resolve));
    const entry: UnderWay = { message, handedOver, lookAtMs: Infinity };
    this.#underWay.set(name, entry);
    try {
      const begun = await this.#submissions.begin(message, this.#stop.signal);
      if (begun.status === 'given-up') {
        // Once the dispatch is known to whoever asked for it.
        setImmediate(() => onSettled?.(message, begun.error));
        return;
      }
      entry.invocation = begun.invocation;
      entry.lookAtMs = this.#nowMs() + (begun.status === 'adopted' ? 0 : lookAfterMs);
    } finally {
      if (entry.invocation === undefined) this.#underWay.delete(name);
      through();
    }
  }

  async capacity(): Promise<number> {
    if (this.#isClosing) return 0;
    return Math.max(0, Math.min(this.#options.window - this.#underWay.size, this.#submissions.allowed));
  }

  /** Why the endpoint took no invocation the last time, unless it took one since. */
  get problem(): NarratorError | undefined {
    return this.#submissions.problem;
  }

  /** What is at the endpoint cannot be called back: its containers see for themselves that the job was cancelled. */
  abortJob(jobId: string): void {
    for (const [name, { message }] of this.#underWay) if (message.jobId === jobId) this.#underWay.delete(name);
  }

  /** What is under way goes on; the ledger has it. Idempotent. */
  async close({ graceMs = GRACE_MS }: { graceMs?: number } = {}): Promise<void> {
    this.#isClosing = true;
    const handedOver = Promise.all([...this.#underWay.values()].map((entry) => entry.handedOver));
    const over = new AbortController();
    await Promise.race([handedOver, delay(graceMs, undefined, { signal: over.signal }).catch(() => undefined)]);
    over.abort();
    this.#stop.abort();
    await handedOver;
    this.#underWay.clear();
  }

  // ---------------------------------------------------------------- what becomes of them

  /** May come late, twice, or for what this process knows nothing of. @throws NarratorError of the store: then it should come again */
  async notified(notification: InferenceNotification): Promise<void> {
    const { inferenceId, isCompleted } = notification;
    const named = parseInferenceId(inferenceId);
    const entry = named && this.#underWay.get(named.shard);
    // Its answer can be here before the 202 is; and the controller is told of nothing that it does not know to be under way.
    await entry?.handedOver;
    await nextTurn();
    if (entry?.invocation?.inferenceId === inferenceId) {
      return this.#end(entry, entry.invocation, await this.#outcomes.told(entry.invocation, notification));
    }
    // A late result of an earlier invocation is as good as any. A late failure says nothing about the later one.
    if (entry?.invocation !== undefined && isCompleted && (await this.#outcomes.isRecorded(entry.message))) {
      return this.#end(entry, entry.invocation, { status: 'recorded' });
    }
    if (entry === undefined && named?.message !== undefined && !isCompleted) {
      return this.#noteForAnother(named.message, notification);
    }
    this.#options.log('sagemaker.notification-ignored', { inferenceId });
  }

  /** Looks for what became of invocations of which nobody told anything. Never rejects. */
  async reconcile(): Promise<void> {
    const nowMs = this.#nowMs();
    const due = [...this.#underWay.values()].filter(({ lookAtMs }) => lookAtMs <= nowMs);
    for await (const _done of readAhead(due, LOOKS_AT_ONCE, (entry) => this.#look(entry)));
  }

  async #look(entry: UnderWay): Promise<void> {
    const { log, lookIntervalMs } = this.#options;
    const { invocation } = entry;
    if (invocation === undefined) return;
    const ageMs = this.#nowMs() - Date.parse(invocation.submittedAt);
    entry.lookAtMs = this.#nowMs() + Math.max(lookIntervalMs, Math.min(LOOK_INTERVAL_MAX_MS, ageMs / 4));
    try {
      const outcome = await this.#outcomes.look(invocation);
      if (outcome !== undefined) await this.#end(entry, invocation, outcome);
    } catch (thrown) {
      const { code, message } = toNarratorError(thrown);
      log('sagemaker.look-failed', { ...namesOf(invocation), code, error: message });
    }
  }

  async #end(entry: UnderWay, invocation: Invocation, outcome: Outcome): Promise<void> {
    const { log, onSettled } = this.#options;
    // Whoever takes the job over need not find it out again.
    if (outcome.status === 'failed') await this.#invocations.update(invocation, { error: outcome.error.toRecord() });
    const name = shardNameOf(invocation);
    if (this.#underWay.get(name) !== entry) return;
    this.#underWay.delete(name);
    if (outcome.status === 'recorded') return onSettled?.(entry.message);
    log('sagemaker.invocation-failed', { ...namesOf(invocation), code: outcome.error.code });
    onSettled?.(entry.message, this.#submissions.verdict(invocation, outcome.error));
  }

  /** Servers share the queue of notifications: the one that has the job finds this when it looks. */
  async #noteForAnother(message: ShardMessage, notification: InferenceNotification): Promise<void> {
    const invocation = await this.#invocations.find(message);
    if (invocation?.inferenceId !== notification.inferenceId || invocation.error !== undefined) return;
    const outcome = await this.#outcomes.told(invocation, notification);
    if (outcome.status === 'failed') await this.#invocations.update(invocation, { error: outcome.error.toRecord() });
  }

  #nowMs(): number {
    return this.#options.now().getTime();
  }
}
