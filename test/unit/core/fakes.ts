/** A model, an engine and an audio room that are small, fast and deterministic, for tests of the core. */
import { NarratorError } from '../../../src/core/errors.ts';
import { sha256Hex } from '../../../src/core/canonical-json.ts';
import type { PlanDeps } from '../../../src/core/plan-items.ts';
import type {
  ArtifactStore,
  AudioFunctions,
  EngineInfo,
  SegmentText,
  SynthesisEngine,
  SynthesisRequest,
  SynthesisedSpeech,
} from '../../../src/core/ports.ts';
import type { SpeechModel } from '../../../src/core/segment.ts';
import { type JobRequest, submitJob } from '../../../src/core/submit-job.ts';
import type { VoiceLibrary, VoiceProfile } from '../../../src/core/voice.ts';

export const RATE = 1000;
export const HOP = 10;

/** One frame a character: 100 characters are one second. Knows no emoji, no Cyrillic and no accents. */
export const model: SpeechModel = {
  id: 'fake',
  digest: 'fake-model-digest',
  sampleRateHz: RATE,
  hopLength: HOP,
  languages: ['en'],
  defaults: { steps: 4, cfg: 2, sway: -1, speed: 1 },
  maxTextBytes: () => 80,
  predictFrames: (text, _voice, speed) => Math.max(1, Math.round(text.length / speed)),
  unknownCharacters: (text) => [
    ...new Set([...text].filter((character) => /\p{Extended_Pictographic}|\p{Script=Cyrillic}|é/u.test(character))),
  ],
};

export const anna: VoiceProfile = {
  id: 'anna',
  version: 'anna-1',
  language: 'en',
  transcript: 'Hello. ',
  promptSamples: 500,
  sourceRms: 0.1,
};

export const voices: VoiceLibrary = {
  find: async (id) => (id === anna.id ? anna : undefined),
  load: async () => ({ ...anna, samples: new Float32Array(500), sampleRateHz: RATE }),
  list: async () => [anna],
  lexicon: async () => undefined,
};

/** One segment a sentence. */
export const segmentText: SegmentText = (text, { language, fallback = 'en' }) => {
  const sentences = text.match(/[^.!?]+[.!?]*\s*/g) ?? [text];
  return sentences.map((written, index) => ({
    written,
    spoken: written.trim(),
    language: language === 'auto' ? fallback : language,
    pauseAfterMs: index === sentences.length - 1 ? 0 : 300,
  }));
};

export const planning: PlanDeps = { model, voices, segmentText, voicesNamed: () => [] };

/** Raw little-endian floats in place of WAV. */
export const audio: AudioFunctions = {
  finishSegment: (samples) => samples,
  encodeSegment: (samples) => bytesOf(samples),
  decodeSegment: (bytes) => {
    if (bytes.byteLength === 0 || bytes.byteLength % 4 !== 0)
      throw new NarratorError('ledger_corrupt', 'not a segment');
    return { samples: new Float32Array(new Uint8Array(bytes).buffer), sampleRateHz: RATE };
  },
  async *encodeWav(parts, { totalSamples, format }) {
    let samples = 0;
    yield new TextEncoder().encode(`${format} ${totalSamples}\n`);
    for await (const part of parts) {
      samples += part.length;
      yield bytesOf(part);
    }
    if (samples !== totalSamples) throw new NarratorError('internal', `${samples} samples, ${totalSamples} promised`);
  },
};

const bytesOf = (samples: Float32Array) => new Uint8Array(samples.slice().buffer);

/** Speech that depends on the request's key and frames only, as an engine promises. */
export class FakeEngine implements SynthesisEngine {
  readonly requests: SynthesisRequest[] = [];
  /** a test's way to fail or delay a segment */
  before: (request: SynthesisRequest, signal: AbortSignal | undefined) => Promise<void> = async () => undefined;
  warnings: SynthesisedSpeech['warnings'] = [];

  async start(): Promise<EngineInfo> {
    return {
      modelId: model.id,
      modelDigest: model.digest,
      provider: 'cpu',
      precision: 'f32',
      threads: 1,
      sampleRateHz: RATE,
      runtimeVersion: '0',
    };
  }

  async synthesise(request: SynthesisRequest, { signal }: { signal?: AbortSignal } = {}): Promise<SynthesisedSpeech> {
    this.requests.push(request);
    await this.before(request, signal);
    if (signal?.aborted === true) throw new NarratorError('cancelled', 'The segment was cancelled.');
    const digest = Buffer.from(sha256Hex(request.key), 'hex');
    const samples = Float32Array.from({ length: request.frames * HOP }, (_, at) => (digest[at % 32] ?? 0) / 256);
    return { samples, sampleRateHz: RATE, warnings: this.warnings };
  }

  async close(): Promise<void> {}
}

export async function* bytes(...texts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield typeof text === 'string' ? new TextEncoder().encode(text) : text;
}

export const jsonLines = (...items: unknown[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');

/** A clock that moves by a second with every look. */
export function clock(start = '2026-01-01T00:00:00.000Z'): () => Date {
  let ms = Date.parse(start);
  return () => new Date((ms += 1000));
}

let ids = 0;
export const newId = () => `id-${++ids}`;

export function request(manifest: string, more: Partial<JobRequest> = {}): JobRequest {
  return {
    id: 'job',
    manifest: { format: 'jsonl', bytes: bytes(manifest) },
    model: { id: model.id, digest: model.digest },
    parameters: { steps: 4, cfg: 2, sway: -1 },
    defaults: { voice: 'anna' },
    ...more,
  };
}

export async function submitted(store: ArtifactStore, manifest: string, more: Partial<JobRequest> = {}) {
  return (await submitJob(request(manifest, more), { store, now: clock(), newId })).job;
}
