import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pinyinTokens } from '../../../../src/engine/f5/pinyin.ts';

const spoken = (text: string) =>
  pinyinTokens(text)
    .map(({ token }) => token)
    .join('|');

// Expected values follow from upstream's convert_char_to_pinyin with jieba and pypinyin.
for (const [text, tokens] of [
  ['你好', ' |ni2| |hao3'],
  ['版权不是问题。', ' |ban3| |quan2| |bu2| |shi4| |wen4| |ti2|。'],
  ['一些例子', ' |yi4| |xie1| |li4| |zi'],
  ['来了', ' |lai2| |le'],
  ['女人', ' |nv3| |ren2'],
  ['重庆银行', ' |chong2| |qing4| |yin2| |hang2'],
  ['使用DNS服务', ' |shi3| |yong4| |D|N|S| |fu2| |wu4'],
  ['Hi there', 'H|i| |t|h|e|r|e'],
  ['well-known', 'w|e|l|l|-| |k|n|o|w|n'],
  ['it\'s "so"', 'i|t|\'|s| |"|s|o|"'],
  ['Wait...', 'W|a|i|t| |.|.|.'],
  ['é, ж', 'é|,| |ж'],
] as const) {
  test(`${text} is composed as upstream does it`, () => assert.equal(spoken(text), tokens));
}

test('no text makes it fail or lose a character, whatever Unicode it holds', () => {
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  const kinds = [
    () => String.fromCodePoint(0x4e00 + random(0x5200)),
    () => String.fromCodePoint(0x20000 + random(0xa000)),
    () => String.fromCodePoint(0x80 + random(0x2000)),
    () => String.fromCharCode(random(0x80)),
    () => [...'一不了〇々ー，。\u200d\ufeff'][random(10)]!,
  ];
  for (let round = 0; round < 2000; round++) {
    const text = Array.from({ length: random(24) }, () => kinds[random(kinds.length)]!()).join('');
    const characters = pinyinTokens(text).flatMap(({ character }) => character ?? []);
    assert.equal(characters.join(''), text);
  }
});

test('a half of a surrogate pair does no harm', () => {
  assert.equal(pinyinTokens('a\ud800b你\udc00').length, 6);
});
