/** The engine's protocol with the built-in model, from text to samples. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { NarratorError } from '../../src/core/errors.ts';
import type { PreparedVoice } from '../../src/core/voice.ts';
import { loadF5Synthesiser } from '../../src/engine/f5/f5-synthesiser.ts';
import type { BatchItem, BatchOutcome } from '../../src/engine/protocol.ts';
import { BUILT_IN, clip, golden } from '../unit/engine/f5/tiny-golden.ts';

const synthesiser = await loadF5Synthesiser({ directory: BUILT_IN, provider: 'cpu', threads: 1, precision: 'auto' });
after(() => synthesiser.close());

/** A second of the clip: nothing here depends on its length, and short prompts are quick. */
const SHORT_PROMPT = 24_000;

function voice(version: string, overrides: Partial<PreparedVoice> = {}): PreparedVoice {
  const samples = clip(`voices/${version.slice(0, 3)}.wav`).slice(0, SHORT_PROMPT);
  const { transcript } = golden;
  const prepared = { id: version, version, language: 'en', transcript, promptSamples: samples.length, sourceRms: 0.1 };
  return { ...prepared, samples, sampleRateHz: 24_000, ...overrides };
}
for (const each of [voice('slt'), voice('rms'), voice('slt-quiet', { sourceRms: 0.025 })])
  await synthesiser.addVoice(each);

/** Few steps: what is promised here does not depend on their number. */
const parameters = { steps: 1, cfg: 1, sway: -1, speed: 1 };

function item(id: number, overrides: Partial<BatchItem> = {}): BatchItem {
  const text = 'The old man told us a story about the war.';
  return { id, text, voiceVersion: 'slt', frames: 60 + 17 * id, seed: String(1000 + id), parameters, ...overrides };
}

async function speak(...items: BatchItem[]): Promise<BatchOutcome[]> {
  return (await synthesiser.synthesise(items)).outcomes;
}

function samples(outcome: BatchOutcome | undefined): Float32Array {
  assert.ok(outcome?.ok);
  return outcome.samples;
}

test('it says what it runs and where', () => {
  const { modelId, provider, precision, threads, sampleRateHz, modelDigest } = synthesiser.info;
  assert.deepEqual([modelId, provider, precision, threads, sampleRateHz], ['tiny', 'cpu', 'f32', 1, 24_000]);
  assert.match(modelDigest, /^[0-9a-f]{64}$/);
});

test('speech has the length that was asked for, is finite and within full scale', async () => {
  const { outcomes, statistics } = await synthesiser.synthesise([item(0, { frames: 100 })]);
  const wave = samples(outcomes[0]);
  assert.equal(wave.length, 99 * 256);
  assert.ok(wave.every((sample) => Math.abs(sample) <= 1));
  assert.deepEqual([statistics.size, statistics.paddedFrames, statistics.realFrames], [1, 224, 193]);
});

test('the same request gives the same bytes alone, in a batch of 8, and in another order', async () => {
  const items = Array.from({ length: 8 }, (_, id) => item(id, { voiceVersion: id % 3 === 0 ? 'rms' : 'slt' }));
  const together = await speak(...items);
  const reversed = (await speak(...items.toReversed())).toReversed();
  assert.deepEqual(together, reversed);
  for (const id of [0, 4, 7]) assert.deepEqual(samples((await speak(items[id]!))[0]), samples(together[id]));
});

test('another seed, voice, text or number of steps gives another sound', async () => {
  const variants = [
    {},
    { seed: '7' },
    { voiceVersion: 'rms' },
    { text: 'Something else.' },
    { parameters: { ...parameters, steps: 2 } },
  ];
  const waves = await Promise.all(variants.map(async (variant) => samples((await speak(item(0, variant)))[0])));
  assert.equal(new Set(waves.map((wave) => wave.join())).size, variants.length);
});

test('an item that cannot be spoken fails alone, by name', async () => {
  const items = [item(1), item(2, { voiceVersion: 'unknown' }), item(3, { frames: 5000 }), item(4)];
  const outcomes = await speak(...items);
  assert.deepEqual(
    outcomes.map(({ id, ok }) => [id, ok]),
    [
      [1, true],
      [2, false],
      [3, false],
      [4, true],
    ],
  );
  assert.deepEqual(
    outcomes.flatMap((outcome) => (outcome.ok ? [] : outcome.error.code)),
    ['internal', 'text_too_long'],
  );
  assert.deepEqual(samples(outcomes[3]), samples((await speak(item(4)))[0]));
});

test("a voice that was raised to the model's level is given back its own", async () => {
  const [loud, quiet] = await speak(item(0), item(0, { voiceVersion: 'slt-quiet' }));
  const expected = samples(loud).map((sample) => sample * 0.25);
  assert.deepEqual(samples(quiet), expected);
});

test('a text with more tokens than frames is given a frame for each, and the item says so', async () => {
  const [outcome] = await speak(item(0, { text: 'a '.repeat(180), frames: 60 }));
  assert.ok(samples(outcome).length > 59 * 256);
  assert.ok(outcome?.ok && outcome.warnings.some(({ check }) => check === 'length'));
});

test('a batch of nothing is nothing', async () => assert.deepEqual(await speak(), []));

for (const [what, overrides] of [
  ['at another rate', { sampleRateHz: 16_000 }],
  ['too short', { samples: new Float32Array(10) }],
  ['silent', { sourceRms: 0 }],
] as const) {
  test(`a reference that is ${what} is refused`, async () => {
    const refused = (thrown: unknown) => thrown instanceof NarratorError && thrown.code === 'voice_invalid';
    await assert.rejects(synthesiser.addVoice(voice('slt-bad', overrides)), refused);
    assert.equal(synthesiser.hasVoice('slt-bad'), false);
  });
}
