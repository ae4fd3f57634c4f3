import assert from 'node:assert/strict';
import test from 'node:test';

import { finishSegment } from '../../../src/audio/finish-segment.ts';
import { largestSeamJump, longestGapMs, rms } from '../../../src/audio/measure.ts';
import { join, noise, silence, sine } from './tones.ts';

const RATE = 24_000;
const ROOM = 0.04 * RATE;
const WINDOW = 0.01 * RATE;
const tone = (seconds: number, amplitude = 0.5) => sine(300, { seconds, sampleRateHz: RATE, amplitude });

test('silence at both ends is trimmed to a room of 40 ms, and the sound is untouched', () => {
  const speech = tone(1);
  const finished = finishSegment(join(silence(0.5, RATE), speech, silence(0.8, RATE)), RATE);
  assert.equal(finished.length, ROOM + speech.length + ROOM);
  assert.deepEqual(finished.subarray(ROOM, ROOM + speech.length), speech);
});

test('less silence than the room is kept as it is', () => {
  const samples = join(silence(0.02, RATE), tone(0.5), silence(0.01, RATE));
  assert.equal(finishSegment(samples, RATE).length, samples.length);
});

test('a pause inside is never cut, however long', () => {
  const samples = join(tone(0.5), silence(1.4, RATE), tone(0.5));
  assert.equal(finishSegment(samples, RATE).length, samples.length);
  assert.equal(longestGapMs(finishSegment(samples, RATE), RATE), 1400);
});

test('a soft beginning 35 dB below the loudest sound belongs to the speech', () => {
  const samples = join(silence(0.5, RATE), tone(0.2, 0.5 * 10 ** (-35 / 20)), tone(0.5));
  assert.ok(Math.abs(finishSegment(samples, RATE).length - (ROOM + 0.7 * RATE)) <= WINDOW);
});

test('faint noise at the ends is trimmed like silence', () => {
  const hiss = noise(RATE / 2, 0.5 * 10 ** (-50 / 20));
  assert.ok(finishSegment(join(hiss, tone(0.5), hiss), RATE).length <= 0.5 * RATE + 2 * (ROOM + WINDOW));
});

test('both ends are exactly 0, so that no join can click', () => {
  const samples = new Float32Array(RATE / 2).fill(-0.8);
  const finished = finishSegment(samples, RATE);
  assert.equal(largestSeamJump(finished, [0, finished.length]), 0);
  // and the way up has no step either: 5 ms are 120 samples
  let largest = 0;
  for (let i = 1; i < finished.length; i++) {
    largest = Math.max(largest, Math.abs((finished[i] as number) - (finished[i - 1] as number)));
  }
  assert.ok(largest < 0.02, String(largest));
});

test('a sound that goes on to the very end dies away over 30 ms, at the end only', () => {
  const samples = tone(0.6);
  const finished = finishSegment(samples, RATE);
  const faded = 0.03 * RATE;
  assert.equal(finished.length, samples.length);
  assert.deepEqual(finished.subarray(WINDOW, samples.length - faded), samples.subarray(WINDOW, samples.length - faded));
  assert.ok(rms(finished, samples.length - WINDOW, samples.length) < 0.15 * rms(finished, 0, samples.length));
});

test('silence, a few samples and none are finished without harm; the input is not changed', () => {
  assert.deepEqual(finishSegment(silence(0.3, RATE), RATE), silence(0.3, RATE));
  assert.deepEqual(finishSegment(new Float32Array(0), RATE), new Float32Array(0));
  assert.deepEqual(finishSegment(Float32Array.of(0.5), RATE), Float32Array.of(0));
  const samples = Float32Array.of(0.5, 0.5, 0.5);
  assert.deepEqual(finishSegment(samples, RATE), Float32Array.of(0, 0.5, 0));
  assert.deepEqual(samples, Float32Array.of(0.5, 0.5, 0.5));
});
