/** Looks again and again whether jobs that are at work here were cancelled: nobody tells those who synthesise. */
import { toNarratorError } from '../core/errors.ts';
import { isCancelled } from '../core/ledger.ts';
import type { ArtifactStore } from '../core/ports.ts';
import { sleep } from './sleep.ts';

export interface CancelWatchOptions {
  readonly store: ArtifactStore;
  readonly jobsAtWork: () => readonly string[];
  /** what is at work of this job sees its signal */
  readonly abortJob: (jobId: string) => void;
  /** between two looks. Default 1000 */
  readonly intervalMs?: number | undefined;
  readonly log?: ((event: string, fields: Record<string, unknown>) => void) | undefined;
}

const INTERVAL_MS = 1_000;

/** Resolves once `signal` aborts. */
export async function watchCancelled(options: CancelWatchOptions, signal: AbortSignal): Promise<void> {
  const { store, jobsAtWork, abortJob, intervalMs = INTERVAL_MS, log } = options;
  while (!signal.aborted) {
    for (const jobId of jobsAtWork()) {
      try {
        if (await isCancelled(store, jobId)) abortJob(jobId);
      } catch (thrown) {
        // The next look may see more; the shard meets the same trouble itself.
        log?.('worker.cancel-unknown', { jobId, error: toNarratorError(thrown).message });
      }
    }
    await sleep(intervalMs, signal);
  }
}
