import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { fillNoise, philox4x32 } from '../../../../src/engine/f5/noise.ts';

const CHANNELS = 100;

function noise(seed: string, frames: number): Float32Array {
  const values = new Float32Array(frames * CHANNELS);
  fillNoise(values, seed, frames, CHANNELS);
  return values;
}

// Random123 1.14, tests/kat_vectors: philox4x32 with 10 rounds.
for (const [counter, key, expected] of [
  ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
  ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
  ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
] as const) {
  test(`Philox4x32-10 of ${counter} is the published one`, () => {
    const numbers = (hex: string) => Uint32Array.from(hex.split(' '), (word) => Number.parseInt(word, 16));
    const words = numbers(counter);
    const [low, high] = numbers(key);
    philox4x32(words, low!, high!);
    assert.deepEqual(words, numbers(expected));
  });
}

test('a value depends on its seed and place, not on how much is drawn', () => {
  assert.deepEqual(noise('42', 40), noise('42', 400).slice(0, 40 * CHANNELS));
  assert.notDeepEqual(noise('42', 1), noise('43', 1));
});

test('all 64 bits of the seed count', () => {
  const seeds = ['0', '1', '4294967296', '18446744073709551615', '9223372036854775808'];
  assert.equal(new Set(seeds.map((seed) => noise(seed, 1).join())).size, seeds.length);
});

test('frames past the end are left alone', () => {
  const values = new Float32Array(3 * CHANNELS);
  fillNoise(values, '1', 2, CHANNELS);
  assert.ok(values.subarray(2 * CHANNELS).every((value) => value === 0));
});

test('it is standard normal noise, uncorrelated from frame to frame and channel to channel', () => {
  const values = noise('20240501', 2000);
  const mean = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length;
  const lagged = (lag: number) =>
    values.reduce((sum, value, i) => sum + value * (values[i + lag] ?? 0), 0) / values.length;
  // 200,000 values: four standard errors of each moment.
  assert.ok(Math.abs(mean(1)) < 0.009);
  assert.ok(Math.abs(mean(2) - 1) < 0.013);
  assert.ok(Math.abs(mean(3)) < 0.035);
  assert.ok(Math.abs(mean(4) - 3) < 0.09);
  for (const lag of [1, 2, 3, CHANNELS, 4 * CHANNELS]) assert.ok(Math.abs(lagged(lag)) < 0.009, `lag ${lag}`);
});

test('the bits are the same on every machine', () => {
  const digest = createHash('sha256')
    .update(new Uint8Array(noise('1', 100).buffer))
    .digest('hex');
  assert.equal(digest, '9797ecdb8ec4da8500d96f305003a073bf34e91eb8b7048070be81a2e2547ae2');
});
