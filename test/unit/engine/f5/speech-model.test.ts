import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openModel } from '../../../../src/engine/f5/model-directory.ts';
import { speechModel } from '../../../../src/engine/f5/speech-model.ts';
import { BUILT_IN, golden } from './tiny-golden.ts';

const model = speechModel(await openModel(BUILT_IN));
const voice = {
  id: 'slt',
  version: 'v',
  language: 'en',
  transcript: golden.transcript,
  promptSamples: 78_336,
  sourceRms: 0.1,
};

test('the built-in model plans by its own defaults', () => {
  assert.deepEqual(model.defaults, { steps: 16, cfg: 1, sway: -1, speed: 1 });
  assert.deepEqual([model.sampleRateHz, model.hopLength, model.languages], [24_000, 256, ['en']]);
});

test('it predicts what the official code took', () => {
  assert.equal(model.predictFrames(golden.text, voice, 1), golden.duration - golden.promptFrames);
});

test('a reading given in the text takes no time of its own', () => {
  const text = 'Some words of a certain length, and more of them, about ';
  assert.equal(model.predictFrames(`${text}{AI|ei1 ai1}`, voice, 1), model.predictFrames(`${text}AI`, voice, 1));
});

test('a text of maxTextBytes fills the plan of 768 frames and no more', () => {
  for (const speed of [0.7, 1, 1.3, 2]) {
    const bytes = model.maxTextBytes(voice, speed);
    assert.ok(306 + model.predictFrames('x'.repeat(bytes), voice, speed) <= 768);
    assert.ok(306 + model.predictFrames('x'.repeat(bytes + 1), voice, speed) > 768);
  }
});

test('it names the characters that it cannot speak', () => {
  assert.deepEqual(model.unknownCharacters('Room 101 – café'), ['1', '0', '–', 'é']);
});
