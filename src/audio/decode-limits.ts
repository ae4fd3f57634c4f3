/** The bounds within which decoders work: a small file can promise, or unpack to, any amount of sound. */
import { NarratorError } from '../core/errors.ts';

export interface DecodeLimits {
  readonly maxSeconds: number;
}

/** Below it there is no speech to hear; above it the resampler ends (192 kHz is the highest that recorders offer). */
const MIN_SAMPLE_RATE_HZ = 4_000;
const MAX_SAMPLE_RATE_HZ = 192_000;
/** As many as FLAC, Vorbis and Opus lay out as speakers (7.1). */
const MAX_CHANNELS = 8;

export function undecodable(message: string, cause?: unknown): NarratorError {
  return new NarratorError('audio_undecodable', message, {}, cause === undefined ? undefined : { cause });
}

/** @throws NarratorError audio_undecodable when a header is absurd: called before anything of that size is allocated */
export function assertPlausible(sampleRateHz: number, channels: number): void {
  if (!(sampleRateHz >= MIN_SAMPLE_RATE_HZ && sampleRateHz <= MAX_SAMPLE_RATE_HZ)) {
    throw undecodable(
      `The sample rate is ${sampleRateHz} Hz; it must be from ${MIN_SAMPLE_RATE_HZ} to ${MAX_SAMPLE_RATE_HZ} Hz.`,
    );
  }
  if (!(channels >= 1 && channels <= MAX_CHANNELS)) {
    throw undecodable(`The audio has ${channels} channels; it must have from 1 to ${MAX_CHANNELS}.`);
  }
}

/** Over all channels: ten minutes of stereo at 48 kHz, and 256 MB in memory. */
const MAX_TOTAL_SAMPLES = 64_000_000;

/**
 * @param samples of each channel, found or promised
 * @throws NarratorError audio_undecodable
 */
export function assertLength(samples: number, sampleRateHz: number, channels: number, limits: DecodeLimits): void {
  const hint = 'Cut the audio to the part that is needed.';
  if (samples > limits.maxSeconds * sampleRateHz) {
    throw new NarratorError(
      'audio_undecodable',
      `The audio is longer than ${limits.maxSeconds} seconds (found at least ${Math.ceil(samples / sampleRateHz)}).`,
      { limit: limits.maxSeconds, hint },
    );
  }
  if (samples * channels > MAX_TOTAL_SAMPLES) {
    throw new NarratorError(
      'audio_undecodable',
      `The audio has more than ${MAX_TOTAL_SAMPLES} samples (${channels} channels at ${sampleRateHz} Hz).`,
      { limit: MAX_TOTAL_SAMPLES, hint },
    );
  }
}
