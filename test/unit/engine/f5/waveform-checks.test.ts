import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../../../src/core/errors.ts';
import { checkWaveform } from '../../../../src/engine/f5/waveform-checks.ts';

const RATE = 24_000;

/** A second of tone at the model's level with a silent end, as finished speech has it. */
function speech(level = 0.14, silentEnd = 0.06): Float32Array {
  return Float32Array.from({ length: RATE }, (_, i) => (i > RATE * (1 - silentEnd) ? 0 : level * Math.sin(i / 20)));
}

function checks(wave: Float32Array, { samples = RATE, gain = 1 } = {}): string[] {
  return checkWaveform(wave, { sampleRateHz: RATE, samples, gain }).map(({ check }) => check);
}

test('ordinary speech passes without a word', () => assert.deepEqual(checks(speech()), []));

for (const [what, wave] of [
  ['NaN', speech().fill(NaN, 5, 6)],
  ['infinity', speech().fill(Infinity, 5, 6)],
  ['digital silence', new Float32Array(RATE)],
  ['noise floor', speech(0.0005)],
  ['nothing', new Float32Array(0)],
] as const) {
  test(`a waveform of ${what} is refused`, () => {
    assert.throws(
      () => checks(wave),
      (thrown) => thrown instanceof NarratorError && thrown.code === 'waveform_invalid',
    );
  });
}

test('quiet, clipped, cut and mistimed speech is reported', () => {
  assert.deepEqual(checks(speech(0.008)), ['quiet']);
  assert.deepEqual(checks(speech().fill(1.2, 0, 20)), ['clipping']);
  assert.deepEqual(checks(speech(0.14, 0)), ['cut-end']);
  assert.deepEqual(checks(speech(), { samples: RATE - 256 }), ['length']);
});

test('a voice that is quiet by itself is judged by its own level', () => {
  assert.deepEqual(checks(speech(0.008), { gain: 0.06 }), []);
});

test('a few peaks are not clipping', () => assert.deepEqual(checks(speech().fill(1, 0, 5)), []));
