/** Where the seeds of segments come from: docs/decisions/0003-seeds.md. */
import { sha256Hex } from './canonical-json.ts';

/** Takes of a segment whose waveform fails its checks, the first included. */
export const TAKES_MAX = 3;

/**
 * The seed of a segment's first take. It depends on the base seed, the text and the language, and on nothing else: not on the
 * job, nor on the place in the item, so an edited book is rendered anew only where it changed.
 * @param baseSeed unsigned 64-bit integer in decimal
 * @returns unsigned 64-bit integer in decimal
 */
export function segmentSeed(baseSeed: string, text: string, language: string): string {
  return seedOf({ language, seed: baseSeed, text, v: 1 });
}

/** The seed of take `take` (from 1) of a segment whose first take has the seed `seed`. */
export function takeSeed(seed: string, take: number): string {
  return take === 1 ? seed : seedOf({ seed, take, v: 1 });
}

/** `value`: properties in alphabetical order, which makes it canonical JSON (see segmentDigest). */
function seedOf(value: Readonly<Record<string, string | number>>): string {
  return BigInt(`0x${sha256Hex(JSON.stringify(value)).slice(0, 16)}`).toString();
}
