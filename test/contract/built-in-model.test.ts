/** The built-in model through this project's own code, against the official PyTorch code (test/fixtures/tiny-golden). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collate } from '../../src/engine/f5/collate.ts';
import { openModel } from '../../src/engine/f5/model-directory.ts';
import { F5Sessions } from '../../src/engine/f5/session.ts';
import { timeGrid } from '../../src/engine/f5/time-grid.ts';
import { createTokenizer } from '../../src/engine/f5/tokenizer.ts';
import { BUILT_IN, clip, golden, goldenArray, largestDifference } from '../unit/engine/f5/tiny-golden.ts';

test('from a clip and a text to samples, every stage equals the official code', async () => {
  const { description, directory, vocabulary } = await openModel(BUILT_IN);
  const { architecture, files, tokenizer } = description;
  const sessions = await F5Sessions.load({
    directory,
    weightsFile: files.weights.path,
    vocoderFile: files.vocoder.path,
    architecture,
    provider: 'cpu',
    precision: 'f32',
    threads: 1,
  });
  const { mel: prompt } = await sessions.mel([clip('voices/slt.wav')]);
  // The official front end was a numpy one there; quiet bins, as logarithms, feel its rounding.
  assert.ok(largestDifference(prompt, goldenArray('prompt-mel')) < 5e-4);

  const { promptFrames, duration, cfg, steps, sway } = golden;
  const times = timeGrid(steps, sway, { epss: description.sampling.epss });
  assert.ok(largestDifference(times, golden.timeGrid) < 1e-6);

  const tokens = createTokenizer(vocabulary, tokenizer.kind).tokenize(golden.transcript + golden.text).ids;
  const input = collate([{ promptMel: goldenArray('prompt-mel'), tokens, duration, cfg, seed: '0' }], sessions.melDim);
  input.noise.set(goldenArray('noise'));
  const mel = await sessions.sample({ ...input, times });
  const speech = (from: number) => mel.subarray(from * sessions.melDim, duration * sessions.melDim);
  mel.set(goldenArray('prompt-mel'));
  assert.ok(largestDifference(speech(promptFrames), goldenArray('mel')) < 1e-4);

  const [wave] = await sessions.vocode({
    batch: 1,
    frames: input.frames,
    mel,
    start: [promptFrames],
    length: [duration - promptFrames],
  });
  assert.ok(largestDifference(wave!, goldenArray('wav')) < 1e-4);
  await sessions.release();
});
