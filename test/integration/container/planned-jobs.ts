/** Jobs in a bucket, planned and not yet worked on: what a dispatcher has in hand when it calls a container. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cancelJob } from '../../../src/core/cancel-job.ts';
import { audioKey, defaultResultsPrefix, shardName } from '../../../src/core/keys.ts';
import { readRecord, requireShard } from '../../../src/core/ledger.ts';
import { itemsAsManifest } from '../../../src/core/manifest.ts';
import { planJob } from '../../../src/core/planner.ts';
import type { ShardRecord } from '../../../src/core/record.ts';
import type { ShardPlan } from '../../../src/core/shard.ts';
import { submitJob } from '../../../src/core/submit-job.ts';
import { SHARD_TYPE } from '../../../src/api/routes-invocations.ts';
import type { ShardReceipt } from '../../../src/api/shard-receipt.ts';
import { readConfig, silenceVendors } from '../../../src/runtime/config.ts';
import { Narrator } from '../../../src/runtime/narrator.ts';
import { openStore } from '../../../src/runtime/open-store.ts';
import { storeSettings } from '../../support/container-process.ts';
import { startS3Emulator } from '../../support/s3-emulator.ts';

export interface PlannedJobs {
  /** of a container that works on them */
  readonly env: Readonly<Record<string, string>>;
  /** an empty folder */
  readonly folder: string;
  /** @returns its only shard */
  plan(id: string, texts: readonly string[], options?: { reuse?: boolean }): Promise<ShardPlan>;
  cancel(id: string): Promise<unknown>;
  record(shard: ShardPlan): Promise<ShardRecord | undefined>;
  /** the n-th file of a job, from 1 */
  wav(id: string, number: number): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

export async function openPlannedJobs(): Promise<PlannedJobs> {
  silenceVendors();
  const s3 = await startS3Emulator();
  s3.createBucket('narrator');
  const folder = await mkdtemp(join(tmpdir(), 'narrator-container-'));
  const env = { ...storeSettings(s3), NARRATOR_HOME: join(folder, 'home') };
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...settings } = env as Record<string, string>;
  Object.assign(process.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY });
  const config = readConfig(settings);
  const { store, close } = await openStore(config);
  const narrator = await Narrator.open(config, undefined, { store });
  const now = () => new Date();
  return {
    env,
    folder,
    plan: async (id, texts, { reuse = true } = {}) => {
      const items = texts.map((text, at) => ({ id: `item-${at + 1}`, text }));
      const manifest = { format: 'jsonl', bytes: itemsAsManifest(items) } as const;
      const model = { id: narrator.speechModel.id, digest: narrator.speechModel.digest };
      const request = { id, manifest, model, reuse, shardSeconds: 600, ...narrator.choices({ steps: 2, cfg: 0 }) };
      const { job } = await submitJob(request, { store, now, newId: randomUUID });
      await planJob(job, { ...narrator.planning(), store });
      return requireShard(store, id, shardName(1));
    },
    cancel: (id) => cancelJob(id, { store, now }),
    record: ({ jobId, shardId }) => readRecord(store, jobId, shardId),
    wav: async (id, number) => (await store.get(audioKey(defaultResultsPrefix(id), `item-${number}.wav`)))?.bytes,
    close: async () => {
      await narrator.close();
      await close();
      await s3.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** As SageMaker hands on what a dispatcher sends. */
export function invoke(
  url: string,
  body: unknown,
  options: { attributes?: string; type?: string; signal?: AbortSignal } = {},
): Promise<Response> {
  const { attributes, type = SHARD_TYPE, signal } = options;
  return fetch(`${url}/invocations`, {
    method: 'POST',
    headers: {
      'content-type': type,
      accept: 'application/json',
      ...(attributes !== undefined && { 'x-amzn-sagemaker-custom-attributes': attributes }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal && { signal }),
  });
}

export async function receiptOf(answer: Promise<Response> | Response): Promise<ShardReceipt> {
  const response = await answer;
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as ShardReceipt;
}

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;
  readonly retryable: boolean;
}

export async function refusalOf(answer: Promise<Response> | Response): Promise<Refusal> {
  const response = await answer;
  const problem = (await response.json()) as { code: string; field?: string; retryable: boolean; status: number };
  const { code, field, retryable } = problem;
  if (problem.status !== response.status) throw new Error(`${problem.status} in an answer with ${response.status}`);
  return { status: response.status, code, field, retryable };
}
