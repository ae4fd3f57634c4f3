/**
 * Deleting a finished job with everything that it has in the store; segments stay, because other jobs may share them, and so do
 * results in places that the client named. job.json goes first: from then on there is no such job, and whoever still writes for it
 * notices (putWhileThere in ledger.ts). A marker outlasts the rest, so that somebody can end what a kill interrupted,
 * and that nobody submits a job by this name meanwhile.
 */
import { z } from 'zod';
import { NarratorError } from './errors.ts';
import * as keys from './keys.ts';
import { encodeJson, latestRound, parseJson, readJobHead, readSummary } from './ledger.ts';
import type { ArtifactStore, Etag } from './ports.ts';
import { readAhead } from './read-ahead.ts';

interface DeleteDeps {
  readonly store: ArtifactStore;
  readonly now: () => Date;
}

const markerSchema = z.strictObject({
  v: z.literal(1),
  /** of the job: the index over jobs is named by it */
  createdAt: z.string(),
  /** who deletes says so again and again; one who is silent for too long has been killed */
  aliveAt: z.string(),
});

const SILENCE_MAX_MS = 5 * 60_000;
/** Objects that are deleted between two signs of life, and at once. */
const BATCH = 500;
const AT_ONCE = 16;

/**
 * @throws NarratorError job_not_found; job_conflict: it is not finished, or somebody else is deleting it
 */
export async function deleteJob(jobId: string, deps: DeleteDeps): Promise<void> {
  const { store } = deps;
  const head = await readJobHead(store, jobId);
  if (head === undefined && (!keys.JOB_ID.test(jobId) || (await store.head(keys.deletingKey(jobId))) === undefined)) {
    throw new NarratorError('job_not_found', `There is no job ${JSON.stringify(jobId)}.`);
  }
  const marker = await Marker.claim(jobId, head?.createdAt, deps);
  // Nobody can submit it anew from here on: what is seen now stays so.
  const problem = await whyNot(jobId, store);
  if (problem !== undefined) {
    await marker.remove();
    throw problem;
  }
  await store.delete(keys.jobHeadKey(jobId));
  await store.delete(keys.indexKey(jobId, new Date(marker.createdAt)));
  await store.delete(keys.openKey(jobId));
  for (const prefix of [keys.outboxJobPrefix(jobId), keys.jobPrefix(jobId)]) await deleteAll(prefix, marker, store);
  await marker.remove();
}

/** Ends what processes began that were killed. For the start of a controller. */
export async function resumeDeletions(deps: DeleteDeps): Promise<void> {
  for await (const { key } of deps.store.list(keys.deletingPrefix)) {
    try {
      await deleteJob(key.slice(keys.deletingPrefix.length), deps);
    } catch (thrown) {
      // Somebody is at it, or the job was retried in between: it stays.
      if (!(thrown instanceof NarratorError && ['job_conflict', 'job_not_found'].includes(thrown.code))) throw thrown;
    }
  }
}

async function whyNot(jobId: string, store: ArtifactStore): Promise<NarratorError | undefined> {
  if ((await readJobHead(store, jobId)) === undefined) return undefined;
  const summary = await readSummary(store, jobId, await latestRound(store, jobId));
  if (summary === undefined) return conflict(`The job ${jobId} is not finished.`, 'Cancel it first.');
  if ((await store.head(keys.openKey(jobId))) === undefined) return undefined;
  return conflict(`The job ${jobId} is just being finished.`, 'Try again in a moment.', { retryable: true });
}

function conflict(message: string, hint: string, more: { retryable?: boolean } = {}): NarratorError {
  return new NarratorError('job_conflict', message, { hint, ...more });
}

async function deleteAll(prefix: string, marker: Marker, store: ArtifactStore): Promise<void> {
  for (;;) {
    const batch: string[] = [];
    for await (const { key } of store.list(prefix)) if (batch.push(key) >= BATCH) break;
    if (batch.length === 0) return;
    await marker.renew();
    for await (const _done of readAhead(batch, AT_ONCE, (key) => store.delete(key)));
  }
}

/** Held by one process at a time: another one might delete what was submitted after the first was done. */
class Marker {
  readonly createdAt: string;
  readonly #jobId: string;
  readonly #deps: DeleteDeps;
  #etag: Etag | undefined;

  private constructor(jobId: string, createdAt: string, deps: DeleteDeps) {
    this.#jobId = jobId;
    this.createdAt = createdAt;
    this.#deps = deps;
  }

  /** @throws NarratorError job_conflict: somebody else holds it */
  static async claim(jobId: string, createdAt: string | undefined, deps: DeleteDeps): Promise<Marker> {
    const key = keys.deletingKey(jobId);
    const there = await deps.store.get(key);
    const before = there && parseJson(key, there.bytes, markerSchema);
    const silentMs = deps.now().getTime() - Date.parse(before?.aliveAt ?? '');
    if (silentMs < SILENCE_MAX_MS) throw heldByAnother(jobId);
    const marker = new Marker(jobId, before?.createdAt ?? createdAt ?? '', deps);
    marker.#etag = there?.etag;
    await marker.renew();
    return marker;
  }

  /** @throws NarratorError job_conflict: it is somebody else's by now */
  async renew(): Promise<void> {
    const { store, now } = this.#deps;
    const sign = { v: 1, createdAt: this.createdAt, aliveAt: now().toISOString() };
    const condition = this.#etag === undefined ? { ifAbsent: true } : { ifMatch: this.#etag };
    const put = await store.put(keys.deletingKey(this.#jobId), encodeJson(sign), condition);
    if (put.status !== 'written') throw heldByAnother(this.#jobId);
    this.#etag = put.etag;
  }

  async remove(): Promise<void> {
    await this.#deps.store.delete(keys.deletingKey(this.#jobId));
  }
}

function heldByAnother(jobId: string): NarratorError {
  return conflict(`The job ${jobId} is being deleted.`, 'Wait until it is gone.');
}

/** @throws NarratorError job_conflict while a job of this name is being deleted */
export async function checkNotBeingDeleted(jobId: string, store: ArtifactStore): Promise<void> {
  if ((await store.head(keys.deletingKey(jobId))) !== undefined) throw heldByAnother(jobId);
}
