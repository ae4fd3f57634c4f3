/** What goes wrong inside a batch, with graphs that fail on purpose; with the real ones see test/contract. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../../../src/core/errors.ts';
import { F5Synthesiser } from '../../../../src/engine/f5/f5-synthesiser.ts';
import { openModel } from '../../../../src/engine/f5/model-directory.ts';
import type { BatchItem } from '../../../../src/engine/protocol.ts';
import { BUILT_IN } from '../../../unit/engine/f5/tiny-golden.ts';

type Graphs = ConstructorParameters<typeof F5Synthesiser>[1];

const model = await openModel(BUILT_IN);
const info = {
  modelId: 'tiny',
  modelDigest: model.digest,
  provider: 'cpu',
  precision: 'f32',
  threads: 1,
  sampleRateHz: 24_000,
  runtimeVersion: '0',
} as const;

/** The solver leaves the noise as it is, the vocoder speaks a tone of the length asked for. */
const graphs: Graphs = {
  melDim: 100,
  mel: async () => ({ mel: new Float32Array(11 * 100), frames: [11] }),
  sample: async ({ noise }) => noise.slice(),
  vocode: async ({ length }) => length.map((frames) => tone((frames - 1) * 256)),
  release: async () => undefined,
};

function tone(samples: number): Float32Array {
  return Float32Array.from({ length: samples }, (_, i) => 0.1 * Math.sin(i / 9));
}

async function synthesiser(overrides: Partial<Graphs>): Promise<F5Synthesiser> {
  const subject = new F5Synthesiser(model, { ...graphs, ...overrides }, info);
  const profile = { id: 'v', version: 'v', language: 'en', transcript: 'a. ', promptSamples: 2560, sourceRms: 0.2 };
  await subject.addVoice({ ...profile, samples: tone(2560), sampleRateHz: 24_000 });
  return subject;
}

function item(id: number, steps = 1): BatchItem {
  const parameters = { steps, cfg: 1, sway: -1, speed: 1 };
  return { id, text: 'hello', voiceVersion: 'v', frames: 40 + id, seed: String(id), parameters };
}

test('a waveform of NaN fails its own item only', async () => {
  const vocode: Graphs['vocode'] = async ({ length }) =>
    length.map((frames) => (frames === 42 ? new Float32Array(41 * 256).fill(NaN) : tone((frames - 1) * 256)));
  const { outcomes } = await (await synthesiser({ vocode })).synthesise([item(1), item(2), item(3)]);
  assert.deepEqual(
    outcomes.map(({ id, ok }) => [id, ok]),
    [
      [1, true],
      [2, false],
      [3, true],
    ],
  );
  assert.ok(outcomes[1]?.ok === false && outcomes[1].error.code === 'waveform_invalid');
});

test('out of memory is the whole batch: the caller halves it', async () => {
  const sample: Graphs['sample'] = async () => {
    throw new NarratorError('out_of_memory', 'no memory');
  };
  await assert.rejects(
    (await synthesiser({ sample })).synthesise([item(1), item(2)]),
    (thrown) => thrown instanceof NarratorError && thrown.code === 'out_of_memory' && thrown.retryable,
  );
});

test('items of different solver grids are never mixed', async () => {
  await assert.rejects((await synthesiser({})).synthesise([item(1, 1), item(2, 2)]), /share steps and sway/);
});

test('the prompt that the vocoder starts from is the reference, not what the solver made of it', async () => {
  let heard: Float32Array | undefined;
  const vocode: Graphs['vocode'] = async ({ mel, start, length }) => {
    heard = mel.slice(start[0]! * 100, (start[0]! + 2) * 100);
    return length.map((frames) => tone((frames - 1) * 256));
  };
  await (await synthesiser({ vocode })).synthesise([item(1)]);
  assert.ok(heard!.subarray(0, 100).every((value) => value === 0));
  assert.ok(heard!.subarray(100).some((value) => value !== 0));
});

test('samples beyond full scale are held there, and reported', async () => {
  const vocode: Graphs['vocode'] = async ({ length }) =>
    length.map((frames) => tone((frames - 1) * 256).map((x) => x * 20));
  const { outcomes } = await (await synthesiser({ vocode })).synthesise([item(1)]);
  const [outcome] = outcomes;
  assert.ok(outcome?.ok && outcome.samples.every((sample) => Math.abs(sample) <= 1));
  assert.ok(outcome.warnings.some(({ check }) => check === 'clipping'));
});
