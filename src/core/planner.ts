/** Planning: items to shards. Streaming, restartable: a planner that is killed starts again and ends with the same objects. */
import { createHash } from 'node:crypto';
import { NarratorError, toNarratorError } from './errors.ts';
import type { JobHead } from './job.ts';
import { planKey, shardKey, shardName } from './keys.ts';
import { encodeJson, isCancelled, putJsonIfAbsent, readJobPlan } from './ledger.ts';
import {
  type ManifestSource,
  type PlanDeps,
  planItems,
  type PlannedEntry,
  type PlannedItem,
  type PlanOptions,
} from './plan-items.ts';
import type { ArtifactStore } from './ports.ts';
import type { SpeechModel } from './segment.ts';
import { framesOf, type ItemPart, type JobPlan, type PlanTotals, type RejectedItem, type ShardPlan } from './shard.ts';

/** Entries (items and rejected lines) of one shard at most: bounds its plan and its record when items are tiny. */
const SHARD_ENTRIES_MAX = 512;
/** Shards that are being written at once. */
const WRITES_IN_FLIGHT_MAX = 4;
/** How often a running planner looks whether its job was cancelled, in shards. */
const CANCEL_CHECK_SHARDS = 32;

type ShardContents = Pick<ShardPlan, 'parts' | 'rejected'>;

/**
 * Plans a job, and returns the plan that is there if it was planned before. A manifest that is unusable as a whole, or a job that
 * is cancelled meanwhile, ends in a plan with an error and no shards.
 * @throws NarratorError model_mismatch, ledger_corrupt, store errors; `cancelled` once `signal` aborts (nothing is decided then)
 */
export async function planJob(
  head: JobHead,
  deps: PlanDeps & { readonly store: ArtifactStore; readonly signal?: AbortSignal },
): Promise<JobPlan> {
  const { store, model } = deps;
  const planned = await readJobPlan(store, head.id);
  if (planned !== undefined) return planned;
  if (model.digest !== head.model.digest) {
    throw new NarratorError(
      'model_mismatch',
      `The job ${head.id} was accepted for the model ${head.model.id} (${head.model.digest.slice(0, 12)}), this is ${model.id} (${model.digest.slice(0, 12)}).`,
    );
  }
  const plan = await writeShards(head, deps).catch((thrown: unknown) => unusable(head, thrown));
  await putJsonIfAbsent(store, planKey(head.id), plan);
  // Another planner may have been first: what stands in the store is the plan.
  return (await readJobPlan(store, head.id)) ?? plan;
}

async function writeShards(head: JobHead, deps: Parameters<typeof planJob>[1]): Promise<JobPlan> {
  const { store, signal } = deps;
  const totals = new Totals(deps.model);
  const digest = createHash('sha256');
  const writes = boundedWrites(WRITES_IN_FLIGHT_MAX);
  let shards = 0;
  const entries = totals.count(planItems(await storedManifest(head, store), head, deps));
  try {
    for await (const contents of packShards(entries, framesPerShard(head.shardSeconds, deps.model))) {
      if (signal?.aborted === true)
        throw new NarratorError('cancelled', 'Planning was interrupted.', { retryable: true });
      if (shards % CANCEL_CHECK_SHARDS === 0 && (await isCancelled(store, head.id))) throw cancelledJob(head.id);
      shards += 1;
      const shardId = shardName(shards);
      const shard: ShardPlan = { v: 1, jobId: head.id, shardId, modelDigest: head.model.digest, ...contents };
      const bytes = encodeJson(shard);
      digest.update(bytes);
      await writes.add(() => putShard(store, shardKey(head.id, shardId), bytes));
    }
  } finally {
    await writes.settled();
  }
  writes.check();
  return { v: 1, jobId: head.id, shards, totals: totals.value(), digest: digest.digest('hex') };
}

/** What makes the whole job impossible becomes its plan; what may pass is thrown on. */
function unusable(head: JobHead, thrown: unknown): JobPlan {
  const error = toNarratorError(thrown);
  const decided = ['manifest_invalid', 'manifest_too_large', 'cancelled'].includes(error.code) && !error.retryable;
  if (!decided) throw error;
  const totals = { items: 0, rejected: 0, segments: 0, characters: 0, frames: 0, audioSeconds: 0 };
  const digest = createHash('sha256').digest('hex');
  return { v: 1, jobId: head.id, shards: 0, totals, digest, error: error.toRecord() };
}

function cancelledJob(jobId: string): NarratorError {
  return new NarratorError('cancelled', `The job ${jobId} was cancelled before it was planned.`);
}

/** The manifest's copy; @throws NarratorError ledger_corrupt when it is gone or not what was accepted */
async function storedManifest(head: JobHead, store: ArtifactStore): Promise<ManifestSource> {
  const { key, sha256, format } = head.manifest;
  const source = await store.read(key);
  if (source === undefined) throw new NarratorError('ledger_corrupt', `The stored object ${key} is missing.`);
  async function* verified(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    for await (const chunk of bytes) {
      hash.update(chunk);
      yield chunk;
    }
    if (hash.digest('hex') !== sha256) {
      throw new NarratorError('ledger_corrupt', `The stored object ${key} is not the manifest that was accepted.`);
    }
  }
  return { format, bytes: verified(source) };
}

/**
 * Without plan.json no shard has been handed out yet, so one that a killed planner left may be replaced: it differs if a
 * text file or a voice was changed in between.
 */
async function putShard(store: ArtifactStore, key: string, bytes: Uint8Array): Promise<void> {
  const put = await store.put(key, bytes, { ifAbsent: true, contentType: 'application/json' });
  if (put.status === 'written') return;
  const there = await store.get(key);
  if (there !== undefined && Buffer.compare(there.bytes, bytes) === 0) return;
  await store.put(key, bytes, { contentType: 'application/json' });
}

/** The same planning without a store: what a job would come to. `onRejected` hears of every bad line, in order. */
export async function planDryRun(
  manifest: ManifestSource,
  options: PlanOptions & { readonly shardSeconds: number },
  deps: PlanDeps & { readonly onRejected?: (rejected: RejectedItem) => void },
): Promise<PlanTotals & { shards: number }> {
  const totals = new Totals(deps.model);
  let shards = 0;
  const entries = totals.count(planItems(manifest, options, deps));
  for await (const { rejected } of packShards(entries, framesPerShard(options.shardSeconds, deps.model))) {
    shards += 1;
    for (const one of rejected) deps.onRejected?.(one);
  }
  return { ...totals.value(), shards };
}

const framesPerShard = (seconds: number, { sampleRateHz, hopLength }: SpeechModel) =>
  Math.max(1, Math.floor((seconds * sampleRateHz) / hopLength));

/**
 * Packs consecutive items into shards of at most `framesMax`. An item is divided only if it is longer than that; what is
 * left of it shares its shard with the items that follow.
 */
async function* packShards(entries: AsyncIterable<PlannedEntry>, framesMax: number): AsyncGenerator<ShardContents> {
  let shard: ShardContents = { parts: [], rejected: [] };
  let frames = 0;
  const isEmpty = () => shard.parts.length + shard.rejected.length === 0;
  const take = (): ShardContents => {
    const full = shard;
    shard = { parts: [], rejected: [] };
    frames = 0;
    return full;
  };
  for await (const entry of entries) {
    if (shard.parts.length + shard.rejected.length >= SHARD_ENTRIES_MAX) yield take();
    if (entry.status === 'rejected') {
      shard.rejected.push(entry.rejected);
      continue;
    }
    if (!isEmpty() && frames + framesOf(entry.item) > framesMax) yield take();
    for (const part of divided(entry.item, framesMax)) {
      if (part.firstSegment > 0) yield take();
      shard.parts.push(part);
      frames += framesOf(part);
    }
  }
  if (!isEmpty()) yield take();
}

/** The item in runs of segments of at most `framesMax`, but of one segment at least. */
function* divided({ characters: _characters, ...item }: PlannedItem, framesMax: number): Generator<ItemPart> {
  let first = 0;
  let frames = 0;
  for (const [index, segment] of item.segments.entries()) {
    if (index > first && frames + segment.frames > framesMax) {
      yield { ...item, firstSegment: first, segments: item.segments.slice(first, index) };
      first = index;
      frames = 0;
    }
    frames += segment.frames;
  }
  yield first === 0 ? item : { ...item, firstSegment: first, segments: item.segments.slice(first) };
}

class Totals {
  readonly #secondsPerFrame: number;
  readonly #totals = { items: 0, rejected: 0, segments: 0, characters: 0, frames: 0 };
  #pauseMs = 0;

  constructor(model: SpeechModel) {
    this.#secondsPerFrame = model.hopLength / model.sampleRateHz;
  }

  async *count(entries: AsyncIterable<PlannedEntry>): AsyncGenerator<PlannedEntry> {
    for await (const entry of entries) {
      this.#totals.items += 1;
      if (entry.status === 'rejected') this.#totals.rejected += 1;
      else this.#add(entry.item);
      yield entry;
    }
  }

  #add(item: PlannedItem): void {
    this.#totals.segments += item.segments.length;
    this.#totals.characters += item.characters;
    this.#totals.frames += framesOf(item);
    for (const segment of item.segments) this.#pauseMs += segment.pauseAfterMs;
  }

  value(): PlanTotals {
    const seconds = this.#totals.frames * this.#secondsPerFrame + this.#pauseMs / 1000;
    return { ...this.#totals, audioSeconds: Math.round(seconds * 1000) / 1000 };
  }
}

/** Runs writes a few at a time. After one failed, `add` and `check` throw its error. */
function boundedWrites(inFlightMax: number) {
  const running = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  const check = () => {
    if (failure !== undefined) throw failure.error;
  };
  return {
    async add(write: () => Promise<void>): Promise<void> {
      while (running.size >= inFlightMax) await Promise.race(running);
      check();
      const done = write()
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => running.delete(done));
      running.add(done);
    },
    async settled(): Promise<void> {
      await Promise.all(running);
    },
    check,
  };
}
