/**
 * A voice: reference audio, its transcript, its language, the checks it passed. Versioned by content: a changed clip or
 * transcript is a new version, and what was synthesised with the old one stays valid.
 */

import type { LexiconSource } from './lexicon.ts';

/** What planning needs to know of a voice; the samples stay in the store until the engine asks for them. */
export interface VoiceProfile {
  /** the name that people use */
  readonly id: string;
  /** sha256 (hex) of the prepared audio and the transcript: names the sound exactly */
  readonly version: string;
  /** language of the reference, as a BCP-47 primary tag: 'en', 'zh' */
  readonly language: string;
  /** what is said in the reference audio, ending in '. ' or '。' as the model was trained */
  readonly transcript: string;
  /** length of the prepared reference in samples at the model's rate */
  readonly promptSamples: number;
  /** RMS of the reference before it was raised to the model's 0.1; speech is scaled back to it when it was lower */
  readonly sourceRms: number;
  /** digest of the lexicon that is kept beside the voice, if there is one. No part of its version: it changes texts, not the sound */
  readonly lexicon?: string;
}

/** A voice ready for the engine. */
export interface PreparedVoice extends VoiceProfile {
  /** mono, in [-1, 1], at `sampleRateHz`; `promptSamples` of them */
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
}

/** Where voices come from: the built-in ones of a model, and those that people added. Passed to use cases as it is. */
export interface VoiceLibrary {
  /** @returns undefined if there is no such voice. Never throws for a bad name. Cheap: called for every item. */
  find(id: string): Promise<VoiceProfile | undefined>;
  /** @throws NarratorError voice_not_found when that version is gone */
  load(version: string): Promise<PreparedVoice>;
  list(): Promise<VoiceProfile[]>;
  /** Words that the voice says in a way of its own. @returns undefined if it has none @throws NarratorError ledger_corrupt */
  lexicon(voice: VoiceProfile): Promise<LexiconSource | undefined>;
}
