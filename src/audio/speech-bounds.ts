/**
 * Where the sound of a reference clip begins and ends, by the rule of F5-TTS (`remove_silence_edges` in
 * src/f5_tts/infer/utils_infer.py, over pydub 0.25): from the front in steps of 10 ms, from the back in steps of 1 ms, each
 * step silent while its RMS is below -42 dBFS.
 */
import { fromDbfs, rms } from './measure.ts';

export const REFERENCE_SILENCE_DBFS = -42;
const LEADING_STEP_MS = 10;
const TRAILING_STEP_MS = 1;

export interface SpeechBounds {
  /** first sample that is kept */
  readonly start: number;
  /** one past the last sample that is kept; equal to `start` when all is silence */
  readonly end: number;
}

export function findSpeechBounds(samples: Float32Array, sampleRateHz: number): SpeechBounds {
  const threshold = fromDbfs(REFERENCE_SILENCE_DBFS);
  const isSilent = (start: number, end: number) => rms(samples, start, end) < threshold;

  const leading = Math.round((sampleRateHz * LEADING_STEP_MS) / 1000);
  let start = 0;
  while (start < samples.length && isSilent(start, Math.min(start + leading, samples.length))) start += leading;
  start = Math.min(start, samples.length);

  const trailing = Math.max(1, Math.round((sampleRateHz * TRAILING_STEP_MS) / 1000));
  let end = samples.length;
  while (end > start && isSilent(Math.max(start, end - trailing), end)) end -= trailing;
  return { start, end: Math.max(start, end) };
}
