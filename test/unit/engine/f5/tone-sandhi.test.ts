import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyToneSandhi } from '../../../../src/engine/f5/tone-sandhi.ts';

for (const [word, readings, expected] of [
  ['老鼠', 'lao3 shu3', 'lao2 shu3'],
  ['保管好', 'bao3 guan3 hao3', 'bao2 guan2 hao3'],
  ['老', 'lao3', 'lao3'],
  ['不是', 'bu4 shi4', 'bu2 shi4'],
  ['不同', 'bu4 tong2', 'bu4 tong2'],
  ['要不', 'yao4 bu2', 'yao4 bu4'],
  ['一定', 'yi1 ding4', 'yi2 ding4'],
  ['一起', 'yi1 qi3', 'yi4 qi3'],
  ['统一', 'tong3 yi1', 'tong3 yi1'],
  ['妈妈', 'ma1 ma', 'ma1 ma'],
] as const) {
  test(`${word} is read ${expected}`, () => {
    assert.equal(applyToneSandhi([...word], readings.split(' ')).join(' '), expected);
  });
}
