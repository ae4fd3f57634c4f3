/** A worker's whole task: one shard from plan to record. In-process, queue worker and container all end here. */
import { type ErrorCode, NarratorError, toNarratorError } from './errors.ts';
import type { JobHead } from './job.ts';
import { audioKey, defaultResultsPrefix, recordKey, sidecarKey } from './keys.ts';
import {
  isCancelled,
  latestRound,
  putJsonIfAbsent,
  putWhileThere,
  readJobHead,
  readRecord,
  requireJobHead,
  requireShard,
  requireThere,
} from './ledger.ts';
import { type ObtainedSegment, obtainSegment, type SegmentCache, type SegmentSource } from './obtain-segment.ts';
import type { ArtifactStore, AudioFunctions, ShardMessage, SynthesisEngine } from './ports.ts';
import type { ItemOutcome, ShardRecord } from './record.ts';
import { type OpenResults, type ResultsPlace, writeItem } from './results.ts';
import type { PlannedSegment } from './segment.ts';
import { framesOf, type ItemPart, type ShardPlan, spansShards } from './shard.ts';
import { withdrawFailed } from './withdraw-failed.ts';

export interface ProcessShardDeps {
  readonly store: ArtifactStore;
  readonly openResults: OpenResults;
  /** started */
  readonly engine: SynthesisEngine;
  /** of the model that the engine runs: EngineInfo.modelDigest */
  readonly modelDigest: string;
  readonly audio: AudioFunctions;
  readonly now: () => Date;
  /** a segment is there: for progress bars. Must not throw. */
  readonly onSegment?: (event: SegmentEvent) => void;
}

export interface SegmentEvent {
  readonly jobId: string;
  readonly shardId: string;
  readonly audioSeconds: number;
  readonly reused: boolean;
}

export interface ShardContext {
  /** stops the work: the job was cancelled, or this process is shutting down */
  readonly signal: AbortSignal;
  /** nobody will try again: what may pass is recorded as the item's error, retryable */
  readonly lastAttempt: boolean;
  /** the plan of the shard, where it came with the message; else it is read */
  readonly shard?: ShardPlan;
  /** when the job was made whose shard it is: since then it may have been deleted, and its id be another job's */
  readonly jobCreatedAt?: string;
}

/** What whoever hands a shard over says beside its plan. */
export type ShardHints = Pick<ShardContext, 'lastAttempt' | 'jobCreatedAt'>;

/** Never an item's fault, and gone after a restart: not recorded, whatever the attempt. */
const NEVER_RECORDED: readonly ErrorCode[] = ['engine_stopped', 'store_full', 'store_busy'];

/**
 * Idempotent: a shard that has its record is left alone, and segments that are stored are not synthesised again. Once it
 * returns, the shard has its record. A failing segment fails its item and nothing else.
 * @throws NarratorError retryable when something may go better next time (no record is written then, finished segments are
 *   stored); engine_stopped once `signal` aborts and the job is not cancelled; job_not_found, model_mismatch, ledger_corrupt
 */
export async function processShard(
  message: Pick<ShardMessage, 'jobId' | 'shardId'>,
  context: ShardContext,
  deps: ProcessShardDeps,
): Promise<'recorded' | 'already-recorded'> {
  const { store, now } = deps;
  const { jobId, shardId } = message;
  if ((await store.head(recordKey(jobId, shardId))) !== undefined) return 'already-recorded';
  const startedAt = now().toISOString();
  const head = await requireJobHead(store, jobId);
  if ((context.jobCreatedAt ?? head.createdAt) !== head.createdAt) {
    throw new NarratorError('job_not_found', `The job ${jobId} that this shard is of was deleted.`);
  }
  const shard = context.shard ?? (await requireShard(store, jobId, shardId));
  if (shard.modelDigest !== deps.modelDigest) {
    throw new NarratorError(
      'model_mismatch',
      `${shardId} of job ${jobId} was planned for the model ${head.model.id} (${shard.modelDigest.slice(0, 12)}), this worker has another (${deps.modelDigest.slice(0, 12)}).`,
    );
  }
  if (await isCancelled(store, jobId)) {
    await recordUnprocessed(shard, cancelledError(jobId), { store, now });
    return 'recorded';
  }

  const results = await deps.openResults(head.results);
  const outcomes = await new ShardWork(head, shard, results, context, deps).outcomes();
  try {
    return await decide(outcomes, { head, shard, results, startedAt }, context, deps);
  } catch (thrown) {
    if (toNarratorError(thrown).code === 'job_not_found') await withdrawDeleted(outcomes, head, results, store);
    throw thrown;
  }
}

interface Decision {
  readonly head: JobHead;
  readonly shard: ShardPlan;
  readonly results: ResultsPlace;
  readonly startedAt: string;
}

async function decide(
  outcomes: readonly PartOutcome[],
  { head, shard, results, startedAt }: Decision,
  context: ShardContext,
  deps: ProcessShardDeps,
): Promise<'recorded' | 'already-recorded'> {
  const { store, now } = deps;
  const { jobId, shardId } = shard;
  await requireThere(store, head);
  const undecided = await firstUndecided(outcomes, context, deps, jobId);
  if (undecided !== undefined) throw undecided;

  const record = recordOf(shard, outcomes, { startedAt, finishedAt: now().toISOString() });
  const put = await putWhileThere(store, head, recordKey(jobId, shardId), record);
  // Another worker may have had the same shard: the record that was first counts.
  const counts = put.status === 'written' ? record : await readRecord(store, jobId, shardId);
  // Once the job is retried, a later round may have made what failed here; finishing it looks at all of them.
  if (counts !== undefined && (await latestRound(store, jobId)) === 1) await withdrawFailed(counts.items, results);
  return put.status === 'written' ? 'recorded' : 'already-recorded';
}

/** The job was finished by another worker and deleted: what this one wrote since goes too, where deleting it would have. */
async function withdrawDeleted(
  outcomes: readonly PartOutcome[],
  { id, results: destination }: JobHead,
  results: ResultsPlace,
  store: ArtifactStore,
): Promise<void> {
  if (destination.kind !== 'store' || destination.prefix !== defaultResultsPrefix(id)) return;
  // Another job by its name may have been submitted since, and have files of the same names.
  if ((await readJobHead(store, id)) !== undefined) return;
  for (const outcome of outcomes) {
    if (outcome.status !== 'done') continue;
    await results.store.delete(audioKey(results.prefix, outcome.output));
    await results.store.delete(sidecarKey(results.prefix, outcome.output));
  }
}

/** What became of a part; an error is still a NarratorError, not yet judged. */
type PartOutcome = Exclude<ItemOutcome, { status: 'failed' }> | FailedPart;
interface FailedPart {
  readonly status: 'failed';
  readonly part: ItemPart;
  readonly error: NarratorError;
  /** the segment that failed */
  readonly segment?: PlannedSegment;
}

class ShardWork {
  readonly #head: JobHead;
  readonly #shard: ShardPlan;
  readonly #results: ResultsPlace;
  readonly #deps: ProcessShardDeps;
  readonly #source: SegmentSource;
  /** by key: a sentence that stands twice in the shard is synthesised once */
  readonly #obtained = new Map<string, Promise<ObtainedSegment>>();

  constructor(head: JobHead, shard: ShardPlan, results: ResultsPlace, context: ShardContext, deps: ProcessShardDeps) {
    this.#head = head;
    this.#shard = shard;
    this.#results = results;
    this.#deps = deps;
    const { store, engine, audio, modelDigest } = deps;
    const { priority } = head;
    const source = { store, engine, audio, modelDigest, signal: context.signal };
    this.#source = { ...source, ...(priority !== undefined && { priority }) };
  }

  /** All parts at once, so that the engine sees all segments at once. Never rejects. */
  outcomes(): Promise<PartOutcome[]> {
    return Promise.all(this.#shard.parts.map((part) => this.#outcomeOf(part)));
  }

  async #outcomeOf(part: ItemPart): Promise<PartOutcome> {
    const settled = await Promise.allSettled(part.segments.map((segment, index) => this.#obtain(part, segment, index)));
    const obtained: ObtainedSegment[] = [];
    for (const [index, result] of settled.entries()) {
      if (result.status === 'fulfilled') obtained.push(result.value);
      else return failed(part, result.reason, part.segments[index]);
    }
    const rates = new Set(obtained.map(({ sampleRateHz }) => sampleRateHz));
    const sampleRateHz = obtained[0]?.sampleRateHz ?? 0;
    if (rates.size !== 1) {
      return failed(part, new NarratorError('internal', `Segments of one item have ${rates.size} sample rates.`));
    }
    if (spansShards(part)) {
      const { line, item, firstSegment } = part;
      return { status: 'part', line, item, firstSegment, sampleRateHz, segments: obtained.map((one) => one.outcome) };
    }
    const segments = part.segments.map((planned, index) => {
      const { outcome, samples } = obtained[index] as ObtainedSegment;
      return { planned, outcome, samples: () => Promise.resolve(samples) };
    });
    try {
      const { audio } = this.#deps;
      const context = { head: this.#head, audio, results: this.#results, signal: this.#source.signal };
      return await writeItem({ part, sampleRateHz, segments }, context);
    } catch (thrown) {
      return failed(part, thrown);
    }
  }

  #obtain(part: ItemPart, segment: PlannedSegment, index: number): Promise<ObtainedSegment> {
    const cache = this.#cacheFor(part);
    const name = `${cache} ${segment.key}`;
    let obtained = this.#obtained.get(name);
    if (obtained === undefined) {
      const label = `item ${part.item}, segment ${part.firstSegment + index + 1}`;
      obtained = obtainSegment(segment, part, label, cache, this.#source).then((result) => {
        this.#report(result);
        return result;
      });
      this.#obtained.set(name, obtained);
    }
    return obtained;
  }

  /** Parts of an item that spans shards meet in the store, whatever the job says. */
  #cacheFor(part: ItemPart): SegmentCache {
    if (this.#head.reuse) return 'reuse';
    return spansShards(part) ? 'store' : 'none';
  }

  #report({ samples, sampleRateHz, outcome }: ObtainedSegment): void {
    const { jobId, shardId } = this.#shard;
    this.#deps.onSegment?.({ jobId, shardId, audioSeconds: samples.length / sampleRateHz, reused: outcome.reused });
  }
}

function failed(part: ItemPart, thrown: unknown, segment?: PlannedSegment): FailedPart {
  return { status: 'failed', part, error: toNarratorError(thrown), ...(segment !== undefined && { segment }) };
}

/**
 * The error because of which this attempt decides nothing, if there is one: it is thrown, and somebody tries again.
 * When the job was cancelled, what is finished is kept and the rest is recorded as cancelled.
 */
async function firstUndecided(
  outcomes: readonly PartOutcome[],
  { signal, lastAttempt }: ShardContext,
  { store }: Pick<ProcessShardDeps, 'store'>,
  jobId: string,
): Promise<NarratorError | undefined> {
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'failed' ? [outcome.error] : []));
  if (errors.length === 0) return undefined;
  if (signal.aborted) {
    if (await isCancelled(store, jobId)) return undefined;
    return new NarratorError('engine_stopped', `The work on job ${jobId} was interrupted.`);
  }
  return errors.find(({ code, retryable }) => NEVER_RECORDED.includes(code) || (retryable && !lastAttempt));
}

/** Characters of a segment's text that its error quotes. */
const EXCERPT_CHARACTERS = 60;

/** The error as it is recorded. Records hold texts anyway; the thrown error is logged and must not. */
function recordable(outcome: PartOutcome): ItemOutcome {
  if (outcome.status !== 'failed') return outcome;
  const { part, error, segment } = outcome;
  const { line, item, output } = part;
  const record = error.with({ line, item }).toRecord();
  if (segment !== undefined && error.code !== 'cancelled') {
    const number = part.firstSegment + part.segments.indexOf(segment) + 1;
    const text = [...(segment.written ?? segment.text)];
    const excerpt = text.slice(0, EXCERPT_CHARACTERS).join('') + (text.length > EXCERPT_CHARACTERS ? '…' : '');
    record.message = `Segment ${number} of ${part.totalSegments} (${JSON.stringify(excerpt)}): ${record.message}`;
  }
  return { status: 'failed', line, item, output, ...(spansShards(part) && { isPart: true }), error: record };
}

function recordOf(
  shard: ShardPlan,
  outcomes: readonly PartOutcome[],
  times: Pick<ShardRecord, 'startedAt' | 'finishedAt'>,
): ShardRecord {
  const { jobId, shardId } = shard;
  const rejected = shard.rejected.map((one): ItemOutcome => ({ status: 'failed', ...one }));
  const items = [...outcomes.map(recordable), ...rejected].sort((a, b) => a.line - b.line);
  const frames = shard.parts.reduce((sum, part) => sum + framesOf(part), 0);
  return { v: 1, jobId, shardId, ...times, frames, items };
}

export function cancelledError(jobId: string): NarratorError {
  return new NarratorError('cancelled', `The job ${jobId} was cancelled.`);
}

/** The record of a shard that nobody will process: every item ends with this error. Does nothing if there is a record. */
export async function recordUnprocessed(
  shard: ShardPlan,
  error: NarratorError,
  { store, now }: { store: ArtifactStore; now: () => Date },
): Promise<void> {
  const at = now().toISOString();
  const outcomes = shard.parts.map((part) => failed(part, error));
  const record = recordOf(shard, outcomes, { startedAt: at, finishedAt: at });
  await putJsonIfAbsent(store, recordKey(shard.jobId, shard.shardId), record);
}
