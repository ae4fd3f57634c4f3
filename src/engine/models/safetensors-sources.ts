/** The tensors of an open safetensors file as sources that can be converted and written again. */
import type { FileHandle } from 'node:fs/promises';
import type { Safetensors } from '../graph/safetensors.ts';
import { readFileRange, type TensorDtype, type TensorSource } from './tensor-source.ts';

const DTYPES: Readonly<Record<string, TensorDtype>> = {
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
};

/** By name. The sources read from `file`: they are valid until it is closed. */
export function safetensorsSources(header: Safetensors, file: FileHandle): Map<string, TensorSource> {
  const sources = new Map<string, TensorSource>();
  for (const name of header.names()) {
    const tensor = header.find(name);
    const dtype = tensor === undefined ? undefined : DTYPES[tensor.elementType];
    if (tensor === undefined || dtype === undefined) continue;
    const { shape, offset, length } = tensor;
    sources.set(name, { name, dtype, shape, chunks: () => readFileRange(file, header.path, offset, length) });
  }
  return sources;
}
