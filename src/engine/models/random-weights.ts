/**
 * Random weights of any architecture: for measuring speed and memory at real size, and for tests, without a download. They
 * make noise, not speech, but noise of sane loudness: activations keep their scale through any number of layers.
 */
import type { ExpectedTensor } from '../graph/weights.ts';
import { elementCount, type TensorSource } from './tensor-source.ts';

const CHUNK_ELEMENTS = 256 * 1024;

/** float32 sources for tensors of these shapes; the numbers depend on the seed and each tensor's own name, on nothing else. */
export function randomTensors(expected: readonly ExpectedTensor[], seed: number, prefix = ''): TensorSource[] {
  return expected.map(({ name, shape }) => ({
    name: `${prefix}${name}`,
    shape,
    dtype: 'F32',
    chunks: () => uniformNumbers(name, shape, seed),
  }));
}

/** Mean and standard deviation that keep the scale of activations. */
function distribution(name: string, shape: readonly number[]): { mean: number; deviation: number } {
  if (name.endsWith('text_embed.text_embed.weight')) return { mean: 0, deviation: 1 };
  // matrices and convolutions: variance 1 / inputs of one output ("LeCun"), so that an output is as large as an input
  if (shape.length > 1 && !name.includes('.grn.')) {
    return { mean: 0, deviation: 1 / Math.sqrt(elementCount(shape.slice(1))) };
  }
  if (name.endsWith('norm.weight')) return { mean: 1, deviation: 0.05 };
  // Vocos scales each block's branch by some 1 / layers (layer_scale_init_value, vocos/models.py)
  if (name.startsWith('backbone.convnext.') && name.endsWith('.gamma')) return { mean: 0.1, deviation: 0.02 };
  return { mean: 0, deviation: 0.05 };
}

/** Uniform numbers by mulberry32 (Tommy Ettinger, public domain): 32 bits of state are plenty for noise, and it is fast. */
async function* uniformNumbers(name: string, shape: readonly number[], seed: number): AsyncGenerator<Uint8Array> {
  const { mean, deviation } = distribution(name, shape);
  const scale = (deviation * Math.sqrt(12)) / 2 ** 32;
  const lowest = mean - scale * 2 ** 31;
  const elements = elementCount(shape);
  const numbers = new Float32Array(Math.min(elements, CHUNK_ELEMENTS));
  let state = hashName(name, seed);
  for (let done = 0; done < elements; done += numbers.length) {
    const count = Math.min(numbers.length, elements - done);
    for (let i = 0; i < count; i++) {
      state = (state + 0x6d2b79f5) | 0;
      let bits = Math.imul(state ^ (state >>> 15), state | 1);
      bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
      numbers[i] = lowest + scale * ((bits ^ (bits >>> 14)) >>> 0);
    }
    yield new Uint8Array(numbers.buffer, 0, count * 4);
  }
}

/** FNV-1a over the UTF-16 units. */
function hashName(name: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) | 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash;
}
