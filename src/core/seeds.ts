/** Where the seeds of segments come from: docs/decisions/0003-seeds.md. */
import { canonicalJson, sha256Hex } from './canonical-json.ts';

/** Takes of a segment whose waveform fails its checks, the first included. */
export const TAKES_MAX = 3;

/**
 * The seed of a segment's first take. It depends on the base seed, the text and the language, and on nothing else: not on the
 * job, nor on the place in the item, so an edited book is rendered anew only where it changed.
 * @param baseSeed unsigned 64-bit integer in decimal
 * @returns unsigned 64-bit integer in decimal
 */
export function segmentSeed(baseSeed: string, text: string, language: string): string {
  return seedOf({ v: 1, seed: baseSeed, text, language });
}

/** The seed of take `take` (from 1) of a segment whose first take has the seed `seed`. */
export function takeSeed(seed: string, take: number): string {
  return take === 1 ? seed : seedOf({ v: 1, seed, take });
}

function seedOf(value: unknown): string {
  return BigInt(`0x${sha256Hex(canonicalJson(value)).slice(0, 16)}`).toString();
}
