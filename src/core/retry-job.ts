/** Retrying: a marker that asks for another round, of items that failed. What is done stays done. */
import { z } from 'zod';
import { NarratorError } from './errors.ts';
import { openKey, retryKey } from './keys.ts';
import {
  isCancelled,
  latestRound,
  putWhileThere,
  readJson,
  readSummary,
  requireJobHead,
  requireJobPlans,
} from './ledger.ts';
import { joinedBefore, outcomesByLine, wholeOutcome } from './outcomes.ts';
import type { WantedLines } from './plan-items.ts';
import type { ArtifactStore } from './ports.ts';
import type { FailedItem } from './record.ts';
import type { JobPlan } from './shard.ts';

/** Items that can be named in one retry. */
export const RETRIED_ITEMS_MAX = 10_000;

const retrySchema = z.strictObject({
  v: z.literal(1),
  requestedAt: z.string(),
  only: z.union([z.literal('failed'), z.array(z.string())]),
});

export interface RetryRequest {
  /** all that failed, or those of them with these ids; items that are done are left alone */
  readonly only: 'failed' | readonly string[];
}

/**
 * Opens a finished job again for another round. Idempotent while that round is at work. Seeds stay the same, so what is stored is
 * taken from there; a segment whose waveform failed its checks gets further takes.
 * @returns the number of the round: 2 for the first retry
 * @throws NarratorError job_not_found; cancelled; job_conflict: not finished yet; usage: no such item, nothing failed
 */
export async function retryJob(
  jobId: string,
  request: RetryRequest,
  deps: { readonly store: ArtifactStore; readonly now: () => Date },
): Promise<number> {
  const { store, now } = deps;
  const head = await requireJobHead(store, jobId);
  if (await isCancelled(store, jobId)) throw new NarratorError('cancelled', `The job ${jobId} was cancelled.`);
  const only = request.only === 'failed' ? 'failed' : [...new Set(request.only)].sort();
  const round = await latestRound(store, jobId);
  if ((await readSummary(store, jobId, round)) === undefined) {
    const asked = round === 1 ? undefined : await readJson(store, retryKey(jobId, round - 1), retrySchema);
    if (JSON.stringify(asked?.only) !== JSON.stringify(only)) throw unfinished(jobId);
    await open(store, jobId);
    return round;
  }
  await checkRetriable(jobId, only, await requireJobPlans(store, jobId, round), store);
  const marker = { v: 1, requestedAt: now().toISOString(), only };
  const put = await putWhileThere(store, head, retryKey(jobId, round), marker);
  if (put.status !== 'written') return retryJob(jobId, request, deps);
  await open(store, jobId);
  return round + 1;
}

async function open(store: ArtifactStore, jobId: string): Promise<void> {
  await store.put(openKey(jobId), new Uint8Array(), { ifAbsent: true });
}

function unfinished(jobId: string): NarratorError {
  return new NarratorError('job_conflict', `The job ${jobId} is not finished.`, {
    hint: 'Wait until it is finished, then retry what failed.',
  });
}

async function checkRetriable(
  jobId: string,
  only: 'failed' | string[],
  plans: readonly JobPlan[],
  store: ArtifactStore,
): Promise<void> {
  const hint = 'List the items of the job that failed.';
  if (only.length === 0) throw new NarratorError('usage', 'No item is named.', { field: 'only', hint });
  if (only !== 'failed' && only.length > RETRIED_ITEMS_MAX) {
    const message = `${only.length} items are named, the limit is ${RETRIED_ITEMS_MAX}.`;
    throw new NarratorError('usage', message, {
      field: 'only',
      limit: RETRIED_ITEMS_MAX,
      hint: 'Retry all that failed.',
    });
  }
  const missing = new Set(only === 'failed' ? [] : only);
  let failures = 0;
  for await (const { item } of failedItems(jobId, plans, store)) {
    failures += 1;
    if (item !== undefined) missing.delete(item);
    if (missing.size === 0) return;
  }
  const [first] = missing;
  if (first !== undefined) {
    const message = `The job ${jobId} has no failed item ${JSON.stringify(first)}.`;
    throw new NarratorError('usage', message, { field: 'only', hint });
  }
  if (failures === 0) throw new NarratorError('usage', `No item of the job ${jobId} failed.`, { hint });
}

/** What has failed in the end of the rounds that `plans` are of. */
async function* failedItems(
  jobId: string,
  plans: readonly JobPlan[],
  store: ArtifactStore,
): AsyncGenerator<FailedItem> {
  const joined = await joinedBefore(store, jobId, plans.length + 1);
  for await (const { line, placed } of outcomesByLine(plans, store)) {
    const outcome = wholeOutcome(placed) ?? joined.get(line);
    if (outcome?.status === 'failed') yield outcome;
  }
}

/** The lines of the round behind those that `plans` are of. */
export async function retriedLines(
  jobId: string,
  plans: readonly JobPlan[],
  store: ArtifactStore,
): Promise<WantedLines> {
  const key = retryKey(jobId, plans.length);
  const marker = await readJson(store, key, retrySchema);
  if (marker === undefined) throw new NarratorError('ledger_corrupt', `The stored object ${key} is missing.`);
  const ids = marker.only === 'failed' ? undefined : new Set(marker.only);
  const lines = new Set<number>();
  for await (const { line, item } of failedItems(jobId, plans, store)) {
    if (ids === undefined || (item !== undefined && ids.has(item))) lines.add(line);
  }
  return (line) => lines.has(line);
}
