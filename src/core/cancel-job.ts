/** Cancelling: a marker. What is finished is kept; planner, workers and controller see it and stop. */
import { cancelKey } from './keys.ts';
import { latestRound, putWhileThere, readSummary, requireJobHead } from './ledger.ts';
import type { ArtifactStore } from './ports.ts';

/**
 * Idempotent.
 * @returns false if the job was finished already, and nothing is left to cancel
 * @throws NarratorError job_not_found
 */
export async function cancelJob(
  jobId: string,
  { store, now }: { readonly store: ArtifactStore; readonly now: () => Date },
): Promise<boolean> {
  const head = await requireJobHead(store, jobId);
  if ((await readSummary(store, jobId, await latestRound(store, jobId))) !== undefined) return false;
  await putWhileThere(store, head, cancelKey(jobId), { v: 1, cancelledAt: now().toISOString() });
  return true;
}
