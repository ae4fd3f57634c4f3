/** Reads the header of a .safetensors file: where every tensor lies. The weights themselves are never read here. */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { NarratorError } from '../../core/errors.ts';
import type { ElementType, ExternalTensor } from './graph-writer.ts';

/** Limit of the safetensors format itself (github.com/huggingface/safetensors, MAX_HEADER_SIZE). */
const HEADER_LIMIT_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
const METADATA_KEY = '__metadata__';

const ELEMENT_TYPES: Record<string, { elementType: ElementType; bytes: number }> = {
  F32: { elementType: 'float32', bytes: 4 },
  F16: { elementType: 'float16', bytes: 2 },
  BF16: { elementType: 'bfloat16', bytes: 2 },
  I64: { elementType: 'int64', bytes: 8 },
};

const count = z.int().min(0);
const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(count).max(16),
  data_offsets: z.tuple([count, count]),
});

export class Safetensors {
  readonly path: string;
  private readonly tensors: ReadonlyMap<string, ExternalTensor>;

  private constructor(path: string, tensors: ReadonlyMap<string, ExternalTensor>) {
    this.path = path;
    this.tensors = tensors;
  }

  /**
   * @throws NarratorError model_not_found if there is no such file, model_invalid if it is not a whole safetensors file:
   * every offset is checked against shape, element type and the size of the file
   */
  static async open(path: string): Promise<Safetensors> {
    const { header, dataStart, fileSize } = await readHeader(path);
    const tensors = new Map<string, ExternalTensor>();
    for (const [name, value] of Object.entries(header)) {
      if (name === METADATA_KEY) continue;
      const entry = entrySchema.safeParse(value);
      if (!entry.success) throw broken(path, `its entry for tensor ${quote(name)} is malformed`);
      const { dtype, shape, data_offsets } = entry.data;
      const type = ELEMENT_TYPES[dtype];
      // Other element types may be in the file as long as no graph asks for them.
      if (type === undefined) continue;
      const length = data_offsets[1] - data_offsets[0];
      const expected = shape.reduce((product, axis) => product * axis, type.bytes);
      if (length !== expected) {
        throw broken(path, `tensor ${quote(name)} has ${length} bytes where its shape needs ${expected}`);
      }
      if (dataStart + data_offsets[1] > fileSize) {
        throw broken(path, `tensor ${quote(name)} ends past the end of the file (${fileSize} bytes): it is cut off`);
      }
      const offset = dataStart + data_offsets[0];
      tensors.set(name, { elementType: type.elementType, shape, location: basename(path), offset, length });
    }
    return new Safetensors(path, tensors);
  }

  names(): IterableIterator<string> {
    return this.tensors.keys();
  }

  /** Where the tensor lies; undefined if the file has none of that name and of a supported element type. */
  find(name: string): ExternalTensor | undefined {
    return this.tensors.get(name);
  }
}

async function readHeader(
  path: string,
): Promise<{ header: Record<string, unknown>; dataStart: number; fileSize: number }> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw new NarratorError(
      'model_not_found',
      `Cannot open the weights ${path} (${cause.code ?? cause.message})`,
      {},
      { cause },
    );
  });
  try {
    const { size: fileSize } = await file.stat();
    if (fileSize < LENGTH_BYTES) throw broken(path, `it has only ${fileSize} bytes`);
    const length = Buffer.alloc(LENGTH_BYTES);
    await file.read(length, 0, LENGTH_BYTES, 0);
    const headerBytes = length.readBigUInt64LE();
    if (headerBytes > HEADER_LIMIT_BYTES || Number(headerBytes) > fileSize - LENGTH_BYTES) {
      throw broken(path, `its header claims ${headerBytes} bytes of a file of ${fileSize}`);
    }
    const text = Buffer.alloc(Number(headerBytes));
    await file.read(text, 0, text.length, LENGTH_BYTES);
    return { header: parseHeader(path, text), dataStart: LENGTH_BYTES + text.length, fileSize };
  } finally {
    await file.close();
  }
}

function parseHeader(path: string, bytes: Buffer): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new NarratorError(
      'model_invalid',
      `${path} is not a safetensors file: its header is not JSON`,
      {},
      { cause },
    );
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw broken(path, 'its header is not a JSON object');
  }
  return header as Record<string, unknown>;
}

function broken(path: string, what: string): NarratorError {
  return new NarratorError('model_invalid', `${path} is not a usable safetensors file: ${what}`);
}

/** Names come from a file of unknown origin: bounded and on one line. */
function quote(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}...` : name);
}
