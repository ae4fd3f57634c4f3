/** Segments to the sampler's input: one array a tensor, every item padded to the same length. Pure. */
import { bucketFrames } from '../batch-policy.ts';
import { fillNoise } from './noise.ts';
import type { SampleInput } from './session.ts';

export interface CollateItem {
  /** log-mel of the reference, [promptMelFrames, melDim] */
  readonly promptMel: Float32Array;
  /** tokens of transcript and text */
  readonly tokens: readonly number[];
  /** frames of prompt and speech, see `totalFrames` */
  readonly duration: number;
  readonly cfg: number;
  /** unsigned 64-bit integer in decimal */
  readonly seed: string;
}

/** The times are the caller's: all items share them. */
export type Collated = Omit<SampleInput, 'times'>;

/**
 * Frames of prompt and speech as the sampler is told: at least one more than the reference's mel has and than there are
 * tokens, so that each token has a frame (`CFM.sample` in f5_tts/model/cfm.py).
 */
export function totalFrames(
  promptFrames: number,
  speechFrames: number,
  promptMelFrames: number,
  tokens: number,
): number {
  return Math.max(promptFrames + speechFrames, promptMelFrames + 1, tokens + 1);
}

/**
 * The padded length is rounded up to the batch policy's buckets: few shapes, and never below 128 frames, from where on
 * the CPU's kernels give each item the same bits in any batch.
 * @param items at least one
 * @param melDim a multiple of 4
 */
export function collate(items: readonly CollateItem[], melDim: number): Collated {
  const frames = bucketFrames(Math.max(...items.map((item) => item.duration)));
  const textLength = Math.max(...items.map((item) => item.tokens.length));
  const stride = frames * melDim;
  const noise = new Float32Array(items.length * stride);
  const cond = new Float32Array(items.length * stride);
  const text = new Array<number>(items.length * textLength).fill(-1);
  for (const [row, item] of items.entries()) {
    fillNoise(noise.subarray(row * stride, (row + 1) * stride), item.seed, item.duration, melDim);
    cond.set(item.promptMel, row * stride);
    for (const [column, token] of item.tokens.entries()) text[row * textLength + column] = token;
  }
  const cfg = items.map((item) => item.cfg);
  return {
    batch: items.length,
    frames,
    noise,
    cond,
    textLength,
    text,
    durations: items.map((item) => item.duration),
    cfg,
    passes: cfg.every((strength) => strength === 0) ? 1 : 2,
  };
}
