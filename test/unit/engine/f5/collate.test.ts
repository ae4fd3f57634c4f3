import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collate, totalFrames, type CollateItem } from '../../../../src/engine/f5/collate.ts';

const MEL = 4;

function item(duration: number, overrides: Partial<CollateItem> = {}): CollateItem {
  return {
    promptMel: new Float32Array(3 * MEL).fill(duration),
    tokens: [7, 8],
    duration,
    cfg: 2,
    seed: '5',
    ...overrides,
  };
}

test('every item is padded to the longest, in steps of 32 frames, and to 128 at least', () => {
  for (const [durations, frames] of [
    [[5], 128],
    [[128], 128],
    [[129, 20], 160],
    [[160], 160],
  ] as const) {
    assert.equal(
      collate(
        durations.map((each) => item(each)),
        MEL,
      ).frames,
      frames,
    );
  }
});

test('each row holds its own prompt, tokens and noise, and padding after them', () => {
  const { cond, text, textLength, noise, durations, cfg, batch } = collate(
    [item(10), item(20, { tokens: [1, 2, 3], seed: '6' })],
    MEL,
  );
  const stride = 128 * MEL;
  assert.equal(batch, 2);
  assert.deepEqual(durations, [10, 20]);
  assert.deepEqual(cfg, [2, 2]);
  assert.deepEqual([textLength, text], [3, [7, 8, -1, 1, 2, 3]]);
  assert.ok(cond.subarray(stride, stride + 3 * MEL).every((value) => value === 20));
  assert.ok(cond.subarray(3 * MEL, stride).every((value) => value === 0));
  assert.ok(noise.subarray(0, 10 * MEL).every((value) => value !== 0));
  assert.ok(noise.subarray(10 * MEL, stride).every((value) => value === 0));
});

test("an item's noise is the same alone and beside a longer one", () => {
  const alone = collate([item(10)], MEL).noise.subarray(0, 10 * MEL);
  const { noise, frames } = collate([item(300), item(10)], MEL);
  assert.deepEqual(noise.subarray(frames * MEL, frames * MEL + 10 * MEL), alone);
});

test('guidance is left out only when no item wants it', () => {
  assert.equal(collate([item(9, { cfg: 0 }), item(9, { cfg: 0 })], MEL).passes, 1);
  assert.equal(collate([item(9, { cfg: 0 }), item(9)], MEL).passes, 2);
});

test('there is a frame for each token, and one beyond the prompt', () => {
  assert.equal(totalFrames(300, 200, 301, 100), 500);
  assert.equal(totalFrames(300, 1, 301, 100), 302);
  assert.equal(totalFrames(300, 20, 301, 400), 401);
});
