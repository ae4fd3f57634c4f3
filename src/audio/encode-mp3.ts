/** MP3 by LAME, compiled to WebAssembly. */
import { setImmediate as otherWork } from 'node:timers/promises';

/** Constant; plenty for one voice at 24 kHz, where MPEG-2 Layer III allows at most 160. */
const KBIT_PER_SECOND = 64;
/** Samples that are encoded at a stretch: some ten milliseconds of work, then others have their turn. */
const PIECE_SAMPLES = 6_000;

/** Loads and compiles the encoder, which takes a tenth of a second at a stretch: better before there is anybody who would have to wait. */
export async function prepareMp3Encoder(): Promise<void> {
  await encodeMp3(new Int16Array(), { sampleRateHz: 24_000 });
}

/**
 * @param pcm mono, 16 bits
 * @returns an MP3 stream without tags, longer than the samples by the encoder's delay and padding (some 0.1 s)
 * @throws the signal's reason once it aborts
 */
export async function encodeMp3(
  pcm: Int16Array,
  { sampleRateHz, signal }: { readonly sampleRateHz: number; readonly signal?: AbortSignal },
): Promise<Uint8Array> {
  const { createMp3Encoder } = await import('wasm-media-encoders');
  const encoder = await createMp3Encoder();
  encoder.configure({ sampleRate: sampleRateHz, channels: 1, bitrate: KBIT_PER_SECOND });
  const parts: Uint8Array[] = [];
  for (let start = 0; start < pcm.length; start += PIECE_SAMPLES) {
    const samples = Float32Array.from(pcm.subarray(start, start + PIECE_SAMPLES), (sample) => sample / 32_768);
    // What it returns is a view of its own memory.
    parts.push(encoder.encode([samples]).slice());
    await otherWork();
    signal?.throwIfAborted();
  }
  parts.push(encoder.finalize().slice());
  return Buffer.concat(parts);
}
