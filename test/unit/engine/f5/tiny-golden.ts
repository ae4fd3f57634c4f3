/** One utterance of the built-in model as the official PyTorch code speaks it: see test/fixtures/tiny-golden. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../../fixtures/tiny-golden');
export const BUILT_IN = join(import.meta.dirname, '../../../../models/tiny');

export interface Golden {
  readonly transcript: string;
  readonly text: string;
  readonly steps: number;
  readonly cfg: number;
  readonly sway: number;
  readonly promptFrames: number;
  readonly duration: number;
  readonly textIds: readonly number[];
  readonly timeGrid: readonly number[];
}

export const golden = JSON.parse(readFileSync(join(FOLDER, 'golden.json'), 'utf8')) as Golden;

export function goldenArray(name: 'noise' | 'prompt-mel' | 'mel' | 'wav'): Float32Array {
  const bytes = readFileSync(join(FOLDER, `${name}.f32`));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** A built-in voice's clip: 16-bit mono with a plain header of 44 bytes. */
export function clip(path: string): Float32Array {
  const bytes = readFileSync(join(BUILT_IN, path));
  const pcm = new Int16Array(bytes.buffer.slice(bytes.byteOffset + 44, bytes.byteOffset + bytes.byteLength));
  return Float32Array.from(pcm, (sample) => sample / 32768);
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}
