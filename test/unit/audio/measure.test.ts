import assert from 'node:assert/strict';
import test from 'node:test';

import { largestSeamJump, longestGapMs, mean, peak, rms, SILENCE_DBFS, toDbfs } from '../../../src/audio/measure.ts';
import { join, silence, sine } from './tones.ts';

test('a sine of amplitude 0.5 measures 0.5 at its peak and 0.5/√2 in RMS', () => {
  const samples = sine(500, { seconds: 1, sampleRateHz: 24_000 });
  assert.equal(peak(samples), 0.5);
  assert.ok(Math.abs(rms(samples) - 0.5 / Math.SQRT2) < 1e-6);
  assert.ok(Math.abs(mean(samples)) < 1e-6);
});

test('nothing at all measures as silence', () => {
  const none = new Float32Array(0);
  assert.deepEqual([rms(none), peak(none), mean(none), longestGapMs(none, 24_000)], [0, 0, 0, 0]);
  assert.equal(toDbfs(0), SILENCE_DBFS);
  assert.equal(toDbfs(1), 0);
});

test('a seam jump is the step between the last sample before and the first one after', () => {
  const samples = Float32Array.of(0.5, 0.25, -0.25, 0);
  assert.equal(largestSeamJump(samples, [1]), 0.25);
  assert.equal(largestSeamJump(samples, [1, 2, 3]), 0.5);
  assert.equal(largestSeamJump(samples, [0, 4]), 0.5); // both ends meet silence
  assert.equal(largestSeamJump(samples, []), 0);
});

test('the longest gap is found wherever it lies', () => {
  const tone = sine(300, { seconds: 0.5, sampleRateHz: 24_000 });
  const samples = join(silence(0.1, 24_000), tone, silence(0.7, 24_000), tone, silence(0.2, 24_000));
  assert.equal(longestGapMs(samples, 24_000), 700);
});
