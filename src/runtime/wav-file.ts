/** What is known of a WAV file of ours without decoding it. */
import { BYTES_PER_SAMPLE, padBytes, wavHeader, type WavLayout } from '../audio/wav-header.ts';

/** Bytes of a whole file. */
export function wavFileBytes(layout: WavLayout): number {
  const dataBytes = layout.totalSamples * BYTES_PER_SAMPLE[layout.format];
  return wavHeader(layout).length + dataBytes + padBytes(dataBytes);
}
