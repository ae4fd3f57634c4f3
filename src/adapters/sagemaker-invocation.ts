/**
 * Invocations as the ledger knows them. SageMaker can be asked for nothing: neither what waits, nor what became of it. So every
 * invocation is written down before it is made, again once it is accepted, and again if it comes to nothing; whoever takes a job over
 * finds what is under way. That a shard is done is not said here: its record says so.
 */
import { z } from 'zod';
import { sha256Hex } from '../core/canonical-json.ts';
import { errorRecordSchema } from '../core/error-record.ts';
import type { JobHead } from '../core/job.ts';
import { invocationKey, invocationPrefix, JOB_ID, shardNumber } from '../core/keys.ts';
import { encodeJson, parseJson, putWhileThere } from '../core/ledger.ts';
import type { ArtifactStore, Etag, ShardMessage } from '../core/ports.ts';

const factsSchema = z.strictObject({
  v: z.literal(1),
  inferenceId: z.string(),
  attempt: z.int().min(1),
  submittedAt: z.string(),
  /** if there is neither a result nor a failure by then, it is lost */
  deadline: z.string(),
  /** of the 202; absent: perhaps it was never accepted */
  outputLocation: z.string().exactOptional(),
  failureLocation: z.string().exactOptional(),
  /** why it came to nothing */
  error: errorRecordSchema.exactOptional(),
});
type InvocationFacts = z.infer<typeof factsSchema>;

/** One version of what is known. */
export interface Invocation extends InvocationFacts {
  readonly jobId: string;
  readonly shardId: string;
  readonly etag: Etag;
}

export type Submission = Pick<InvocationFacts, 'submittedAt' | 'deadline'>;
type Changes = Partial<Omit<InvocationFacts, 'v' | 'inferenceId' | 'attempt'>>;

export class Invocations {
  readonly #store: ArtifactStore;

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  /**
   * Takes the number for an invocation that is about to be made.
   * @returns undefined if it is taken already
   * @throws NarratorError job_not_found: the job was deleted
   */
  async claim(
    job: Pick<JobHead, 'id' | 'createdAt'>,
    shardId: string,
    attempt: number,
    { submittedAt, deadline }: Submission,
  ): Promise<Invocation | undefined> {
    const inferenceId = inferenceIdOf(job, shardId, attempt);
    const facts: InvocationFacts = { v: 1, inferenceId, attempt, submittedAt, deadline };
    const put = await putWhileThere(this.#store, job, invocationKey(job.id, shardId, attempt), facts);
    return put.status === 'written' ? { ...facts, jobId: job.id, shardId, etag: put.etag } : undefined;
  }

  /** The one with the highest number. @throws NarratorError ledger_corrupt */
  async newest(jobId: string, shardId: string): Promise<Invocation | undefined> {
    const prefix = invocationPrefix(jobId, shardId);
    let newest = 0;
    for await (const { key } of this.#store.list(prefix)) {
      const [, attempt = '0'] = /^(\d{1,6})\.json$/.exec(key.slice(prefix.length)) ?? [];
      newest = Math.max(newest, Number(attempt));
    }
    return newest === 0 ? undefined : this.find({ jobId, shardId, attempt: newest });
  }

  /** @throws NarratorError ledger_corrupt */
  async find({ jobId, shardId, attempt }: ShardMessage): Promise<Invocation | undefined> {
    const key = invocationKey(jobId, shardId, attempt);
    const stored = await this.#store.get(key);
    return stored && { ...parseJson(key, stored.bytes, factsSchema), jobId, shardId, etag: stored.etag };
  }

  /** @returns undefined if somebody else has changed it since, or its job was deleted: nothing is written then */
  async update({ jobId, shardId, etag, ...facts }: Invocation, changes: Changes): Promise<Invocation | undefined> {
    const changed: InvocationFacts = { ...facts, ...changes };
    const options = { ifMatch: etag, contentType: 'application/json' };
    const put = await this.#store.put(invocationKey(jobId, shardId, facts.attempt), encodeJson(changed), options);
    return put.status === 'written' ? { ...changed, jobId, shardId, etag: put.etag } : undefined;
  }
}

// ---------------------------------------------------------------- names

/** https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html */
const INFERENCE_ID_CHARACTERS_MAX = 64;
/** Attempts have two digits at the most; four tell jobs apart that had the same id one after the other. */
const SUFFIX = /_(\d{1,2})_([0-9a-f]{4})$/;
const NAME_CHARACTERS_MAX = INFERENCE_ID_CHARACTERS_MAX - '_99_ffff'.length;
const DIGEST_CHARACTERS = 32;

/** A shard among those of all jobs. Long ids of jobs are replaced by a digest. */
export function shardNameOf({ jobId, shardId }: Pick<ShardMessage, 'jobId' | 'shardId'>): string {
  const name = `${jobId}_${shardId}`;
  return name.length <= NAME_CHARACTERS_MAX ? name : `~${sha256Hex(jobId).slice(0, DIGEST_CHARACTERS)}_${shardId}`;
}

/** An invocation that was made twice has one name. A job that was deleted and submitted anew under the same id gets other names. */
export function inferenceIdOf(job: Pick<JobHead, 'id' | 'createdAt'>, shardId: string, attempt: number): string {
  return `${shardNameOf({ jobId: job.id, shardId })}_${attempt}_${sha256Hex(job.createdAt).slice(0, 4)}`;
}

export interface InferenceName {
  /** as of shardNameOf */
  readonly shard: string;
  /** absent for a job with a long id, which the name does not hold */
  readonly message?: ShardMessage;
}

/** @returns undefined if it is no name of ours */
export function parseInferenceId(id: string): InferenceName | undefined {
  const [suffix, digits] = SUFFIX.exec(id) ?? [];
  if (suffix === undefined) return undefined;
  const shard = id.slice(0, -suffix.length);
  const separator = shard.lastIndexOf('_');
  const [jobId, shardId] = [shard.slice(0, separator), shard.slice(separator + 1)];
  if (separator < 1 || shardNumber(shardId) === undefined) return undefined;
  return { shard, ...(JOB_ID.test(jobId) && { message: { jobId, shardId, attempt: Number(digits) } }) };
}
