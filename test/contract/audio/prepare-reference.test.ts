import assert from 'node:assert/strict';
import test from 'node:test';

import { peak, rms } from '../../../src/audio/measure.ts';
import { prepareReference } from '../../../src/audio/prepare-reference.ts';
import { join, silence, sine } from '../../unit/audio/tones.ts';

const RATE = 24_000;
const tone = (seconds: number, amplitude = 0.5) => sine(200, { seconds, sampleRateHz: RATE, amplitude });
const prepare = (samples: Float32Array, maxSeconds?: number) =>
  prepareReference(
    { channels: [samples], sampleRateHz: RATE },
    { sampleRateHz: RATE, ...(maxSeconds !== undefined && { maxSeconds }) },
  );

for (const tailMs of [0, 50, 1000, 3000]) {
  test(`a clip with ${tailMs} ms of silence at its end ends in exactly 50 ms of it`, async () => {
    const { samples, report } = await prepare(join(silence(0.3, RATE), tone(2), silence(tailMs / 1000, RATE)));
    assert.equal(samples.length, Math.round(2.05 * RATE));
    assert.equal(report.trimmedStartMs, 300);
    assert.equal(report.trimmedEndMs, tailMs);
    assert.equal(peak(samples.subarray(2 * RATE)), 0);
  });
}

test('sound above -42 dBFS is kept and sound below it is trimmed', async () => {
  const quiet = (dbfs: number) => tone(0.5, Math.SQRT2 * 10 ** (dbfs / 20));
  assert.equal((await prepare(join(quiet(-41), tone(1)))).samples.length, Math.round(1.55 * RATE));
  assert.equal((await prepare(join(quiet(-43), tone(1)))).samples.length, Math.round(1.05 * RATE));
});

test('silence inside the clip is never cut', async () => {
  const { samples } = await prepare(join(tone(1), silence(2.5, RATE), tone(1)));
  assert.equal(samples.length, Math.round(4.55 * RATE));
});

test('a quiet clip is raised to RMS 0.1, and its own RMS is kept', async () => {
  const { samples, sourceRms, report } = await prepare(tone(2, 0.02));
  assert.ok(Math.abs(rms(samples) - 0.1) < 1e-6);
  // 0.02/√2, thinned by the 50 ms of silence that are part of the clip
  assert.ok(Math.abs(sourceRms - (0.02 / Math.SQRT2) * Math.sqrt(2 / 2.05)) < 1e-6);
  assert.ok(Math.abs(report.gain - 0.1 / sourceRms) < 1e-9);
});

test('a loud clip is left as loud as it is', async () => {
  const source = tone(2);
  const { samples, report } = await prepare(source);
  assert.equal(report.gain, 1);
  assert.deepEqual(samples.subarray(0, source.length), source);
});

test('a clip that is too long is refused, not cut: its transcript would not fit any more', async () => {
  const refusal = { name: 'NarratorError', code: 'voice_invalid', message: /is 12\.1 s long.* at most 12 s/ };
  await assert.rejects(prepare(tone(12.1)), refusal);
  await assert.rejects(prepare(tone(3.2), 3), /at most 3 s/);
  // silence at the ends does not count
  assert.equal(
    (await prepare(join(silence(1, RATE), tone(12), silence(1, RATE)))).samples.length,
    Math.round(12.05 * RATE),
  );
});

test('a silent clip is refused', async () => {
  for (const samples of [new Float32Array(0), silence(2, RATE), tone(2, 0.001)]) {
    await assert.rejects(prepare(samples), { code: 'voice_invalid', message: /silent/ });
  }
});

test("stereo at another rate becomes mono at the model's rate, the same bytes every time", async () => {
  const channels = [440, 445].map((frequencyHz) => sine(frequencyHz, { seconds: 0.3, sampleRateHz: 44_100 }));
  const prepared = await prepareReference({ channels, sampleRateHz: 44_100 }, { sampleRateHz: RATE });
  assert.equal(prepared.sampleRateHz, RATE);
  assert.ok(Math.abs(prepared.samples.length - 0.35 * RATE) <= RATE / 100);
  const again = await prepareReference({ channels, sampleRateHz: 44_100 }, { sampleRateHz: RATE });
  assert.deepEqual(again.samples, prepared.samples);
});
