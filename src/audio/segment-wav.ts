/** Segments as they lie in the store: mono float32 WAV files, bit-exact, that any player opens. Read on the hot path. */
import { NarratorError } from '../core/errors.ts';
import { wavHeader } from './wav-header.ts';

const HEADER_BYTES = 58;
const RATE_OFFSET = 24;
/** Far above any model's rate: a corrupt one must not overflow the header that it is compared with. */
const MAX_SAMPLE_RATE_HZ = 192_000;

/** The samples are kept as they are: neither clamped nor checked. */
export function encodeSegment(samples: Float32Array, sampleRateHz: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + samples.byteLength);
  bytes.set(wavHeader({ totalSamples: samples.length, sampleRateHz, format: 'float32' }));
  bytes.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), HEADER_BYTES);
  return bytes;
}

/**
 * Reads exactly what encodeSegment writes.
 * @returns samples in memory of their own
 * @throws NarratorError ledger_corrupt for anything else: cut short, grown, or another kind of file
 */
export function decodeSegment(bytes: Uint8Array): { samples: Float32Array; sampleRateHz: number } {
  const totalSamples = (bytes.length - HEADER_BYTES) / 4;
  if (!Number.isInteger(totalSamples) || totalSamples < 0) {
    throw new NarratorError('ledger_corrupt', `A stored segment has ${bytes.length} bytes, which no segment has.`);
  }
  const sampleRateHz = new DataView(bytes.buffer, bytes.byteOffset).getUint32(RATE_OFFSET, true);
  const isPlausible = sampleRateHz > 0 && sampleRateHz <= MAX_SAMPLE_RATE_HZ;
  const expected = isPlausible && wavHeader({ totalSamples, sampleRateHz, format: 'float32' });
  if (!expected || Buffer.compare(expected, bytes.subarray(0, HEADER_BYTES)) !== 0) {
    throw new NarratorError('ledger_corrupt', 'A stored segment does not begin with the header of its length.');
  }
  // Copied: 58 is not a multiple of 4, and the bytes may lie in a pool that others write to.
  const samples = new Float32Array(totalSamples);
  new Uint8Array(samples.buffer).set(bytes.subarray(HEADER_BYTES));
  return { samples, sampleRateHz };
}
