/** What became of an invocation: what SageMaker tells, and what can be seen in S3 where it told nothing. */
import { NarratorError } from '../core/errors.ts';
import { recordKey } from '../core/keys.ts';
import type { ArtifactStore } from '../core/ports.ts';
import type { S3Locations } from './s3-locations.ts';
import { failureOf } from './sagemaker-failure.ts';
import type { Invocation, Invocations } from './sagemaker-invocation.ts';
import type { InferenceNotification } from './sagemaker-notification.ts';

/** `recorded`: the shard has its record, whoever wrote it. */
export type Outcome = { readonly status: 'recorded' } | { readonly status: 'failed'; readonly error: NarratorError };

export interface OutcomesOptions {
  readonly endpointName: string;
  readonly store: ArtifactStore;
  readonly invocations: Pick<Invocations, 'find'>;
  readonly locations: Pick<S3Locations, 'exists' | 'readStart'>;
  readonly now: () => Date;
}

/** Of a failure object: a problem document is far smaller. */
const FAILURE_BYTES_MAX = 16 * 1024;

export class Outcomes {
  readonly #options: OutcomesOptions;

  constructor(options: OutcomesOptions) {
    this.#options = options;
  }

  /** @returns undefined while it is under way, as far as anybody can see. @throws NarratorError of the store */
  async look(invocation: Invocation): Promise<Outcome | undefined> {
    const { locations, invocations, now } = this.#options;
    const { outputLocation, deadline } = invocation;
    if (await this.isRecorded(invocation)) return { status: 'recorded' };
    const body = await this.#failureBody(invocation);
    if (body !== undefined) return this.#failed(invocation, undefined, body);
    if (outputLocation !== undefined && (await locations.exists(outputLocation))) return this.#completed(invocation);
    // A notification may have come to another server.
    const noted = (await invocations.find(invocation))?.error;
    if (noted !== undefined) return { status: 'failed', error: NarratorError.fromRecord(noted) };
    return Date.parse(deadline) <= now().getTime() ? this.#lost(invocation) : undefined;
  }

  /** @throws NarratorError of the store */
  async told(invocation: Invocation, { isCompleted, status }: InferenceNotification): Promise<Outcome> {
    if (isCompleted) return this.#completed(invocation);
    // It may have been too late with its answer only.
    if (await this.isRecorded(invocation)) return { status: 'recorded' };
    return this.#failed(invocation, status, await this.#failureBody(invocation));
  }

  async isRecorded({ jobId, shardId }: Pick<Invocation, 'jobId' | 'shardId'>): Promise<boolean> {
    return (await this.#options.store.head(recordKey(jobId, shardId))) !== undefined;
  }

  async #failureBody({ failureLocation }: Invocation): Promise<Uint8Array | undefined> {
    return failureLocation === undefined
      ? undefined
      : this.#options.locations.readStart(failureLocation, FAILURE_BYTES_MAX);
  }

  /** The container answers once the record is written. */
  async #completed(invocation: Invocation): Promise<Outcome> {
    if (await this.isRecorded(invocation)) return { status: 'recorded' };
    const message = `The endpoint ${this.#options.endpointName} says that ${invocation.shardId} is done, and there is no record of it.`;
    const hint = "Look whether the endpoint's containers are f5-narrator's, and have this deployment's store.";
    return { status: 'failed', error: new NarratorError('internal', message, { retryable: true, hint }) };
  }

  #failed({ shardId }: Invocation, status: number | undefined, body: Uint8Array | undefined): Outcome {
    const { endpointName } = this.#options;
    return { status: 'failed', error: failureOf({ shardId, endpointName, status, body }) };
  }

  #lost({ shardId, submittedAt, deadline }: Invocation): Outcome {
    const seconds = Math.round((Date.parse(deadline) - Date.parse(submittedAt)) / 1000);
    const message = `The endpoint ${this.#options.endpointName} has neither done nor refused ${shardId} within ${seconds} s.`;
    const hint = "Look at the endpoint's instances and backlog; a longer time is NARRATOR_SAGEMAKER_TTL_S.";
    return { status: 'failed', error: new NarratorError('engine_timeout', message, { limit: seconds, hint }) };
  }
}
