/** Weights in float16, as GPUs want them, converted while they stream. */
import { NarratorError } from '../../core/errors.ts';
import type { TensorSource } from './tensor-source.ts';

/**
 * The same tensor in float16. Values beyond ±65504 are refused: as infinities they would only be heard much later.
 * @throws NarratorError model_invalid (also while streaming)
 */
export function asFloat16(source: TensorSource): TensorSource {
  const { name, shape, dtype } = source;
  if (dtype === 'F16') return source;
  if (dtype !== 'F32' && dtype !== 'BF16') {
    throw new NarratorError('model_invalid', `${name} is of type ${dtype}: only F32, BF16 and F16 become float16`);
  }
  const itemBytes = dtype === 'F32' ? 4 : 2;
  return {
    name,
    shape,
    dtype: 'F16',
    async *chunks() {
      let halves = new Uint16Array(0);
      for await (const chunk of source.chunks()) {
        const aligned = chunk.byteOffset % itemBytes === 0 ? chunk : chunk.slice();
        const numbers = dtype === 'F32' ? asFloats(aligned) : fromBfloat16(aligned);
        if (halves.length < numbers.length) halves = new Uint16Array(numbers.length);
        if (!toFloat16(numbers, halves)) {
          throw new NarratorError('model_invalid', `${name}: a weight is not finite or too large for float16 (65504)`);
        }
        yield new Uint8Array(halves.buffer, 0, numbers.length * 2);
      }
    },
  };
}

function asFloats(chunk: Uint8Array): Float32Array {
  return new Float32Array(chunk.buffer, chunk.byteOffset, chunk.length / 4);
}

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(chunk: Uint8Array): Float32Array {
  const halves = new Uint16Array(chunk.buffer, chunk.byteOffset, chunk.length / 2);
  return new Float32Array(Uint32Array.from(halves, (bits) => bits << 16).buffer);
}

/**
 * IEEE 754 binary32 to binary16, rounded to the nearest, ties to even.
 * @returns false if a number is too large, infinite or no number
 */
export function toFloat16(numbers: Float32Array, halves: Uint16Array): boolean {
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  let finite = true;
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] as number;
    const sign = (word >>> 16) & 0x8000;
    const magnitude = word & 0x7fffffff;
    if (magnitude >= 0x477ff000) {
      finite = false; // rounds to more than 65504
      halves[i] = sign | 0x7c00;
    } else if (magnitude >= 0x38800000) {
      // normal in float16: rebias the exponent by 112, round away 13 bits of the mantissa; a carry reaches the exponent
      halves[i] = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    } else if (magnitude > 0x33000000) {
      // subnormal in float16: multiples of 2^-24
      const shift = 126 - (magnitude >>> 23);
      const mantissa = (magnitude & 0x7fffff) | 0x800000;
      const kept = mantissa >>> shift;
      const rest = mantissa & ((1 << shift) - 1);
      const half = 1 << (shift - 1);
      halves[i] = sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
    } else {
      halves[i] = sign;
    }
  }
  return finite;
}
