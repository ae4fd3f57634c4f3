import type { SynthesisRequest } from '../../src/core/ports.ts';
import type { PreparedVoice } from '../../src/core/voice.ts';
import { EngineProcess } from '../../src/engine/engine-process.ts';
import { fakeEngine, request } from '../integration/engine/fake-engine.ts';
import { BUILT_IN, clip, golden } from '../unit/engine/f5/tiny-golden.ts';
import { testEngine } from './engine-contract.ts';

function crash(engine: EngineProcess): void {
  if (engine.hostPid !== undefined) process.kill(engine.hostPid, 'SIGKILL');
}

testEngine('EngineProcess with a fake model', {
  create: () => fakeEngine(),
  request: (index) => request(`text ${index}`, { frames: 20 + 97 * index }),
  failing: { request: request('silence'), code: 'waveform_invalid' },
  crash,
});

/** A second of the clip, and one step: what is promised depends on neither, and both are quick. */
const PROMPT_SAMPLES = 24_000;

async function loadVoice(version: string): Promise<PreparedVoice> {
  const samples = clip(`voices/${version}.wav`).slice(0, PROMPT_SAMPLES);
  const { transcript } = golden;
  const profile = { id: version, version, language: 'en', transcript, promptSamples: PROMPT_SAMPLES, sourceRms: 0.1 };
  return { ...profile, samples, sampleRateHz: 24_000 };
}

function spoken(key: string, fields: Partial<SynthesisRequest> = {}): SynthesisRequest {
  const text = 'The old man told us a story about the war.';
  const parameters = { steps: 1, cfg: 1, sway: -1, speed: 1 };
  return request(key, { text, voiceVersion: 'slt', promptSamples: PROMPT_SAMPLES, frames: 60, parameters, ...fields });
}

testEngine('EngineProcess with the built-in model', {
  create: () =>
    new EngineProcess({
      model: { directory: BUILT_IN, provider: 'cpu', threads: 1, precision: 'auto' },
      loadVoice,
      policy: { maxItems: 8, equalBucketsOnly: false, lingerMs: 20 },
    }),
  request: (index) =>
    spoken(`${index}`, {
      frames: 60 + 47 * index,
      seed: `${1000 + index}`,
      voiceVersion: index % 3 === 0 ? 'rms' : 'slt',
    }),
  failing: { request: spoken('long', { frames: 10_000 }), code: 'text_too_long' },
  crash,
});
