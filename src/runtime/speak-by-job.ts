/**
 * A text that a client waits for, spoken by the workers of the queue: as a job of its own, ahead of the others, that is deleted once
 * it is answered. What a server that was killed leaves of such jobs is deleted at the next start.
 */
import { randomUUID } from 'node:crypto';
import { cancelJob } from '../core/cancel-job.ts';
import { deleteJob } from '../core/delete-job.ts';
import { NarratorError } from '../core/errors.ts';
import { jobHeadKey, jobPrefix } from '../core/keys.ts';
import { readJobHead, readSummary } from '../core/ledger.ts';
import type { ArtifactStore } from '../core/ports.ts';
import type { JobSummary } from '../core/record.ts';
import type { OpenResults } from '../core/results.ts';
import { submitJob } from '../core/submit-job.ts';
import type { Log, Narrator, SpeakingOptions } from './narrator.ts';
import { sleep } from './sleep.ts';
import { readSpeech, speechJob, speechKeys, type SpeechInfo } from './speak-text.ts';

export interface SpeechJobsOptions {
  readonly narrator: Narrator;
  readonly store: ArtifactStore;
  readonly openResults: OpenResults;
  /** the controller should look at once */
  readonly wake: () => void;
  readonly log: Log;
  /** until a text must be spoken. Default 120 000 */
  readonly timeoutMs?: number;
  /** between two looks whether it is. Default 150 */
  readonly pollMs?: number;
}

const DEFAULTS = { timeoutMs: 120_000, pollMs: 150 };

/** Names of such jobs begin so. */
const ID_PREFIX = 'speech-';
/** A cancelled job is finished by then, or left to the next start. */
const END_TIMEOUT_MS = 60_000;
/** Jobs of other servers that are younger may be at work still. */
const LEFT_BEHIND_MS = 3_600_000;

export class SpeechJobs {
  readonly #options: SpeechJobsOptions & typeof DEFAULTS;
  readonly #ending = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(options: SpeechJobsOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /**
   * @param signal aborts when the client is gone: the job is cancelled
   * @throws NarratorError that names what is wrong with the text; engine_timeout; cancelled; store errors
   */
  async speak(text: string, options: SpeakingOptions, signal: AbortSignal): Promise<SpeechInfo & { wav: Uint8Array }> {
    const { narrator, store, openResults, wake } = this.#options;
    const urgent = { id: `${ID_PREFIX}${randomUUID()}`, quiet: true } as const;
    const request = { ...speechJob(narrator, text, options), ...urgent };
    const { job } = await submitJob(request, { store, now: () => new Date(), newId: randomUUID });
    let isFinished = false;
    try {
      wake();
      const summary = await this.#finished(job.id, signal);
      isFinished = true;
      const place = await openResults(job.results);
      const info = await readSpeech(summary, place);
      const wav = await place.store.get(speechKeys(place.prefix).wav);
      if (wav === undefined) throw new NarratorError('internal', 'The text was spoken, and its audio is gone.');
      return { ...info, wav: wav.bytes };
    } finally {
      this.#end(job.id, isFinished);
    }
  }

  /** Deletes what servers that were killed have left. */
  async sweep(): Promise<void> {
    const { store } = this.#options;
    const seen = new Set<string>();
    for await (const { key, modifiedAt } of store.list(jobPrefix(ID_PREFIX).replace(/\/$/, ''))) {
      const [, jobId = ''] = key.split('/');
      if (key !== jobHeadKey(jobId) || Date.now() - modifiedAt.getTime() < LEFT_BEHIND_MS) continue;
      seen.add(jobId);
    }
    // A client's own job may have such a name, but never be quiet.
    for (const jobId of seen) if ((await readJobHead(store, jobId))?.quiet === true) this.#end(jobId, false);
  }

  /** Waits for what is being cleared away; gives up what takes too long. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#ending);
  }

  async #finished(jobId: string, signal: AbortSignal): Promise<JobSummary> {
    const { store, timeoutMs, pollMs } = this.#options;
    const giveUpAt = performance.now() + timeoutMs;
    for (;;) {
      const summary = await readSummary(store, jobId);
      if (summary !== undefined) return summary;
      if (signal.aborted) throw new NarratorError('cancelled', 'The client is gone.');
      if (performance.now() > giveUpAt) {
        throw new NarratorError('engine_timeout', `The text was not spoken within ${timeoutMs / 1000} s.`, {
          limit: timeoutMs / 1000,
          hint: 'The workers are busy, or there are none: submit the text as a job, which waits for as long as it takes.',
        });
      }
      await sleep(pollMs, signal);
    }
  }

  /** Nobody waits for it. */
  #end(jobId: string, isFinished: boolean): void {
    const { log } = this.#options;
    const ending = this.#clear(jobId, isFinished)
      .catch((thrown: unknown) =>
        log('speech.left', { jobId, error: thrown instanceof Error ? thrown.message : thrown }),
      )
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  async #clear(jobId: string, isFinished: boolean): Promise<void> {
    const { store, wake, pollMs } = this.#options;
    const deps = { store, now: () => new Date() };
    if (!isFinished && (await readJobHead(store, jobId)) !== undefined) {
      await cancelJob(jobId, deps);
      wake();
    }
    const giveUpAt = performance.now() + END_TIMEOUT_MS;
    for (;;) {
      try {
        return await deleteJob(jobId, deps);
      } catch (thrown) {
        const { code } = thrown as Partial<NarratorError>;
        if (code === 'job_not_found') return;
        if (code !== 'job_conflict' || this.#stop.signal.aborted || performance.now() > giveUpAt) throw thrown;
        await sleep(pollMs, this.#stop.signal);
      }
    }
  }
}
