import type { SpeechModel } from '../../core/segment.ts';
import type { VoiceProfile } from '../../core/voice.ts';
import { maxTextBytes, promptFrames, speechFrames, utf8Bytes, type Pace } from './duration.ts';
import type { Model } from './model-directory.ts';
import { spokenBytes } from '../../core/reading-override.ts';
import { createTokenizer } from './tokenizer.ts';

/** What the planner must know of a model. Pure: no weights, no session. */
export function speechModel(model: Model): SpeechModel {
  const { id, audio, languages, sampling, limits, tokenizer: tokens } = model.description;
  const tokenizer = createTokenizer(model.vocabulary, tokens.kind);
  const pace = (voice: VoiceProfile): Pace => ({
    promptFrames: promptFrames(voice.promptSamples, audio.hop_length),
    transcriptBytes: utf8Bytes(voice.transcript),
  });
  return {
    id,
    digest: model.digest,
    sampleRateHz: audio.target_sample_rate,
    hopLength: audio.hop_length,
    languages,
    defaults: { steps: sampling.steps, cfg: sampling.cfg, sway: sampling.sway, speed: 1 },
    maxTextBytes: (voice, speed) => maxTextBytes(pace(voice), speed, limits.planFrames),
    predictFrames: (text, voice, speed) => speechFrames(spokenBytes(text), pace(voice), speed),
    unknownCharacters: (text) => tokenizer.tokenize(text).unknown,
  };
}
