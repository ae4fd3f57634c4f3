/** Looks at what the model made before anybody keeps it. Pure. */
import { NarratorError } from '../../core/errors.ts';
import type { WaveformWarning } from '../../core/ports.ts';

/** Level that references are raised to and speech comes out at: upstream's `target_rms`. -20 dBFS. */
export const MODEL_RMS = 0.1;

/** Below -60 dBFS over the whole segment there is no speech in it: 40 dB under the model's level, at its noise floor. */
const SILENCE_RMS = 0.001;
/** Speech 20 dB under the model's level is audible, but something went wrong with it. */
const QUIET_RMS = 0.01;
/** A sample that 16 bits cannot hold. */
const FULL_SCALE = 1;
/** One sample in 2,000 at full scale crackles; single peaks do not, and voices that are loud by themselves have those. */
const CLIPPED_SHARE = 0.0005;
/** References end in 50 ms of silence, so finished speech does too. */
const END_SECONDS = 0.05;
/** A last 50 ms at more than half the segment's own level (-6 dB) is the middle of a word. */
const END_SHARE = 0.5;

export interface WaveformExpectation {
  readonly sampleRateHz: number;
  /** samples by the plan */
  readonly samples: number;
  /** what the waveform was multiplied with after the model: levels are judged relative to it */
  readonly gain: number;
}

/**
 * @throws NarratorError waveform_invalid for NaN, infinity and silence: such a waveform is of no use
 */
export function checkWaveform(wave: Float32Array, expected: WaveformExpectation): WaveformWarning[] {
  const { sampleRateHz, samples, gain } = expected;
  let squares = 0;
  let clipped = 0;
  for (const sample of wave) {
    squares += sample * sample;
    if (Math.abs(sample) >= FULL_SCALE) clipped += 1;
  }
  if (!Number.isFinite(squares))
    throw new NarratorError('waveform_invalid', 'the model gave samples that are not numbers');
  const rms = Math.sqrt(squares / Math.max(1, wave.length));
  if (rms < SILENCE_RMS * gain) {
    throw new NarratorError(
      'waveform_invalid',
      `the model gave silence (${decibels(rms)} over ${wave.length} samples)`,
    );
  }

  const warnings: WaveformWarning[] = [];
  if (rms < QUIET_RMS * gain) {
    warnings.push({ check: 'quiet', message: `level ${decibels(rms)}, expected about ${decibels(MODEL_RMS * gain)}` });
  }
  if (clipped > wave.length * CLIPPED_SHARE) {
    warnings.push({ check: 'clipping', message: `${clipped} of ${wave.length} samples at full scale` });
  }
  const end = wave.subarray(-Math.round(END_SECONDS * sampleRateHz));
  const endRms = rootMeanSquare(end);
  if (endRms > END_SHARE * rms) {
    warnings.push({
      check: 'cut-end',
      message: `the last 50 ms are at ${decibels(endRms)}, the whole at ${decibels(rms)}`,
    });
  }
  if (wave.length !== samples) {
    warnings.push({ check: 'length', message: `${wave.length} samples instead of the ${samples} planned` });
  }
  return warnings;
}

function rootMeanSquare(wave: Float32Array): number {
  return Math.sqrt(wave.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, wave.length));
}

function decibels(rms: number): string {
  return rms === 0 ? 'digital silence' : `${(20 * Math.log10(rms)).toFixed(1)} dBFS`;
}
