/** What a narrator writes, as a reader of its files sees it. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import wavefile from 'wavefile';

export interface Wav {
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly bits: number;
  readonly isFloat: boolean;
  /** in [-1, 1] */
  readonly samples: Float64Array;
}

/** Read by a library that is not ours. */
export function parseWav(bytes: Uint8Array): Wav {
  const wav = new wavefile.WaveFile(bytes);
  const { numChannels, sampleRate, bitsPerSample, audioFormat, subformat } = wav.fmt as {
    numChannels: number;
    sampleRate: number;
    bitsPerSample: number;
    audioFormat: number;
    subformat: number[];
  };
  const isFloat = audioFormat === 3 || subformat[0] === 3;
  const samples = wav.getSamples(false, Float64Array);
  const scale = isFloat ? 1 : 2 ** (bitsPerSample - 1);
  return {
    sampleRateHz: sampleRate,
    channels: numChannels,
    bits: bitsPerSample,
    isFloat,
    samples: samples.map((sample) => sample / scale),
  };
}

export interface Sidecar {
  readonly item: string;
  readonly seconds: number;
  readonly samples: number;
  readonly sampleRateHz: number;
  readonly format: string;
  readonly voice: { readonly id: string; readonly version: string };
  readonly segments: readonly {
    readonly text: string;
    readonly start: number;
    readonly end: number;
    readonly seed: string;
  }[];
}

/** A WAV file and the JSON beside it, which must tell the same story. */
export async function readNarration(path: string): Promise<{ wav: Wav; sidecar: Sidecar; bytes: Buffer }> {
  const bytes = await readFile(path);
  const wav = parseWav(bytes);
  const sidecar = JSON.parse(await readFile(path.replace(/\.wav$/, '.json'), 'utf8')) as Sidecar;
  assert.deepEqual([wav.sampleRateHz, wav.channels], [24_000, 1], path);
  assert.deepEqual([sidecar.samples, sidecar.sampleRateHz], [wav.samples.length, 24_000], path);
  assert.ok(Math.abs(sidecar.seconds - wav.samples.length / 24_000) < 1e-5, path);
  assert.ok(
    wav.samples.some((sample) => Math.abs(sample) > 0.02),
    `${path} is silent`,
  );
  let end = 0;
  for (const segment of sidecar.segments) {
    assert.ok(segment.start >= end && segment.start - end < 1.2 && segment.end > segment.start, path);
    assert.match(segment.seed, /^\d{1,20}$/);
    end = segment.end;
  }
  assert.equal(sidecar.segments[0]?.start, 0, path);
  assert.ok(Math.abs(sidecar.seconds - end) < 1e-5, `${path} goes on after its last segment`);
  return { wav, sidecar, bytes };
}

/** A text as its segments give it back: no character may be lost, white space may. */
export const withoutSpace = (text: string): string => text.replace(/\s/g, '');
