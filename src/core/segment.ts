/** A segment: a piece of an item short enough for one pass of the model (prompt and speech within its limit). */
import type { VoiceProfile } from './voice.ts';

/** Everything besides text, voice and seed that changes the sound. */
export interface SynthesisParameters {
  /** steps of the ODE solver (number of function evaluations) */
  readonly steps: number;
  /** classifier-free guidance strength; 0 switches guidance off and halves the work */
  readonly cfg: number;
  /** sway sampling coefficient, -1 by default; null for a grid without sway */
  readonly sway: number | null;
  /** 1 = as fast as the reference speaks; 2 = twice as fast */
  readonly speed: number;
}

/** One piece of text as the text room cuts it, before it is known which voice says it how. */
export interface TextSegment {
  /** what is spoken: normalised text, exactly as the tokenizer gets it */
  readonly spoken: string;
  /** the client's own characters that this segment covers */
  readonly written: string;
  /** BCP-47 primary tag: 'en', 'zh' */
  readonly language: string;
  /** silence that follows, in milliseconds; 0 after the last segment of an item */
  readonly pauseAfterMs: number;
  /** characters of `written` for which nothing is said (emoji, marks of layout), each once; absent if there are none */
  readonly silent?: string;
  /** name of the voice that the text's markup asks for; absent: the item's */
  readonly voice?: string;
  /** that the text's markup asks for; absent: the item's */
  readonly speed?: number;
}

/** A voice as a plan holds it: which one, and what the engine must know before it has loaded it. */
export type PlannedVoice = Pick<VoiceProfile, 'id' | 'version' | 'promptSamples'>;

export interface PlannedSegment {
  /** sha256 (hex) of text, voice version, model digest, parameters and seed: names the sound, see core/keys.ts */
  readonly key: string;
  readonly text: string;
  /** absent when equal to `text` */
  readonly written?: string;
  readonly language: string;
  /** predicted speech frames, without the prompt */
  readonly frames: number;
  /** unsigned 64-bit integer in decimal: JSON has no such number */
  readonly seed: string;
  readonly pauseAfterMs: number;
  /** see TextSegment */
  readonly silent?: string;
  /** absent when it is the item's */
  readonly voice?: PlannedVoice;
  /** absent when it is the item's */
  readonly speed?: number;
}

/** What the planner must know of a model: pure functions and numbers, no weights. Built by the engine room. */
export interface SpeechModel {
  readonly id: string;
  /** sha256 (hex) over everything of the model that changes the sound */
  readonly digest: string;
  readonly sampleRateHz: number;
  /** samples of one frame */
  readonly hopLength: number;
  readonly languages: readonly string[];
  readonly defaults: SynthesisParameters;
  /**
   * longest text, in UTF-8 bytes, that one pass may speak with this voice at this speed. At least 1.
   * @throws NarratorError voice_invalid if the voice's reference leaves no room for speech in one pass
   */
  maxTextBytes(voice: VoiceProfile, speed: number): number;
  /** frames of speech (without the prompt) by the model's duration rule. At least 1. */
  predictFrames(text: string, voice: VoiceProfile, speed: number): number;
  /** the characters of `text` that the vocabulary lacks, each once, in order of appearance */
  unknownCharacters(text: string): string[];
}
