/**
 * Planning: items to shards. Streaming: shards may be dispatched while the planner goes on. Restartable: a planner that is killed
 * starts again behind the last shard that is settled (see shard-chain.ts).
 */
import { createHash } from 'node:crypto';
import { NarratorError, toNarratorError } from './errors.ts';
import type { JobHead } from './job.ts';
import { planKey, shardName } from './keys.ts';
import { isCancelled, putJsonIfAbsent, readJobPlan, requireJobPlans } from './ledger.ts';
import { MANIFEST_LIMITS } from './manifest.ts';
import { countItems } from './manifest-reader.ts';
import {
  type ManifestSource,
  type PlanDeps,
  planItems,
  type PlannedEntry,
  type PlanOptions,
  type WantedLines,
} from './plan-items.ts';
import { TotalsOfShards } from './plan-totals.ts';
import type { ArtifactStore } from './ports.ts';
import { readAhead } from './read-ahead.ts';
import { retriedLines } from './retry-job.ts';
import { TAKES_MAX } from './seeds.ts';
import type { LexiconSource } from './lexicon.ts';
import type { SpeechModel } from './segment.ts';
import { packShards } from './pack-shards.ts';
import { readJobLexicon } from './stored-lexicons.ts';
import type { ItemPart, JobPlan, PlanTotals, RejectedItem, ShardPlan } from './shard.ts';
import { type BegunItem, encodeShard, NO_SHARD, putShard, ShardChain } from './shard-chain.ts';

/** Shards that are being written at once. */
const WRITES_IN_FLIGHT_MAX = 4;
/** How often a running planner looks whether its job was cancelled, in shards. */
const CANCEL_CHECK_SHARDS = 32;

export interface PlanJobDeps extends PlanDeps {
  readonly store: ArtifactStore;
  readonly signal?: AbortSignal;
  /** shards up to this number are settled: they never change, and may be dispatched. Must not throw. */
  readonly onSettled?: (shards: number) => void;
}

/**
 * Plans a round of a job (a further one: of the items that are to be retried), and returns the plan that is there if it was
 * planned before. What makes it impossible to go on (an unusable manifest,
 * a job that is cancelled meanwhile) ends in a plan with an error, and with the shards that were settled until then.
 * @throws NarratorError model_mismatch, ledger_corrupt, store errors; `cancelled` once `signal` aborts (nothing is decided then)
 */
export async function planJob(head: JobHead, deps: PlanJobDeps, round = 1): Promise<JobPlan> {
  const { store, model } = deps;
  const planned = await readJobPlan(store, head.id, round);
  if (planned !== undefined) return planned;
  const isForeign = model.digest !== head.model.digest;
  // One that is cancelled has its end with any model.
  if (isForeign && !(await isCancelled(store, head.id))) {
    throw new NarratorError(
      'model_mismatch',
      `The job ${head.id} was accepted for the model ${head.model.id} (${head.model.digest.slice(0, 12)}), this is ${model.id} (${model.digest.slice(0, 12)}).`,
    );
  }
  const onSettled = (shards: number) => deps.onSettled?.(shards);
  const before = await requireJobPlans(store, head.id, round - 1);
  const chain = new ShardChain(store, head.id, before.at(-1) ?? { shards: 0, digest: NO_SHARD }, onSettled);
  const lexicon = head.lexicon && (await readJobLexicon(store, head.id, head.lexicon));
  const scope: Scope = {
    ...(round === 1
      ? { isWanted: () => true }
      : { isWanted: await retriedLines(head.id, before, store), takes: TAKES_MAX * round }),
    ...(lexicon !== undefined && { lexicon }),
  };
  const error = isForeign
    ? await chain.follow().then(() => cancelledJob(head.id))
    : await writeShards(head, scope, chain, deps).catch(decidedError);
  const totals = chain.totals.value(model.hopLength / model.sampleRateHz);
  const plan: JobPlan = {
    v: 1,
    jobId: head.id,
    shards: chain.length,
    totals,
    digest: chain.digest,
    ...(error !== undefined && { error: error.toRecord() }),
  };
  await putJsonIfAbsent(store, planKey(head.id, round), plan);
  // Another planner may have been first: what stands in the store is the plan.
  return (await readJobPlan(store, head.id, round)) ?? plan;
}

/** What a round is about. */
interface Scope {
  readonly isWanted: WantedLines;
  readonly takes?: number;
  /** of the job */
  readonly lexicon?: LexiconSource;
}

async function writeShards(head: JobHead, scope: Scope, chain: ShardChain, deps: PlanJobDeps): Promise<undefined> {
  await chain.follow();
  // Before the first shard, so that nothing is dispatched of a manifest that is not the one that was accepted, or too long.
  if (chain.length === 0) await checkManifest(head, deps);
  while (!(await writeRest(head, scope, chain, deps))) await chain.follow();
}

/** @returns false if another planner at work on this job was first with a shard that differs */
async function writeRest(head: JobHead, scope: Scope, chain: ShardChain, deps: PlanJobDeps): Promise<boolean> {
  const { store } = deps;
  const { begun, lastLine } = chain;
  const isWanted = (line: number) => (line > lastLine || line === begun?.line) && scope.isWanted(line);
  const { lexicon: _head, ...choices } = head;
  const options: PlanOptions = {
    ...choices,
    ...(scope.takes !== undefined && { takes: scope.takes }),
    ...(scope.lexicon !== undefined && { lexicon: scope.lexicon }),
  };
  const entries = planItems(await storedManifest(head, deps), options, deps, isWanted);
  const framesMax = framesPerShard(head.shardSeconds, deps.model);
  const contents = packShards(continued(entries, begun), framesMax, begun?.segmentKeys.length);

  const first = chain.length;
  let { length, digest: previous } = chain;
  async function* shards() {
    for await (const one of contents) {
      if (deps.signal?.aborted === true) throw interrupted();
      const isDue = (length - first) % CANCEL_CHECK_SHARDS === 0;
      if (isDue && (await isCancelled(store, head.id))) throw cancelledJob(head.id);
      length += 1;
      const ids = { jobId: head.id, shardId: shardName(length), modelDigest: head.model.digest };
      const shard: ShardPlan = { v: 1, ...ids, previous, ...one };
      const encoded = encodeShard(shard);
      previous = encoded.digest;
      yield encoded;
    }
  }
  let before = Promise.resolve(true);
  const writes = readAhead(shards(), WRITES_IN_FLIGHT_MAX, async ({ shard, digest, bytes }) => {
    before = putShard(store, shard, bytes, before);
    return { shard, digest, isOurs: await before };
  });
  for await (const { isOurs, ...stored } of writes) {
    if (!isOurs) return false;
    chain.add(stored);
  }
  return true;
}

/**
 * An item of which the chain has the beginning goes on where that ends, if it still is what it was; a text file or a voice that was
 * changed meanwhile makes it fail: half of one text and half of another is nobody's item.
 */
async function* continued(
  entries: AsyncIterable<PlannedEntry>,
  begun: BegunItem | undefined,
): AsyncGenerator<PlannedEntry> {
  for await (const entry of entries) {
    if (entry.status === 'planned' && entry.item.line === begun?.line && !isSame(entry.item, begun)) {
      const { line, item } = entry.item;
      yield { status: 'rejected', rejected: { line, item, isPart: true, error: changedItem(line, item).toRecord() } };
    } else if (entry.status === 'rejected' && entry.rejected.line === begun?.line) {
      yield { status: 'rejected', rejected: { ...entry.rejected, isPart: true } };
    } else yield entry;
  }
}

function isSame(item: { totalSegments: number; segments: readonly { key: string }[] }, begun: BegunItem): boolean {
  return (
    item.totalSegments === begun.totalSegments && begun.segmentKeys.every((key, at) => item.segments[at]?.key === key)
  );
}

function changedItem(line: number, item: string): NarratorError {
  return new NarratorError(
    'item_invalid',
    `Line ${line}: the text file or the voice was changed while the item was being planned.`,
    { line, item, retryable: true, hint: 'Try the item again, and leave its text file and voice alone meanwhile.' },
  );
}

/** What ends the planning for good is returned; what may pass is thrown on. */
function decidedError(thrown: unknown): NarratorError {
  const error = toNarratorError(thrown);
  const decided = ['manifest_invalid', 'manifest_too_large', 'cancelled'].includes(error.code) && !error.retryable;
  if (!decided) throw error;
  return error;
}

function interrupted(): NarratorError {
  return new NarratorError('cancelled', 'Planning was interrupted.', { retryable: true });
}

function cancelledJob(jobId: string): NarratorError {
  return new NarratorError('cancelled', `The job ${jobId} was cancelled before all of it was planned.`);
}

/** @throws NarratorError ledger_corrupt when the copy is not what was accepted; manifest_too_large */
async function checkManifest(head: JobHead, deps: PlanJobDeps): Promise<void> {
  const { key, sha256 } = head.manifest;
  const { bytes, format } = await storedManifest(head, deps);
  const hash = createHash('sha256');
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      hash.update(chunk);
      yield chunk;
    }
  }
  await countItems(hashed(), format, { ...MANIFEST_LIMITS, ...deps.limits });
  if (hash.digest('hex') !== sha256) {
    throw new NarratorError('ledger_corrupt', `The stored object ${key} is not the manifest that was accepted.`);
  }
}

/** The manifest's copy; @throws NarratorError ledger_corrupt when it is gone */
async function storedManifest(head: JobHead, { store, signal }: PlanJobDeps): Promise<ManifestSource> {
  const { key, format } = head.manifest;
  const source = await store.read(key);
  if (source === undefined) throw new NarratorError('ledger_corrupt', `The stored object ${key} is missing.`);
  async function* interruptible(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      if (signal?.aborted === true) throw interrupted();
      yield chunk;
    }
  }
  return { format, bytes: interruptible(source) };
}

/** The same planning without a store: what a job would come to. `onRejected` hears of every bad line, `onPart` of what would be spoken. */
export async function planDryRun(
  manifest: ManifestSource,
  options: PlanOptions & { readonly shardSeconds: number },
  deps: PlanDeps & {
    readonly onRejected?: (rejected: RejectedItem) => void;
    readonly onPart?: (part: ItemPart) => void;
  },
): Promise<PlanTotals & { shards: number }> {
  const totals = new TotalsOfShards();
  let shards = 0;
  const entries = planItems(manifest, options, deps);
  for await (const contents of packShards(entries, framesPerShard(options.shardSeconds, deps.model))) {
    shards += 1;
    totals.add(contents);
    for (const one of contents.rejected) deps.onRejected?.(one);
    for (const one of contents.parts) deps.onPart?.(one);
  }
  return { ...totals.value(deps.model.hopLength / deps.model.sampleRateHz), shards };
}

const framesPerShard = (seconds: number, { sampleRateHz, hopLength }: SpeechModel) =>
  Math.max(1, Math.floor((seconds * sampleRateHz) / hopLength));
