/** Makes invocations: each in the ledger first, none of them twice, and no more of a shard than it may have. */
import { isFinal } from '../core/dispatch-shards.ts';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import type { JobHead } from '../core/job.ts';
import { shardKey } from '../core/keys.ts';
import { requireJobHead } from '../core/ledger.ts';
import type { ArtifactStore, ShardMessage } from '../core/ports.ts';
import { type AcceptedInvocation, INLINE_BYTES_MAX, type SageMakerClient } from './sagemaker-client.ts';
import type { Invocation, Invocations, Submission } from './sagemaker-invocation.ts';
import { SubmissionPause } from './sagemaker-pause.ts';

export interface SubmissionsOptions {
  readonly endpointName: string;
  readonly client: Pick<SageMakerClient, 'invoke'>;
  readonly invocations: Invocations;
  readonly store: ArtifactStore;
  /** where the store lies, for plans that are too large to travel: 's3://bucket/prefix' */
  readonly storeLocation: string;
  /** of one invocation, once it is at work */
  readonly timeoutS: number;
  /** of one invocation, until it is at work */
  readonly ttlS: number;
  /** invocations of one shard */
  readonly attempts: number;
  readonly now: () => Date;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

export type Begun =
  | { readonly status: 'invoked' | 'adopted'; readonly invocation: Invocation }
  /** the shard had its share, or cannot be done there */
  | { readonly status: 'given-up'; readonly error: NarratorError };

/** Beyond both its times an invocation counts as lost: clocks differ, and SageMaker promises no punctuality. */
const SLACK = { share: 0.1, msMin: 5_000, msMax: 60_000 };

export class Submissions {
  readonly #options: SubmissionsOptions;
  readonly #pause: SubmissionPause;

  constructor(options: SubmissionsOptions) {
    this.#options = options;
    this.#pause = new SubmissionPause(() => options.now().getTime());
  }

  /** Invocations that may be tried now, whatever the window says. */
  get allowed(): number {
    return this.#pause.allowed;
  }

  /** Why the endpoint took no invocation the last time, unless it took one since. */
  get problem(): NarratorError | undefined {
    return this.#pause.problem;
  }

  /** @throws NarratorError queue_unavailable; engine_stopped once `signal` aborts; job_not_found; errors of the store */
  async begin({ jobId, shardId, attempt: dispatch }: ShardMessage, signal: AbortSignal): Promise<Begun> {
    const { store, invocations, log } = this.#options;
    const job = await requireJobHead(store, jobId);
    // A first dispatch nearly always finds nothing: trying is cheaper than asking.
    let claimed = dispatch === 1 ? await invocations.claim(job, shardId, 1, this.#submission()) : undefined;
    while (claimed === undefined) {
      const newest = await invocations.newest(jobId, shardId);
      const error = newest?.error && this.verdict(newest, NarratorError.fromRecord(newest.error));
      if (error !== undefined && isFinal(error)) return { status: 'given-up', error };
      if (newest === undefined || error !== undefined) {
        claimed = await invocations.claim(job, shardId, (newest?.attempt ?? 0) + 1, this.#submission());
      } else if (newest.outputLocation === undefined) {
        // Nobody knows whether it was accepted: the same one once more is harmless, and counts once.
        claimed = newest;
      } else {
        log('sagemaker.adopted', namesOf(newest));
        return { status: 'adopted', invocation: newest };
      }
    }
    return { status: 'invoked', invocation: await this.#submit(claimed, job, signal) };
  }

  /** What an error of this invocation means for the shard: after the last one it is given up. */
  verdict({ attempt, shardId }: Invocation, error: NarratorError): NarratorError {
    if (!error.retryable || attempt < this.#options.attempts) return error;
    const message = `${shardId} was invoked ${attempt} times in vain, the last time for this reason: ${error.message}`;
    return new NarratorError('shard_abandoned', message, {}, { cause: error });
  }

  async #submit(claimed: Invocation, { createdAt }: JobHead, signal: AbortSignal): Promise<Invocation> {
    const { client, attempts, timeoutS, ttlS, log } = this.#options;
    const { inferenceId, attempt } = claimed;
    const input = await this.#inputOf(claimed);
    this.#pause.check();
    try {
      const customAttributes = `attempt=${attempt};last=${attempt >= attempts};job=${createdAt}`;
      const accepted = await client.invoke({ inferenceId, input, customAttributes, timeoutS, ttlS }, signal);
      this.#pause.succeeded();
      log('sagemaker.invoked', { ...namesOf(claimed), inline: typeof input !== 'string' });
      return await this.#note(claimed, { ...this.#submission(), ...accepted });
    } catch (thrown) {
      this.#pause.failed(toNarratorError(thrown));
      throw thrown;
    }
  }

  /** The plan itself, or where it lies. @throws NarratorError ledger_corrupt */
  async #inputOf({ jobId, shardId }: Invocation): Promise<Uint8Array | string> {
    const { store, storeLocation } = this.#options;
    const key = shardKey(jobId, shardId);
    const plan = await store.get(key);
    if (plan === undefined) throw new NarratorError('ledger_corrupt', `The stored object ${key} is missing.`);
    return plan.bytes.byteLength <= INLINE_BYTES_MAX ? plan.bytes : `${storeLocation}/${key}`;
  }

  /** That the ledger does not know of it must not make it an invocation that failed. */
  async #note(claimed: Invocation, facts: Submission & AcceptedInvocation): Promise<Invocation> {
    const { invocations, log } = this.#options;
    const accepted = { ...claimed, ...facts };
    try {
      return (await invocations.update(claimed, facts)) ?? accepted;
    } catch (thrown) {
      const { code, message } = toNarratorError(thrown);
      log('sagemaker.not-noted', { ...namesOf(claimed), code, error: message });
      return accepted;
    }
  }

  #submission(): Submission {
    const { ttlS, timeoutS, now } = this.#options;
    const nowMs = now().getTime();
    const longestMs = (ttlS + timeoutS) * 1000;
    const slackMs = Math.min(SLACK.msMax, Math.max(SLACK.msMin, longestMs * SLACK.share));
    const iso = (ms: number) => new Date(ms).toISOString();
    return { submittedAt: iso(nowMs), deadline: iso(nowMs + longestMs + slackMs) };
  }
}

/** For logs. */
export const namesOf = ({ jobId, shardId, attempt, inferenceId }: Invocation) => ({
  jobId,
  shardId,
  attempt,
  inferenceId,
});
