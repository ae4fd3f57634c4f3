/** Reads and writes the objects of a job: typed, checked, write-once. */
import type { z } from 'zod';
import { NarratorError } from './errors.ts';
import { type JobHead, jobHeadSchema } from './job.ts';
import * as keys from './keys.ts';
import type { ArtifactStore, PutResult } from './ports.ts';
import { type JobSummary, jobSummarySchema, type ShardRecord, shardRecordSchema } from './record.ts';
import { type JobPlan, jobPlanSchema, type ShardPlan, shardPlanSchema } from './shard.ts';

/**
 * @returns undefined if there is no such object
 * @throws NarratorError ledger_corrupt when it is not what it should be
 */
export async function readJson<S extends z.ZodType>(
  store: ArtifactStore,
  key: string,
  schema: S,
): Promise<z.output<S> | undefined> {
  const stored = await store.get(key);
  return stored === undefined ? undefined : parseJson(key, stored.bytes, schema);
}

export function parseJson<S extends z.ZodType>(key: string, bytes: Uint8Array, schema: S): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new NarratorError('ledger_corrupt', `The stored object ${key} is not JSON.`, {}, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new NarratorError('ledger_corrupt', `The stored object ${key} has an unusable field '${field}'.`);
}

export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}

const JSON_TYPE = { contentType: 'application/json' } as const;

export async function putJsonIfAbsent(store: ArtifactStore, key: string, value: unknown): Promise<PutResult> {
  return store.put(key, encodeJson(value), { ...JSON_TYPE, ifAbsent: true });
}

export async function putJson(store: ArtifactStore, key: string, value: unknown): Promise<void> {
  await store.put(key, encodeJson(value), JSON_TYPE);
}

/**
 * Writes once, for a job that may be deleted meanwhile. Who deletes one takes job.json away first, then whatever he finds: what is
 * written before job.json is looked at is found by him, or taken back here.
 * @throws NarratorError job_not_found: it was deleted
 */
export async function putWhileThere(
  store: ArtifactStore,
  job: Pick<JobHead, 'id' | 'createdAt'>,
  key: string,
  value: unknown,
): Promise<PutResult> {
  const put = await putJsonIfAbsent(store, key, value);
  if (await isThere(store, job)) return put;
  if (put.status === 'written') await store.delete(key);
  throw deleted(job.id);
}

/** @throws NarratorError job_not_found: it was deleted, whether or not there is another one by its name */
export async function requireThere(store: ArtifactStore, job: Pick<JobHead, 'id' | 'createdAt'>): Promise<void> {
  if (!(await isThere(store, job))) throw deleted(job.id);
}

async function isThere(store: ArtifactStore, { id, createdAt }: Pick<JobHead, 'id' | 'createdAt'>): Promise<boolean> {
  return (await readJobHead(store, id))?.createdAt === createdAt;
}

const deleted = (jobId: string) => new NarratorError('job_not_found', `The job ${jobId} was deleted.`);

export async function readJobHead(store: ArtifactStore, jobId: string): Promise<JobHead | undefined> {
  // Ids come from clients: one that no job can have is the id of no job, not a strange key.
  return keys.JOB_ID.test(jobId) ? readJson(store, keys.jobHeadKey(jobId), jobHeadSchema) : undefined;
}

/** @throws NarratorError job_not_found */
export async function requireJobHead(store: ArtifactStore, jobId: string): Promise<JobHead> {
  const head = await readJobHead(store, jobId);
  if (head === undefined) throw new NarratorError('job_not_found', `There is no job ${JSON.stringify(jobId)}.`);
  return head;
}

export async function readJobPlan(store: ArtifactStore, jobId: string, round = 1): Promise<JobPlan | undefined> {
  return readJson(store, keys.planKey(jobId, round), jobPlanSchema);
}

/** @throws NarratorError ledger_corrupt when one of them is not there */
export async function requireJobPlans(store: ArtifactStore, jobId: string, rounds: number): Promise<JobPlan[]> {
  const plans: JobPlan[] = [];
  for (let round = 1; round <= rounds; round++) {
    const plan = await readJobPlan(store, jobId, round);
    if (plan === undefined) throw new NarratorError('ledger_corrupt', `The job ${jobId} is not planned.`);
    plans.push(plan);
  }
  return plans;
}

/** 1, and one more for every retry that was asked for. */
export async function latestRound(store: ArtifactStore, jobId: string): Promise<number> {
  let round = 1;
  for await (const _marker of store.list(keys.retryPrefix(jobId))) round += 1;
  return round;
}

/** @throws NarratorError ledger_corrupt when it is not there: who asks knows that it was planned */
export async function requireShard(store: ArtifactStore, jobId: string, shardId: string): Promise<ShardPlan> {
  const key = keys.shardKey(jobId, shardId);
  const shard = await readJson(store, key, shardPlanSchema);
  if (shard === undefined) throw new NarratorError('ledger_corrupt', `The stored object ${key} is missing.`);
  return shard;
}

export async function readRecord(
  store: ArtifactStore,
  jobId: string,
  shardId: string,
): Promise<ShardRecord | undefined> {
  return readJson(store, keys.recordKey(jobId, shardId), shardRecordSchema);
}

export async function readSummary(store: ArtifactStore, jobId: string, round = 1): Promise<JobSummary | undefined> {
  return readJson(store, keys.finishedKey(jobId, round), jobSummarySchema);
}

export async function isCancelled(store: ArtifactStore, jobId: string): Promise<boolean> {
  return (await store.head(keys.cancelKey(jobId))) !== undefined;
}
