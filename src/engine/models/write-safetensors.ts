/**
 * Writes a safetensors file of any size in bounded memory: 8 bytes of header length, a JSON header, the tensors one after
 * the other. Format: https://github.com/huggingface/safetensors#format.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { NarratorError } from '../../core/errors.ts';
import { DTYPE_BYTES, tensorBytes, type TensorSource } from './tensor-source.ts';

export interface WrittenFile {
  readonly bytes: number;
  readonly sha256: string;
}

/** Header entry of one tensor: offsets count from the end of the header. */
interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/**
 * Wider types come first, so that every tensor starts at a multiple of its element size. Replaces what is at `path`, which
 * is flushed to the disk when this returns.
 * @throws NarratorError internal if a source gives more or fewer bytes than its shape says; cancelled
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorSource[],
  options: { signal?: AbortSignal } = {},
): Promise<WrittenFile> {
  const ordered = [...tensors].sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype]);
  const header = encodeHeader(ordered);
  const hash = createHash('sha256').update(header);
  let bytes = header.length;
  const file = await open(path, 'w');
  try {
    await file.writeFile(header);
    for (const tensor of ordered) {
      const expected = tensorBytes(tensor);
      let written = 0;
      for await (const chunk of tensor.chunks()) {
        if (options.signal?.aborted === true) throw new NarratorError('cancelled', `Writing ${path} was cancelled`);
        written += chunk.length;
        if (written > expected) break;
        hash.update(chunk);
        await file.writeFile(chunk); // goes on where the last one ended
      }
      if (written !== expected) {
        throw new NarratorError('internal', `${tensor.name}: ${written} bytes were given instead of ${expected}`);
      }
      bytes += written;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

function encodeHeader(tensors: readonly TensorSource[]): Buffer {
  const entries: [string, HeaderEntry | { format: string }][] = [['__metadata__', { format: 'pt' }]];
  let offset = 0;
  for (const tensor of tensors) {
    const end = offset + tensorBytes(tensor);
    entries.push([tensor.name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ');
  json.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
}
