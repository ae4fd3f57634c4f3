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
    checkFinite(samples, position);
    const integers = new Int16Array(samples.length);
    for (let i = 0; i < samples.length; i++) integers[i] = quantise(samples[i] as number, 0x8000);
    return new Uint8Array(integers.buffer);
  },
  int24(samples, position) {
    checkFinite(samples, position);
    const bytes = new Uint8Array(samples.length * 3);
    for (let i = 0; i < samples.length; i++) {
      const integer = quantise(samples[i] as number, 0x80_0000);
      bytes[i * 3] = integer;
      bytes[i * 3 + 1] = integer >> 8;
      bytes[i * 3 + 2] = integer >> 16;
    }
    return bytes;
  },
  float32(samples, position) {
    checkFinite(samples, position);
    const clamped = new Float32Array(samples.length);
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i] as number;
      clamped[i] = sample > 1 ? 1 : sample < -1 ? -1 : sample;
    }
    return new Uint8Array(clamped.buffer);
  },
};

/** A float32 times a power of two is exact in a double, and so is the half that is added: this rounds as Math.round does, at a third of its time. */
function quantise(sample: number, scale: number): number {
  const integer = Math.floor(sample * scale + 0.5);
  return integer >= scale ? scale - 1 : integer < -scale ? -scale : integer;
}

/** In a loop of its own, without a call and a branch for each sample: what is not finite times 0 is not a number, and stays so. */
function checkFinite(samples: Float32Array, position: number): void {
  let zero = 0;
  for (let i = 0; i < samples.length; i++) zero += (samples[i] as number) * 0;
  if (zero === 0) return;
  const at = samples.findIndex((sample) => !Number.isFinite(sample));
  throw new NarratorError('waveform_invalid', `Sample ${position + at} of the audio is ${samples[at]}.`);
}
