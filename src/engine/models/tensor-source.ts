/** A named array of numbers that can be read piece by piece, wherever it lies: what the readers give and the writer takes. */
import type { FileHandle } from 'node:fs/promises';
import { NarratorError } from '../../core/errors.ts';

/** Types by their safetensors names. */
export type TensorDtype = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

export const DTYPE_BYTES: Readonly<Record<TensorDtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

export interface TensorSource {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** Its numbers, little-endian, in row-major order; pieces of any length that add up to `tensorBytes`. */
  chunks(): AsyncIterable<Uint8Array>;
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function tensorBytes(tensor: Pick<TensorSource, 'dtype' | 'shape'>): number {
  return elementCount(tensor.shape) * DTYPE_BYTES[tensor.dtype];
}

/** A multiple of every element size, large enough that calls cost nothing, small enough to hold several. */
const CHUNK_BYTES = 1024 * 1024;

/** Reads `bytes` from `offset` on. The pieces share one buffer: each is valid until the next is asked for. */
export async function* readFileRange(
  file: FileHandle,
  path: string,
  offset: number,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.min(bytes, CHUNK_BYTES));
  for (let done = 0; done < bytes; ) {
    const length = Math.min(buffer.length, bytes - done);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await file.read(buffer, filled, length - filled, offset + done + filled);
      if (bytesRead === 0)
        throw new NarratorError('model_invalid', `${path}: cut off at byte ${offset + done + filled}`);
      filled += bytesRead;
    }
    yield buffer.subarray(0, length);
    done += length;
  }
}
