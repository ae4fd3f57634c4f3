/** Plain measurements of samples in [-1, 1]. All are O(n), allocate little and never throw; empty input measures as silence. */

/** What digital silence measures, in dBFS: -Infinity would not survive JSON. */
export const SILENCE_DBFS = -120;

/** Amplitude (1 = full scale) to dBFS, not below SILENCE_DBFS. */
export function toDbfs(amplitude: number): number {
  return amplitude > 0 ? Math.max(20 * Math.log10(amplitude), SILENCE_DBFS) : SILENCE_DBFS;
}

export function fromDbfs(dbfs: number): number {
  return 10 ** (dbfs / 20);
}

/** Root mean square of samples[start, end). */
export function rms(samples: Float32Array, start = 0, end = samples.length): number {
  if (end <= start) return 0;
  let sum = 0;
  for (let i = start; i < end; i++) {
    const sample = samples[i] as number;
    sum += sample * sample;
  }
  return Math.sqrt(sum / (end - start));
}

export function peak(samples: Float32Array): number {
  let highest = 0;
  for (const sample of samples) {
    const magnitude = Math.abs(sample);
    if (magnitude > highest) highest = magnitude;
  }
  return highest;
}

export function mean(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample;
  return samples.length === 0 ? 0 : sum / samples.length;
}

/** RMS of successive windows of `windowMs`; the last one may be shorter. */
export function windowLevels(samples: Float32Array, sampleRateHz: number, windowMs: number): Float64Array {
  const window = Math.max(1, Math.round((sampleRateHz * windowMs) / 1000));
  const levels = new Float64Array(Math.ceil(samples.length / window));
  for (let i = 0; i < levels.length; i++) {
    levels[i] = rms(samples, i * window, Math.min((i + 1) * window, samples.length));
  }
  return levels;
}

/**
 * The largest step between neighbouring samples across the given seams. A seam at position p lies between p - 1 and p; the
 * outermost positions count as seams with silence. 0 when there are none.
 */
export function largestSeamJump(samples: Float32Array, seams: Iterable<number>): number {
  let largest = 0;
  for (const seam of seams) largest = Math.max(largest, Math.abs((samples[seam] ?? 0) - (samples[seam - 1] ?? 0)));
  return largest;
}

/** The longest stretch, in milliseconds (steps of 10), whose level stays below `thresholdDbfs`: edges count as well. */
export function longestGapMs(samples: Float32Array, sampleRateHz: number, thresholdDbfs = -50): number {
  const stepMs = 10;
  const threshold = fromDbfs(thresholdDbfs);
  let longest = 0;
  let current = 0;
  for (const level of windowLevels(samples, sampleRateHz, stepMs)) {
    current = level < threshold ? current + 1 : 0;
    longest = Math.max(longest, current);
  }
  return longest * stepMs;
}
