import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAudio } from '../../../src/audio/decode.ts';
import { encodeMp3, prepareMp3Encoder } from '../../../src/audio/encode-mp3.ts';
import { speechLike } from '../../unit/audio/tones.ts';

const RATE_HZ = 24_000;
const toInt16 = (samples: Float32Array) => Int16Array.from(samples, (sample) => Math.round(sample * 32_767));

/** Where `wanted` begins in `heard`, and how much of it is error, at the best of all delays up to `delayMax`. */
function bestMatch(heard: Float32Array, wanted: Float32Array, delayMax: number): { delay: number; error: number } {
  const energy = wanted.reduce((sum, sample) => sum + sample * sample, 0);
  let best = { delay: 0, error: Infinity };
  for (let delay = 0; delay <= delayMax; delay++) {
    let error = 0;
    for (let i = 0; i < wanted.length; i += 7) error += ((heard[i + delay] ?? 0) - (wanted[i] ?? 0)) ** 2;
    if (error < best.error) best = { delay, error };
  }
  return { delay: best.delay, error: (7 * best.error) / energy };
}

test('the sound is that which was handed in, at its rate, across the pieces', async () => {
  const samples = speechLike(2.5, RATE_HZ);
  const mp3 = await encodeMp3(toInt16(samples), { sampleRateHz: RATE_HZ });
  const { format, sampleRateHz, channels, complete } = await decodeAudio(mp3);
  assert.deepEqual([format, sampleRateHz, channels.length, complete], ['mp3', RATE_HZ, 1, true]);
  const heard = channels[0] ?? new Float32Array();
  assert.ok(heard.length >= samples.length && heard.length < samples.length + 0.2 * RATE_HZ, `${heard.length} samples`);
  const { error } = bestMatch(heard, samples, heard.length - samples.length);
  assert.ok(error < 0.02, `${error} of the energy is error`);
});

test('64 kbit a second', async () => {
  const mp3 = await encodeMp3(toInt16(speechLike(4, RATE_HZ)), { sampleRateHz: RATE_HZ });
  const bitsPerSecond = (mp3.length * 8) / 4;
  assert.ok(bitsPerSecond > 62_000 && bitsPerSecond < 70_000, `${bitsPerSecond} bit/s`);
});

test('others have their turn after every quarter of a second of sound', async () => {
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  await prepareMp3Encoder();
  setImmediate(count);
  await encodeMp3(new Int16Array(10 * RATE_HZ), { sampleRateHz: RATE_HZ });
  isOver = true;
  assert.ok(turns >= 40, `${turns} turns`);
});

test('nothing gives a file that is whole, and a client that is gone stops the work', async () => {
  assert.ok((await encodeMp3(new Int16Array(), { sampleRateHz: RATE_HZ })) instanceof Uint8Array);
  const gone = AbortSignal.abort(new Error('gone'));
  await assert.rejects(encodeMp3(new Int16Array(48_000), { sampleRateHz: RATE_HZ, signal: gone }), /gone/);
});
