/** Any supported audio file to samples, within limits of size and length. The only way in for audio that people hand in. */
import { NarratorError } from '../core/errors.ts';
import { assertLength, assertPlausible, undecodable } from './decode-limits.ts';
import type { DecodeLimits } from './decode-limits.ts';
import { describeUnknown, sniffAudio } from './sniff-audio.ts';
import type { AudioFormat, SniffedAudio } from './sniff-audio.ts';

export interface DecodedAudio {
  /** one array a channel, all of one length (at least 1), in [-1, 1] but for float and lossy files that go beyond */
  readonly channels: readonly Float32Array[];
  readonly sampleRateHz: number;
  readonly format: AudioFormat;
  /** false when the file promises more than it holds, or parts of it could not be decoded */
  readonly complete: boolean;
}

export interface DecodeOptions {
  /** longest audio, 600 by default: checked against the header first, and while decoding */
  readonly maxSeconds?: number;
  /** largest file, 64 MiB by default */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_SECONDS = 600;
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Float files may overshoot full scale; one that reaches 24 dB above it was not scaled to ±1, and its squares could
 * leave the range of a float.
 */
const MAX_MAGNITUDE = 16;

/**
 * Decodes WAV, MP3, FLAC, Ogg Vorbis and Ogg Opus, told apart by content. Truncated files give what is there (`complete`
 * is false).
 *
 * @throws NarratorError audio_undecodable, saying what was found instead
 */
export async function decodeAudio(bytes: Uint8Array, options: DecodeOptions = {}): Promise<DecodedAudio> {
  const { maxSeconds = DEFAULT_MAX_SECONDS, maxBytes = DEFAULT_MAX_BYTES } = options;
  const limits = { maxSeconds };
  if (bytes.length === 0) throw undecodable('The audio file is empty.');
  if (bytes.length > maxBytes) {
    throw new NarratorError(
      'audio_undecodable',
      `The audio file has ${bytes.length} bytes; at most ${maxBytes} are allowed.`,
      { limit: maxBytes, hint: 'Cut the audio to the part that is needed.' },
    );
  }
  const header = sniffAudio(bytes);
  if (!header) throw undecodable(`This is not a WAV, MP3, FLAC or OGG file: found ${describeUnknown(bytes)}.`);
  if (header.sampleRateHz !== undefined && header.channels !== undefined) {
    assertPlausible(header.sampleRateHz, header.channels);
    assertLength(header.totalSamples ?? 0, header.sampleRateHz, header.channels, limits);
  }
  const decoded = await decodeFormat(bytes, header, limits);
  for (const channel of decoded.channels) assertSamples(channel);
  return { ...decoded, format: header.format };
}

/** The decoders are loaded when first needed: most runs need none. */
async function decodeFormat(bytes: Uint8Array, header: SniffedAudio, limits: DecodeLimits) {
  const { format } = header;
  if (format === 'wav') return (await import('./decode-wav.ts')).decodeWav(bytes, limits);
  return (await import('./decode-compressed.ts')).decodeCompressed(bytes, { ...header, format }, limits);
}

function assertSamples(channel: Float32Array): void {
  for (const sample of channel) {
    // written so that NaN fails too
    if (!(Math.abs(sample) <= MAX_MAGNITUDE)) {
      throw undecodable(`The audio holds a sample of ${sample}; floats must be finite and scaled to ±1.`);
    }
  }
}
