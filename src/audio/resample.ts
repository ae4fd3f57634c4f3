/**
 * Resampling by libsamplerate (best sinc converter), compiled to WebAssembly.
 *
 * Traps of the package (2.1.2) that this file works around: `simple` silently loses the last milliseconds of inputs above a
 * million samples; its own chunking ignores the byte offset of subarrays; lengths are rounded down; it throws strings.
 */
import libsamplerate from '@alexanderolsen/libsamplerate-js';

/** Input samples handed over at once; small enough for the package's fixed buffers at any ratio up to 48. */
const BLOCK_SAMPLES = 16_384;

/** Silence fed behind the end presses out what the filter still holds; its length depends on the ratio, hence in small blocks. */
const FLUSH_SAMPLES = 1_024;
/** Far more than the filter holds at any ratio: a resampler that gives nothing must not be fed for ever. */
const MAX_FLUSH_BLOCKS = 64;

/**
 * @param samples mono; not changed
 * @param fromHz, toHz integers from 4,000 to 192,000
 * @returns exactly round(samples.length × toHz / fromHz) samples, in phase with the input. Deterministic. The input itself when
 *   the rates are equal. May overshoot the input's peak slightly, as every band-limited resampler does.
 */
export async function resample(samples: Float32Array, fromHz: number, toHz: number): Promise<Float32Array> {
  if (fromHz === toHz) return samples;
  const converterType = libsamplerate.ConverterType.SRC_SINC_BEST_QUALITY;
  // Every call has a WebAssembly instance of its own: nothing is shared with a call that runs at the same time.
  const converter = await libsamplerate.create(1, fromHz, toHz, { converterType });
  try {
    const result = new Float32Array(Math.round((samples.length * toHz) / fromHz));
    let written = 0;
    const take = (block: Float32Array): void => {
      const part = converter.full(block);
      result.set(part.subarray(0, result.length - written), written);
      written = Math.min(written + part.length, result.length);
    };
    for (let at = 0; at < samples.length; at += BLOCK_SAMPLES) take(samples.subarray(at, at + BLOCK_SAMPLES));
    const silence = new Float32Array(FLUSH_SAMPLES);
    for (let i = 0; written < result.length && i < MAX_FLUSH_BLOCKS; i++) take(silence);
    if (written < result.length) throw new Error(`The resampler gave ${written} of ${result.length} samples.`);
    return result;
  } finally {
    converter.destroy();
  }
}
