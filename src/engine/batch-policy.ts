/**
 * Which of the waiting segments go through the model together. Pure: no clock, no queue; the mechanism is in batcher.ts.
 *
 * A batch costs (its longest item, rounded up to a bucket) x (its items), padding included, and a budget bounds that cost:
 * the rule of text-embeddings-inference (core/src/queue.rs) with mel frames in place of tokens.
 */

/**
 * Lengths are rounded up to a multiple of this many frames, so that the model meets few shapes: its memory arena and kernels
 * are kept per shape. A finer step pads less, on a CPU and beside others: docs/decisions/0006-bucket-size.md.
 */
export const BUCKET_FRAMES = 32;
/** Of fewer padded frames the CPU's kernels make other bits (seen up to 64). */
const SHORTEST_BUCKET_FRAMES = 128;

export interface BatchPolicyOptions {
  /** most frames that one batch may cost: longest item (bucketed) x items. A longer single item still goes, alone. */
  readonly budgetFrames: number;
  /** most items of one batch */
  readonly maxItems: number;
  /** only items of the same bucket share a batch: where padding costs more than batching gains */
  readonly equalBucketsOnly: boolean;
  /** how long an idle engine waits for more, in milliseconds; 0 = takes what is there */
  readonly lingerMs: number;
  /** a better fit may go before an older segment only if it arrived at most this much later */
  readonly ageLimitMs: number;
}

export interface WaitingSegment {
  /** frames of prompt and speech together; at least 1 */
  readonly frames: number;
  /** any monotonic clock */
  readonly arrivedAtMs: number;
  /** only segments of equal compatibility share a batch: equal solver grid, guidance, and no suspect beside the innocent */
  readonly compatibility: string;
}

/** Takes what waits, who is next first; returns one batch, in the same order. Empty only when nothing waits. */
export type BatchPolicy = <T extends WaitingSegment>(
  waiting: readonly T[],
  options: Pick<BatchPolicyOptions, 'budgetFrames' | 'maxItems' | 'equalBucketsOnly' | 'ageLimitMs'>,
) => T[];

export function bucketFrames(frames: number): number {
  return Math.max(SHORTEST_BUCKET_FRAMES, Math.ceil(frames / BUCKET_FRAMES) * BUCKET_FRAMES);
}

/** Frames that the model computes for these items as one batch, padding included. */
export function paddedFrames(batch: readonly { readonly frames: number }[]): number {
  return batch.reduce((longest, { frames }) => Math.max(longest, bucketFrames(frames)), 0) * batch.length;
}

/** Share of the computed frames that is padding, in [0, 1): what rounding to buckets costs included. */
export function paddingWaste(batches: readonly (readonly { readonly frames: number }[])[]): number {
  const padded = batches.reduce((sum, batch) => sum + paddedFrames(batch), 0);
  const real = batches.reduce((sum, batch) => sum + batch.reduce((frames, item) => frames + item.frames, 0), 0);
  return padded === 0 ? 0 : 1 - real / padded;
}

/**
 * The segment that is next (the oldest, but for priorities), and with it those that add the least padding, while the budget holds.
 *
 * None starves: every batch takes the oldest, so nobody waits for more batches than there are older segments. The age
 * limit bounds how unfair the choice of the others may be: who arrived within `ageLimitMs` of the oldest is seated
 * first, although it fits badly. It compares arrivals, not waiting times, on purpose: in a bulk job everything soon
 * has waited long, and a limit on waiting would turn the policy into first come, first served just when choice is best.
 */
export const leastPaddingPolicy: BatchPolicy = (waiting, options) => {
  const oldest = waiting[0];
  if (oldest === undefined) return [];
  const rest = waiting.slice(1).filter((segment) => mayJoin(oldest, segment, options));
  const isTimely = (segment: WaitingSegment): boolean => segment.arrivedAtMs - oldest.arrivedAtMs <= options.ageLimitMs;

  const chosen = new Set([oldest]);
  let longest = bucketFrames(oldest.frames);
  for (const candidates of [rest.filter(isTimely), rest.filter((segment) => !isTimely(segment))]) {
    longest = seatNearest(chosen, longest, candidates, options);
  }
  return waiting.filter((segment) => chosen.has(segment));
};

/** For comparison: strictly in order of arrival, a batch ends where the next one does not fit. */
export const firstComePolicy: BatchPolicy = (waiting, options) => {
  const batch = waiting.slice(0, 1);
  for (const segment of waiting.slice(1)) {
    const oldest = batch[0];
    if (oldest === undefined || batch.length >= options.maxItems) break;
    if (!mayJoin(oldest, segment, options) || paddedFrames([...batch, segment]) > options.budgetFrames) break;
    batch.push(segment);
  }
  return batch;
};

function mayJoin(
  oldest: WaitingSegment,
  segment: WaitingSegment,
  { equalBucketsOnly }: Pick<BatchPolicyOptions, 'equalBucketsOnly'>,
): boolean {
  if (segment.compatibility !== oldest.compatibility) return false;
  return !equalBucketsOnly || bucketFrames(segment.frames) === bucketFrames(oldest.frames);
}

/**
 * Seats candidates around the length of those seated already. Sorted by length, the cheapest next one is always the
 * next shorter (it alone is padded) or the next longer (it pads all that are seated). Returns the new longest bucket.
 */
function seatNearest<T extends WaitingSegment>(
  chosen: Set<T>,
  longestSoFar: number,
  candidates: readonly T[],
  { budgetFrames, maxItems }: Pick<BatchPolicyOptions, 'budgetFrames' | 'maxItems'>,
): number {
  let longest = longestSoFar;
  // Stable sorts: among equal buckets the earlier arrival is seated first.
  const descending = (a: T, b: T): number => bucketFrames(b.frames) - bucketFrames(a.frames);
  const shorter = candidates.filter(({ frames }) => bucketFrames(frames) <= longest).sort(descending);
  const longer = candidates.filter(({ frames }) => bucketFrames(frames) > longest).sort((a, b) => descending(b, a));

  let nextShorter = 0;
  let nextLonger = 0;
  while (chosen.size < maxItems) {
    const below = shorter[nextShorter];
    const above = longer[nextLonger];
    const fits = (length: number): boolean => length * (chosen.size + 1) <= budgetFrames;
    const costBelow = below && fits(longest) ? longest - bucketFrames(below.frames) : Infinity;
    const costAbove =
      above && fits(bucketFrames(above.frames)) ? (bucketFrames(above.frames) - longest) * chosen.size : Infinity;

    if (below && costBelow !== Infinity && costBelow <= costAbove) {
      chosen.add(below);
      nextShorter += 1;
    } else if (above && costAbove !== Infinity) {
      chosen.add(above);
      longest = bucketFrames(above.frames);
      nextLonger += 1;
    } else {
      break;
    }
  }
  return longest;
}
