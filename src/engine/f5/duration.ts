/**
 * How long a text is spoken: F5-TTS is told the length beforehand, and takes it from the pace of the reference
 * (`infer_batch_process` in f5_tts/infer/utils_infer.py). Pure arithmetic, shared by planner and engine.
 */
import { NarratorError } from '../../core/errors.ts';

/** What the rule needs of a voice. */
export interface Pace {
  /** frames of the reference: whole hops of its samples */
  readonly promptFrames: number;
  /** UTF-8 bytes of its transcript */
  readonly transcriptBytes: number;
}

/**
 * Short speech at speed 1, in frames of 256 samples at 24 kHz. One short word takes 0.3 to 0.5 s, and the model wants room
 * before and after it; the plain rule would give "Hi." less than 0.2 s, and cuts off the end of most texts of two words. So
 * the length begins at 0.6 s, and where the rule would give less than 1 s it rises in a straight line to that second.
 * Upstream slows texts below 10 bytes down to speed 0.3 instead, so that its 9 bytes take three times as long as its 10.
 */
const SHORT_SPEECH_FRAMES = { shortest: 56, longest: 94 } as const;

/** The prompt's length for the duration rule: upstream's `audio.shape[-1] // hop_length`. Its mel has one frame more. */
export function promptFrames(promptSamples: number, hopLength: number): number {
  return Math.floor(promptSamples / hopLength);
}

export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

/** Frames of speech, without the prompt. Never decreases with `textBytes`; at least 1. */
export function speechFrames(textBytes: number, pace: Pace, speed: number): number {
  const byRule = ((pace.promptFrames / pace.transcriptBytes) * textBytes) / speed;
  const shortest = SHORT_SPEECH_FRAMES.shortest / speed;
  const withRoom = shortest + byRule * (1 - SHORT_SPEECH_FRAMES.shortest / SHORT_SPEECH_FRAMES.longest);
  return Math.max(1, Math.floor(withRoom > byRule ? withRoom : byRule));
}

const ENDS = /[\p{Sentence_Terminal}\p{Pd},;:，；：…]["'”’)\]]*$/u;

/**
 * A short text as it is spoken: with a full stop, where it ends in a word. Without one the model goes on to the last frame (the
 * built-in one cut 52 of 54 such ends, and 26 of 78 of those with a mark). Longer texts stay what they are: they
 * may be parts of a sentence, and have time to end.
 */
export function withFullStop(text: string, frames: number, speed: number): string {
  if (frames * speed >= SHORT_SPEECH_FRAMES.longest || ENDS.test(text)) return text;
  return /\p{Script=Han}$/u.test(text) ? `${text}。` : `${text}.`;
}

/**
 * The longest text, in UTF-8 bytes, whose speech fits into `planFrames` together with the prompt: every text of at most
 * so many bytes does, by the same rule.
 * @throws NarratorError voice_invalid if the prompt leaves no room for even the shortest text
 */
export function maxTextBytes(pace: Pace, speed: number, planFrames: number): number {
  const room = planFrames - pace.promptFrames;
  if (speechFrames(1, pace, speed) > room) {
    throw new NarratorError(
      'voice_invalid',
      `the reference is too long for this model: ${pace.promptFrames} frames of at most ${planFrames} ` +
        `leave no room for speech at speed ${speed}`,
      { field: 'voice', limit: planFrames },
    );
  }
  // The rule solved for the bytes may be off by one, either way, through rounding: start above and step down.
  let bytes = Math.ceil(((room + 1) * speed * pace.transcriptBytes) / pace.promptFrames) + 1;
  while (speechFrames(bytes, pace, speed) > room) bytes -= 1;
  return bytes;
}
