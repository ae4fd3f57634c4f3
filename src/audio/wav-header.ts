/** Headers of the WAV files that we write: mono, 16-bit or 24-bit integer or 32-bit float. */
import type { SampleFormat } from '../core/ports.ts';

export const BYTES_PER_SAMPLE: Record<SampleFormat, number> = { int16: 2, int24: 3, float32: 4 };

/** 0xFFFFFFFF itself means 'look in ds64' (or, in streams, 'unknown'). */
const MAX_RIFF_SIZE = 0xffff_fffe;

export interface WavLayout {
  /** samples of the one channel: a safe integer */
  readonly totalSamples: number;
  readonly sampleRateHz: number;
  readonly format: SampleFormat;
}

/**
 * Everything up to the first sample: 44 bytes for integers, 58 for float (which must have a `fact` chunk), 36 more for RF64 (EBU
 * Tech 3306), which is used only when the file would not fit the 32-bit sizes of RIFF. Integers keep the plain PCM tag also at
 * 24 bits: more readers know it than know the extensible one.
 */
export function wavHeader({ totalSamples, sampleRateHz, format }: WavLayout): Uint8Array {
  const sampleBytes = BYTES_PER_SAMPLE[format];
  const dataBytes = totalSamples * sampleBytes;
  const isFloat = format === 'float32';
  const plainBytes = isFloat ? 58 : 44;
  const isLong = plainBytes - 8 + dataBytes + padBytes(dataBytes) > MAX_RIFF_SIZE;
  const headerBytes = plainBytes + (isLong ? 36 : 0);
  const riffBytes = headerBytes - 8 + dataBytes + padBytes(dataBytes);

  const header = Buffer.alloc(headerBytes);
  let at = header.write(isLong ? 'RF64' : 'RIFF', 0, 'latin1');
  at = header.writeUInt32LE(isLong ? 0xffff_ffff : riffBytes, at);
  at += header.write('WAVE', at, 'latin1');
  if (isLong) {
    at += header.write('ds64', at, 'latin1');
    at = header.writeUInt32LE(28, at);
    at = header.writeBigUInt64LE(BigInt(riffBytes), at);
    at = header.writeBigUInt64LE(BigInt(dataBytes), at);
    at = header.writeBigUInt64LE(BigInt(totalSamples), at);
    at = header.writeUInt32LE(0, at); // no table of further long chunks
  }
  at += header.write('fmt ', at, 'latin1');
  at = header.writeUInt32LE(isFloat ? 18 : 16, at);
  at = header.writeUInt16LE(isFloat ? 3 : 1, at); // WAVE_FORMAT_IEEE_FLOAT, WAVE_FORMAT_PCM
  at = header.writeUInt16LE(1, at);
  at = header.writeUInt32LE(sampleRateHz, at);
  at = header.writeUInt32LE(sampleRateHz * sampleBytes, at);
  at = header.writeUInt16LE(sampleBytes, at);
  at = header.writeUInt16LE(sampleBytes * 8, at);
  if (isFloat) {
    at = header.writeUInt16LE(0, at); // no extension
    at += header.write('fact', at, 'latin1');
    at = header.writeUInt32LE(4, at);
    at = header.writeUInt32LE(isLong ? 0xffff_ffff : totalSamples, at);
  }
  at += header.write('data', at, 'latin1');
  header.writeUInt32LE(isLong ? 0xffff_ffff : dataBytes, at);
  return header;
}

/** Chunks start at even offsets: an odd number of bytes is followed by one that its size does not count. */
export function padBytes(dataBytes: number): number {
  return dataBytes % 2;
}
