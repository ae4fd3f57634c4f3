import assert from 'node:assert/strict';
import test from 'node:test';

import { checkReference } from '../../../src/audio/check-reference.ts';
import { join, noise, silence, speechLike } from './tones.ts';

const RATE = 24_000;
const SECONDS = 5;
/** 70 letters: 14 a second */
const TRANSCRIPT = 'The weather was warm this morning, so we walked to the old market beside the river. ';
const clip = speechLike(SECONDS, RATE);

/** 'level:check' of every finding, the gravest first. */
function findings(samples: Float32Array, transcript = TRANSCRIPT, sampleRateHz = RATE): string[] {
  return checkReference({ channels: [samples], sampleRateHz }, transcript).findings.map((f) => `${f.level}:${f.check}`);
}

test('a good clip has no findings, and its measures are right', () => {
  const { findings, measures } = checkReference({ channels: [clip], sampleRateHz: RATE, complete: true }, TRANSCRIPT);
  assert.deepEqual(findings, []);
  assert.equal(measures.seconds, SECONDS);
  assert.ok(Math.abs(measures.speechSeconds - 4.9) < 0.1);
  assert.ok(Math.abs(measures.peakDbfs - -12) < 0.1);
  assert.ok(Math.abs(measures.leadingSilenceMs - 60) <= 10);
  assert.ok(Math.abs(measures.charactersPerSecond - 14) < 1);
  assert.equal(measures.clippedSamples, 0);
  assert.ok(measures.snrDb > 40);
});

test('too short is an error below 1 s and a warning below 3 s, too long an error above 12 s', () => {
  assert.deepEqual(findings(speechLike(0.8, RATE), 'Good morning'), ['error:length']);
  assert.deepEqual(findings(speechLike(2, RATE), 'The weather was warm this morning'), ['warning:length']);
  assert.deepEqual(findings(speechLike(13, RATE), TRANSCRIPT.repeat(2)), ['error:length']);
});

test('silence is an error, also as no samples at all', () => {
  assert.deepEqual(findings(silence(5, RATE)), ['error:silence']);
  assert.deepEqual(findings(new Float32Array(0)), ['error:silence']);
});

test('a clip that is mostly silence is a warning, and so is a long pause in it', () => {
  assert.deepEqual(findings(join(silence(4, RATE), clip, silence(4, RATE))), ['warning:silence']);
  assert.deepEqual(findings(join(clip, silence(1.5, RATE), clip), TRANSCRIPT.repeat(2)), ['warning:pause']);
});

test('clipping is counted in every channel and graded by its share', () => {
  const clipped = (gain: number) => clip.map((sample) => Math.max(-1, Math.min(1, sample * gain)));
  assert.deepEqual(findings(clipped(8)), ['error:clipping']);
  const once = Float32Array.from(clip);
  once.fill(1, 5000, 5005);
  assert.deepEqual(findings(once), ['note:clipping']);
  const stereo = checkReference({ channels: [clip, once], sampleRateHz: RATE }, TRANSCRIPT);
  assert.equal(stereo.measures.clippedSamples, 5);
});

test('one sample at full scale is no clipping', () => {
  const touched = Float32Array.from(clip);
  touched[5000] = 1;
  assert.deepEqual(findings(touched), []);
});

test('noise 15 dB below the speech is a warning, 30 dB below it is not', () => {
  const level = 0.25 / Math.SQRT2;
  const noisy = (snrDb: number) => {
    const hiss = noise(clip.length, level * Math.sqrt(3) * 10 ** (-snrDb / 20));
    return clip.map((sample, i) => sample + (hiss[i] as number));
  };
  assert.deepEqual(findings(noisy(15)), ['warning:noise']);
  assert.deepEqual(findings(noisy(30)), []);
});

test('digital silence around a noisy clip does not hide its noise', () => {
  const hiss = noise(clip.length, 0.05);
  const noisy = clip.map((sample, i) => sample + (hiss[i] as number));
  const found = findings(join(silence(1, RATE), noisy, silence(1, RATE)));
  assert.ok(found.includes('warning:noise'), found.join());
});

test('a clip that begins or ends within a word is a warning', () => {
  const at = (seconds: number) => Math.round(seconds * RATE);
  assert.deepEqual(findings(clip.subarray(at(0.1))), ['warning:cut-start']);
  assert.deepEqual(findings(clip.subarray(0, at(4.88))), ['warning:cut-end']);
});

test('a constant offset, a low level and a low sample rate are warnings', () => {
  assert.ok(findings(clip.map((sample) => sample + 0.02)).includes('warning:dc-offset'));
  assert.deepEqual(findings(clip.map((sample) => sample * 0.08)), ['warning:level']);
  assert.deepEqual(findings(speechLike(SECONDS, 8_000), TRANSCRIPT, 8_000), ['warning:sample-rate']);
});

test('a transcript that does not fit the length is a warning, and one that cannot is an error', () => {
  assert.deepEqual(findings(clip, ''), ['error:transcript']);
  assert.deepEqual(findings(clip, ' … !?'), ['error:transcript']);
  assert.deepEqual(findings(clip, 'Yes.'), ['error:transcript']);
  assert.deepEqual(findings(clip, 'The weather was warm.'), ['warning:transcript']);
  assert.deepEqual(findings(clip, TRANSCRIPT.repeat(3)), ['warning:transcript']);
  assert.deepEqual(findings(clip, TRANSCRIPT.repeat(6)), ['error:transcript']);
});

test('Chinese is judged by its own rate', () => {
  assert.deepEqual(findings(clip, '今天早上天气很暖和，我们走路去河边的老市场买菜。'), []);
  assert.deepEqual(findings(clip, '今天早上天气很暖和。'.repeat(7)), ['warning:transcript']);
  assert.deepEqual(findings(clip, '好。'), ['error:transcript']);
});

test('a file that was cut short is a warning', () => {
  const { findings } = checkReference({ channels: [clip], sampleRateHz: RATE, complete: false }, TRANSCRIPT);
  assert.deepEqual(
    findings.map((finding) => finding.check),
    ['incomplete'],
  );
});

test('measures are finite numbers whatever the input: they are printed as JSON', () => {
  for (const samples of [new Float32Array(0), silence(1, RATE), Float32Array.of(1)]) {
    const { measures } = checkReference({ channels: [samples], sampleRateHz: RATE }, '');
    for (const [name, value] of Object.entries(measures)) assert.ok(Number.isFinite(value), name);
  }
});
