/** WAV files as streams: constant memory whatever their length, and no seeking back to patch the header. */
import { NarratorError } from '../core/errors.ts';
import type { SampleFormat } from '../core/ports.ts';
import { BYTES_PER_SAMPLE, padBytes, wavHeader } from './wav-header.ts';
import type { WavLayout } from './wav-header.ts';

/**
 * One mono WAV file: header first (RF64 beyond 4 GiB), then a chunk of bytes for every part, then the pad byte if one is due.
 *
 * Integers: sample × 2^(bits - 1), rounded to the nearest (halves upwards), clamped to the range, no dither: what an integer
 * file held comes back exactly. Floats are clamped to [-1, 1].
 *
 * @throws NarratorError waveform_invalid at a sample that is not finite; internal when the parts do not add up to `totalSamples`.
 *   The consumer must then discard what it has.
 */
export async function* encodeWav(parts: AsyncIterable<Float32Array>, layout: WavLayout): AsyncGenerator<Uint8Array> {
  const { totalSamples, format } = layout;
  if (!Number.isSafeInteger(totalSamples) || totalSamples < 0) {
    throw new NarratorError('internal', `A WAV file cannot have ${totalSamples} samples.`);
  }
  yield wavHeader(layout);
  let written = 0;
  for await (const part of parts) {
    if (written + part.length > totalSamples) {
      throw new NarratorError('internal', `More than the ${totalSamples} samples that were promised for a WAV file.`);
    }
    yield ENCODE[format](part, written);
    written += part.length;
  }
  if (written !== totalSamples) {
    throw new NarratorError('internal', `Only ${written} of the ${totalSamples} samples promised for a WAV file.`);
  }
  if (padBytes(totalSamples * BYTES_PER_SAMPLE[format]) === 1) yield new Uint8Array(1);
}

/** `position` is that of the part's first sample in the file: for messages. */
type EncodeSamples = (samples: Float32Array, position: number) => Uint8Array;

// Typed arrays have the byte order of the machine. ONNX Runtime, and so this project, runs on little-endian ones only.
const ENCODE: Record<SampleFormat, EncodeSamples> = {
  int16(samples, position) {
    const integers = new Int16Array(samples.length);
    for (let i = 0; i < samples.length; i++) integers[i] = quantise(samples[i] as number, 0x8000, position + i);
    return new Uint8Array(integers.buffer);
  },
  int24(samples, position) {
    const bytes = new Uint8Array(samples.length * 3);
    for (let i = 0; i < samples.length; i++) {
      const integer = quantise(samples[i] as number, 0x80_0000, position + i);
      bytes[i * 3] = integer;
      bytes[i * 3 + 1] = integer >> 8;
      bytes[i * 3 + 2] = integer >> 16;
    }
    return bytes;
  },
  float32(samples, position) {
    const clamped = new Float32Array(samples.length);
    for (let i = 0; i < samples.length; i++) {
      const sample = finite(samples[i] as number, position + i);
      clamped[i] = sample > 1 ? 1 : sample < -1 ? -1 : sample;
    }
    return new Uint8Array(clamped.buffer);
  },
};

function quantise(sample: number, scale: number, position: number): number {
  const integer = Math.round(finite(sample, position) * scale);
  return integer >= scale ? scale - 1 : integer < -scale ? -scale : integer;
}

function finite(sample: number, position: number): number {
  if (Number.isFinite(sample)) return sample;
  throw new NarratorError('waveform_invalid', `Sample ${position} of the audio is ${sample}.`);
}
