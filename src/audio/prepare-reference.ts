/**
 * A reference clip as F5-TTS is conditioned on it. Follows `preprocess_ref_audio_text` and `infer_batch_process` of the official
 * code (src/f5_tts/infer/utils_infer.py), but for one thing: where that cuts a long clip and keeps the whole transcript, which
 * makes the model speak too fast and repeat words of the reference, this refuses.
 */
import { NarratorError } from '../core/errors.ts';
import type { DecodedAudio } from './decode.ts';
import { rms } from './measure.ts';
import { mixToMono } from './mix-to-mono.ts';
import { findSpeechBounds, REFERENCE_SILENCE_DBFS } from './speech-bounds.ts';

/** `target_rms` of the official code: quieter references are raised to it. */
export const TARGET_RMS = 0.1;
/** The official code appends it so that the last sound of the reference is not spoken on. */
const ROOM_AT_END_MS = 50;
/** The official code cuts to it; the model was trained on clips of at most 30 s, prompt included. */
export const MAX_REFERENCE_SECONDS = 12;

export interface PreparedReference {
  /** mono at `sampleRateHz`. Raising a quiet clip, and resampling, may lift single samples above 1: they are left so */
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
  /** RMS before it was raised; the engine scales speech back by sourceRms / 0.1 when it was lower */
  readonly sourceRms: number;
  readonly report: {
    readonly sourceSeconds: number;
    readonly trimmedStartMs: number;
    readonly trimmedEndMs: number;
    /** factor by which the clip was raised; 1 if it was loud enough */
    readonly gain: number;
  };
}

/**
 * Deterministic: the same clip gives the same samples, bit for bit. Judges only what makes a clip unusable; run
 * checkReference for the rest.
 *
 * @throws NarratorError voice_invalid when the clip is silent, or longer than `maxSeconds` without the silence at its ends
 */
export async function prepareReference(
  decoded: Pick<DecodedAudio, 'channels' | 'sampleRateHz'>,
  options: { readonly sampleRateHz: number; readonly maxSeconds?: number },
): Promise<PreparedReference> {
  const { maxSeconds = MAX_REFERENCE_SECONDS } = options;
  const rateHz = decoded.sampleRateHz;
  const mono = mixToMono(decoded.channels);
  const { start, end } = findSpeechBounds(mono, rateHz);
  if (end === start) {
    throw new NarratorError(
      'voice_invalid',
      `The reference audio is silent: nothing in it is louder than ${REFERENCE_SILENCE_DBFS} dBFS.`,
      { field: 'audio', hint: 'Record the clip louder, or choose another.' },
    );
  }
  const seconds = (end - start) / rateHz;
  if (seconds > maxSeconds) {
    throw new NarratorError(
      'voice_invalid',
      `The reference audio is ${seconds.toFixed(1)} s long without the silence at its ends; at most ${maxSeconds} s can be used.`,
      { field: 'audio', limit: maxSeconds, hint: 'Cut the audio at a pause, and the transcript at the same word.' },
    );
  }

  const room = Math.round((rateHz * ROOM_AT_END_MS) / 1000);
  const clip = new Float32Array(end - start + room);
  clip.set(mono.subarray(start, end));
  const sourceRms = rms(clip);
  const gain = sourceRms < TARGET_RMS ? TARGET_RMS / sourceRms : 1;
  if (gain !== 1) for (let i = 0; i < clip.length; i++) clip[i] = (clip[i] as number) * gain;

  // loaded only when a clip is prepared: two megabytes of WebAssembly
  const { resample } = await import('./resample.ts');
  return {
    samples: await resample(clip, rateHz, options.sampleRateHz),
    sampleRateHz: options.sampleRateHz,
    sourceRms,
    report: {
      sourceSeconds: mono.length / rateHz,
      trimmedStartMs: (start / rateHz) * 1000,
      trimmedEndMs: ((mono.length - end) / rateHz) * 1000,
      gain,
    },
  };
}
