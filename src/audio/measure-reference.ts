/** What can be measured of a reference clip; check-reference.ts judges it. All values are finite: they are printed as JSON. */
import { fromDbfs, peak, rms, SILENCE_DBFS, toDbfs, windowLevels } from './measure.ts';
import { REFERENCE_SILENCE_DBFS } from './speech-bounds.ts';
import type { SpeechBounds } from './speech-bounds.ts';
import { countSpokenCharacters } from './transcript-rate.ts';

export interface ReferenceMeasures {
  readonly seconds: number;
  /** length without the silence at both ends: what is left after preparation */
  readonly speechSeconds: number;
  /** level of what is left after preparation */
  readonly rmsDbfs: number;
  readonly peakDbfs: number;
  /** samples in runs at full scale, over all channels */
  readonly clippedSamples: number;
  /** level below which the quietest twentieth of the file lies, digital silence aside */
  readonly noiseFloorDbfs: number;
  /** level above which the loudest tenth lies, over the noise floor: an estimate */
  readonly snrDb: number;
  readonly leadingSilenceMs: number;
  readonly trailingSilenceMs: number;
  /** share of the file that is louder than REFERENCE_SILENCE_DBFS */
  readonly soundShare: number;
  /** letters and digits of the transcript for each second of speech */
  readonly charactersPerSecond: number;
}

/** Full scale but for rounding; speech touches it by chance for one sample, a clipped wave for several. */
const CLIPPED_AMPLITUDE = 0.999;
const CLIPPED_RUN_SAMPLES = 3;
const LEVEL_WINDOW_MS = 20;
const NOISE_QUANTILE = 0.05;
const LOUD_QUANTILE = 0.9;
/** Under the last bit of 16-bit audio. */
const DIGITAL_SILENCE_DBFS = -92;

/**
 * @param channels at least one, of one length
 * @param mono their average
 * @param bounds of the speech in it, from findSpeechBounds
 */
export function measureReference(
  channels: readonly Float32Array[],
  mono: Float32Array,
  bounds: SpeechBounds,
  rateHz: number,
  transcript: string,
): ReferenceMeasures {
  const { start, end } = bounds;
  const speech = mono.subarray(start, end);
  // Over the whole file, whose ends tell most about the room; but digital silence, by which editors pad, tells nothing.
  const levels = windowLevels(mono, rateHz, LEVEL_WINDOW_MS)
    .filter((level) => level > fromDbfs(DIGITAL_SILENCE_DBFS))
    .sort();
  const noiseFloorDbfs = toDbfs(levels[Math.floor(levels.length * NOISE_QUANTILE)] ?? 0);
  const loudDbfs = toDbfs(levels[Math.floor(levels.length * LOUD_QUANTILE)] ?? 0);
  const speechSeconds = speech.length / rateHz;
  return {
    seconds: mono.length / rateHz,
    speechSeconds,
    rmsDbfs: toDbfs(rms(speech)),
    peakDbfs: channels.reduce((highest, channel) => Math.max(highest, toDbfs(peak(channel))), SILENCE_DBFS),
    clippedSamples: channels.reduce((sum, channel) => sum + countClipped(channel), 0),
    noiseFloorDbfs,
    snrDb: loudDbfs - noiseFloorDbfs,
    leadingSilenceMs: (start / rateHz) * 1000,
    trailingSilenceMs: ((mono.length - end) / rateHz) * 1000,
    soundShare: soundShare(mono, rateHz),
    charactersPerSecond: speechSeconds > 0 ? countSpokenCharacters(transcript).all / speechSeconds : 0,
  };
}

function soundShare(samples: Float32Array, rateHz: number): number {
  const threshold = fromDbfs(REFERENCE_SILENCE_DBFS);
  const levels = windowLevels(samples, rateHz, LEVEL_WINDOW_MS);
  return levels.filter((level) => level >= threshold).length / Math.max(1, levels.length);
}

function countClipped(samples: Float32Array): number {
  let clipped = 0;
  let run = 0;
  for (let i = 0; i <= samples.length; i++) {
    if (Math.abs(samples[i] ?? 0) >= CLIPPED_AMPLITUDE) {
      run++;
    } else {
      if (run >= CLIPPED_RUN_SAMPLES) clipped += run;
      run = 0;
    }
  }
  return clipped;
}
