/** One and two words with the built-in model: length and end of what is heard. It is not intelligible, so no word is recognised here. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { finishSegment } from '../../../../src/audio/finish-segment.ts';
import { peak, rms } from '../../../../src/audio/measure.ts';
import type { PreparedVoice } from '../../../../src/core/voice.ts';
import { loadF5Synthesiser } from '../../../../src/engine/f5/f5-synthesiser.ts';
import { openModel } from '../../../../src/engine/f5/model-directory.ts';
import { speechModel } from '../../../../src/engine/f5/speech-model.ts';
import { normalise } from '../../../../src/text/normalise.ts';
import { BUILT_IN, clip, golden } from '../../../unit/engine/f5/tiny-golden.ts';

const RATE = 24_000;
const TEXTS = ['Hi.', 'Unit 1', 'OK', 'No.', 'Chapter 2', 'I'];

const synthesiser = await loadF5Synthesiser({ directory: BUILT_IN, provider: 'cpu', threads: 2, precision: 'auto' });
after(() => synthesiser.close());
const model = speechModel(await openModel(BUILT_IN));

function voice(id: 'slt' | 'rms'): PreparedVoice {
  const samples = clip(`voices/${id}.wav`);
  const profile = { id, version: id, language: 'en', transcript: golden.transcript, promptSamples: samples.length };
  return { ...profile, sourceRms: 0.1, samples, sampleRateHz: RATE };
}

for (const id of ['slt', 'rms'] as const) {
  test(`${id} says one and two words in half a second to one, without a step at the end and without noise`, async () => {
    const prepared = voice(id);
    await synthesiser.addVoice(prepared);
    const items = TEXTS.map((written, index) => {
      const text = normalise(written, 'en');
      const parameters = { steps: 5, cfg: 1, sway: -1, speed: 1 };
      const frames = model.predictFrames(text, prepared, 1);
      return { id: index, text, voiceVersion: id, frames, seed: String(index + 1), parameters };
    });
    const { outcomes } = await synthesiser.synthesise(items);
    for (const [index, outcome] of outcomes.entries()) {
      assert.ok(outcome.ok, TEXTS[index]);
      const heard = finishSegment(outcome.samples, RATE);
      const seconds = heard.length / RATE;
      assert.ok(seconds >= 0.3 && seconds <= 1.1, `${TEXTS[index]}: ${seconds} s`);
      const level = rms(heard, 0, heard.length);
      const end = rms(heard, heard.length - 0.01 * RATE, heard.length);
      assert.ok(end < 0.5 * level, `${TEXTS[index]}: the last 10 ms are at ${(end / level).toFixed(2)} of the whole`);
      assert.ok(level > 0.02 && peak(heard) < 1, `${TEXTS[index]}: level ${level}, peak ${peak(heard)}`);
      assert.deepEqual(
        outcome.warnings.filter(({ check }) => check !== 'cut-end'),
        [],
      );
    }
  });
}
