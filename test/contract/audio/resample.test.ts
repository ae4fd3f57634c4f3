import assert from 'node:assert/strict';
import test from 'node:test';

import { mixToMono } from '../../../src/audio/mix-to-mono.ts';
import { resample } from '../../../src/audio/resample.ts';
import { sine } from '../../unit/audio/tones.ts';

/** Largest difference, the filter's reach at both ends aside. */
function largestError(actual: Float32Array, expected: Float32Array): number {
  let largest = 0;
  for (let i = 1_000; i < expected.length - 1_000; i++) {
    largest = Math.max(largest, Math.abs((actual[i] as number) - (expected[i] as number)));
  }
  return largest;
}

for (const fromHz of [8_000, 22_050, 44_100]) {
  test(`a sine of ${fromHz} Hz is the same sine at 24,000 Hz, in phase, to 1e-6`, async () => {
    const samples = sine(1000, { seconds: 0.2, sampleRateHz: fromHz });
    const result = await resample(samples, fromHz, 24_000);
    const expected = sine(1000, { seconds: 0.2, sampleRateHz: 24_000 });
    assert.equal(result.length, expected.length);
    assert.ok(largestError(result, expected) < 1e-6, String(largestError(result, expected)));
  });
}

test('the length is round(samples × ratio), also for a few samples and for none', async () => {
  for (const [length, fromHz] of [
    [0, 44_100],
    [1, 8_000],
    [1, 48_000],
    [3, 48_000],
    [100, 22_050],
    [12_345, 48_000],
  ] as const) {
    const result = await resample(new Float32Array(length).fill(0.1), fromHz, 24_000);
    assert.equal(result.length, Math.round((length * 24_000) / fromHz), `${length} samples of ${fromHz} Hz`);
  }
});

test('inputs longer than the blocks in which they are handed over have no seams and lose nothing at the end', async () => {
  const seconds = 0.9; // three blocks
  const result = await resample(sine(1000, { seconds, sampleRateHz: 48_000 }), 48_000, 24_000);
  const expected = sine(1000, { seconds, sampleRateHz: 24_000 });
  assert.equal(result.length, expected.length);
  assert.ok(largestError(result, expected) < 1e-6);
});

test('what lies above the new rate is removed, not folded back', async () => {
  const result = await resample(sine(15_000, { seconds: 0.15, sampleRateHz: 48_000 }), 48_000, 24_000);
  assert.ok(largestError(result, new Float32Array(result.length)) < 1e-6);
});

test('calls that run at the same time do not disturb each other', async () => {
  const tones = [400, 1100].map((frequencyHz) => sine(frequencyHz, { seconds: 0.1, sampleRateHz: 16_000 }));
  const together = await Promise.all(tones.map((tone) => resample(tone, 16_000, 24_000)));
  for (const [i, tone] of tones.entries()) assert.deepEqual(together[i], await resample(tone, 16_000, 24_000));
});

test('equal rates give the samples as they are, and a part of an array is read as that part', async () => {
  const samples = sine(1000, { seconds: 0.1, sampleRateHz: 16_000 });
  assert.equal(await resample(samples, 24_000, 24_000), samples);
  assert.deepEqual(
    await resample(samples.subarray(800), 16_000, 24_000),
    await resample(samples.slice(800), 16_000, 24_000),
  );
});

test('mono is the average of the channels', () => {
  const mixed = mixToMono([Float32Array.of(1, 0, -0.5), Float32Array.of(0, 0, 0.5)]);
  assert.deepEqual(mixed, Float32Array.of(0.5, 0, 0));
  assert.throws(() => mixToMono([]), RangeError);
});
