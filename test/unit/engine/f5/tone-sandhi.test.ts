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
  ['一定', 'yi2 ding4', 'yi2 ding4'],
  ['一份', 'yi1 fen4', 'yi1 fen4'],
  ['三不知', 'san1 bu2 zhi1', 'san1 bu4 zhi1'],
  ['不一样', 'bu4 yi2 yang4', 'bu4 yi2 yang4'],
  ['看不起', 'kan4 bu qi3', 'kan4 bu qi3'],
  ['许可证', 'xu3 ke3 zheng4', 'xu3 ke3 zheng4'],
  ['北斗七星', 'bei3 dou3 qi1 xing1', 'bei3 dou3 qi1 xing1'],
  ['辗转反侧', 'zhan3 zhuan3 fan3 ce4', 'zhan3 zhuan3 fan3 ce4'],
  ['伸手不见五指', 'shen1 shou3 bu4 jian4 wu3 zhi3', 'shen1 shou2 bu2 jian4 wu3 zhi3'],
  ['你追我赶', 'ni3 zhui1 wo3 gan3', 'ni2 zhui1 wo3 gan3'],
  ['九九九九', 'jiu3 jiu3 jiu3 jiu3', 'jiu2 jiu2 jiu2 jiu3'],
  ['一起', 'yi1 qi3', 'yi4 qi3'],
  ['统一', 'tong3 yi1', 'tong3 yi1'],
  ['妈妈', 'ma1 ma', 'ma1 ma'],
] as const) {
  test(`${word} is read ${expected}`, () => {
    assert.equal(applyToneSandhi([...word], readings.split(' ')).join(' '), expected);
  });
}
