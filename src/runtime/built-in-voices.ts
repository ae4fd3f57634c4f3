/** The voices that come with a model, prepared as any other voice is. */
import { readFile } from 'node:fs/promises';
import { decodeAudio } from '../audio/decode.ts';
import { prepareReference } from '../audio/prepare-reference.ts';
import type { PreparedVoice } from '../core/voice.ts';
import { type Model, modelPath } from '../engine/f5/model-directory.ts';
import { endTranscript } from '../engine/f5/transcript.ts';
import { voiceVersion } from '../core/voices.ts';

export async function builtInVoices(model: Model): Promise<PreparedVoice[]> {
  const { voices, audio } = model.description;
  return Promise.all(
    voices.map(async (voice) => {
      const clip = await decodeAudio(await readFile(modelPath(model, voice)));
      return preparedVoice({ ...voice, clip }, audio.target_sample_rate);
    }),
  );
}

/** A clip and its transcript as the engine takes them. @throws NarratorError voice_invalid */
export async function preparedVoice(
  voice: { id: string; language: string; transcript: string; clip: Awaited<ReturnType<typeof decodeAudio>> },
  sampleRateHz: number,
): Promise<PreparedVoice> {
  const { samples, sourceRms } = await prepareReference(voice.clip, { sampleRateHz });
  const transcript = endTranscript(voice.transcript);
  const content = {
    language: voice.language,
    transcript,
    samples,
    sampleRateHz,
    sourceRms,
    promptSamples: samples.length,
  };
  return { id: voice.id, version: voiceVersion(content), ...content };
}
