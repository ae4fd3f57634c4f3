/** Engines whose child is fake-host.ts, and requests for them. */
import type { SynthesisRequest } from '../../../src/core/ports.ts';
import type { PreparedVoice } from '../../../src/core/voice.ts';
import { EngineProcess, type EngineProcessOptions } from '../../../src/engine/engine-process.ts';

export const FAKE_HOST = new URL('./fake-host.ts', import.meta.url);

export function request(key: string, fields: Partial<SynthesisRequest> = {}): SynthesisRequest {
  return {
    key,
    label: `segment '${key}'`,
    text: key,
    voiceVersion: 'voice-1',
    promptSamples: 24_000,
    frames: 20,
    seed: '1',
    parameters: { steps: 1, cfg: 0, sway: null, speed: 1 },
    ...fields,
  };
}

export async function fakeVoice(version: string): Promise<PreparedVoice> {
  const samples = new Float32Array(24_000).fill(0.1);
  return {
    id: version,
    version,
    language: 'en',
    transcript: 'A voice. ',
    promptSamples: samples.length,
    sourceRms: 0.1,
    samples,
    sampleRateHz: 24_000,
  };
}

/** Batches of up to 8 by default, so that company is tested. */
export function fakeEngine(options: Partial<EngineProcessOptions> & { directory?: string } = {}): EngineProcess {
  const { directory = '/fake', ...rest } = options;
  return new EngineProcess({
    model: { directory, provider: 'cpu', threads: 1, precision: 'f32' },
    loadVoice: fakeVoice,
    hostModule: FAKE_HOST,
    policy: { maxItems: 8, equalBucketsOnly: false, lingerMs: 5 },
    ...rest,
  });
}
