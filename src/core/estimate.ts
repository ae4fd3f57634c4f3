/** What a job would come to, before anything is spent on it: planning without writing. */
import type { ErrorCode } from './errors.ts';
import { type JobParameters } from './job.ts';
import { segmentKey } from './keys.ts';
import { type LexiconEntryInput, lexiconSource } from './lexicon.ts';
import type { ItemDefaults } from './manifest.ts';
import type { ManifestSource, PlanDeps } from './plan-items.ts';
import { planDryRun } from './planner.ts';
import type { ArtifactStore } from './ports.ts';
import { readAhead } from './read-ahead.ts';
import { SHARD_SECONDS } from './submit-job.ts';

export interface EstimateRequest {
  readonly manifest: ManifestSource;
  readonly defaults: ItemDefaults;
  readonly parameters: JobParameters;
  /** default true */
  readonly reuse?: boolean;
  /** default 120 */
  readonly shardSeconds?: number;
  /** see JobHead: text files lie beside it */
  readonly source?: string;
  /** see JobRequest */
  readonly lexicon?: readonly LexiconEntryInput[];
}

export interface EstimateReport {
  /** lines that hold an item, good or bad */
  readonly items: number;
  /** the first bad lines: at most REJECTED_NAMED_MAX */
  readonly rejected: readonly RejectedLine[];
  readonly rejectedItems: number;
  /** of the texts of the items that are not rejected */
  readonly characters: number;
  readonly segments: number;
  /** predicted, pauses included */
  readonly audioSeconds: number;
  readonly shards: number;
  /** segments that are stored already; absent where there are too many to look for */
  readonly reusableSegments?: number;
  /** how long the engine would take for the rest, if it had nothing else to do; absent where its speed is not known */
  readonly synthesisSeconds?: number;
}

interface RejectedLine {
  readonly line: number;
  readonly item?: string;
  readonly code: ErrorCode;
  readonly field?: string;
  readonly message: string;
}

export interface EstimateDeps {
  readonly planning: PlanDeps;
  readonly store: ArtifactStore;
  /** seconds of work for each second of audio, as measured lately */
  readonly realTimeFactor?: () => number | undefined;
}

const REJECTED_NAMED_MAX = 100;
/** Different segments that are looked for: one request to the store each. */
const SEGMENTS_LOOKED_FOR_MAX = 1000;
const READ_AHEAD = 16;

/** @throws NarratorError manifest_invalid, manifest_too_large; retryable errors of the stores */
export async function estimate(request: EstimateRequest, deps: EstimateDeps): Promise<EstimateReport> {
  const { manifest, defaults, parameters, reuse = true, shardSeconds = SHARD_SECONDS, source, lexicon } = request;
  const rejected: RejectedLine[] = [];
  const wanted = new WantedSegments();
  const totals = await planDryRun(
    manifest,
    {
      ...{ defaults, parameters, shardSeconds },
      ...(source !== undefined && { source }),
      ...(lexicon !== undefined && { lexicon: lexiconSource(lexicon) }),
    },
    {
      ...deps.planning,
      onRejected: ({ line, item, error: { code, field, message } }) => {
        if (rejected.length >= REJECTED_NAMED_MAX) return;
        const named = { ...(item !== undefined && { item }), ...(field !== undefined && { field }) };
        rejected.push({ line, ...named, code, message });
      },
      onPart: (part) => {
        for (const { key, frames } of part.segments) wanted.add(key, frames);
      },
    },
  );
  const { rejected: rejectedItems, items, characters, segments, audioSeconds, frames, shards } = totals;
  const reusable = reuse ? await wanted.stored(deps.store) : { segments: 0, frames: 0 };
  const realTimeFactor = deps.realTimeFactor?.();
  const share = frames > 0 ? 1 - (reusable?.frames ?? 0) / frames : 0;
  return {
    items,
    rejected,
    rejectedItems,
    characters,
    segments,
    audioSeconds,
    shards,
    ...(reusable !== undefined && { reusableSegments: reusable.segments }),
    ...(realTimeFactor !== undefined && { synthesisSeconds: rounded(audioSeconds * share * realTimeFactor) }),
  };
}

/** The segments of a small job; of a large one it keeps nothing. */
class WantedSegments {
  #byKey: Map<string, { count: number; frames: number }> | undefined = new Map();

  add(key: string, frames: number): void {
    const count = this.#byKey?.get(key)?.count ?? 0;
    this.#byKey?.set(key, { count: count + 1, frames });
    if ((this.#byKey?.size ?? 0) > SEGMENTS_LOOKED_FOR_MAX) this.#byKey = undefined;
  }

  async stored(store: ArtifactStore): Promise<{ segments: number; frames: number } | undefined> {
    if (this.#byKey === undefined) return undefined;
    const sum = { segments: 0, frames: 0 };
    const looked = readAhead(this.#byKey, READ_AHEAD, async ([key, one]) => ({
      ...one,
      isStored: (await store.head(segmentKey(key))) !== undefined,
    }));
    for await (const { isStored, count, frames } of looked) {
      if (!isStored) continue;
      sum.segments += count;
      sum.frames += count * frames;
    }
    return sum;
  }
}

const rounded = (value: number) => Math.round(value * 10) / 10;
