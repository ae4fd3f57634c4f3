import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOverrides } from '../../../../src/core/reading-override.ts';
import { tokenizeText } from '../../../../src/engine/f5/tokenizer.ts';

const spoken = (text: string) =>
  tokenizeText(text, 'pinyin')
    .map(({ token }) => token)
    .join('|');

for (const [text, tokens] of [
  ['银{行|xing2}', ' |yin2| |xing2'],
  ['{重庆|chong2 qing4}很大', ' |chong2| |qing4| |hen3| |da4'],
  ['{好好|hao3 hao3}', ' |hao3| |hao3'],
  ['{女|nǚ}{女|nü3}{女|nu:3}{女|NV3}', ' |nv3| |nv3| |nv3| |nv3'],
  ['好{的|de5}', ' |hao3| |de'],
  ['学{Python|pai4 sen1}吧', ' |xue2| |pai4| |sen1| |ba'],
  ['{一|yi1}；{二|er4}', ' |yi1|；| |er4'],
] as const) {
  test(`${text} is said as it asks`, () => assert.equal(spoken(text), tokens));
}

test('the words around an override are read as if the word stood there alone', () => {
  assert.equal(spoken('我在{银|yin1}行工作'), spoken('我在银行工作').replace('yin2', 'yin1'));
  assert.equal(spoken('use {AI|ai1} now'), spoken('use 爱 now').replace('ai4', 'ai1'));
});

for (const text of [
  '{行}',
  '{行|}',
  '{行|hang}',
  '{行|hang2 li3}',
  '{|hang2}',
  '{a|b}',
  '{行|hang2',
  '{a行|a1}',
  '{行|h4ng}',
  '{行|háng2}',
  '{。|hao3}',
]) {
  test(`${text} is text like any other`, () => {
    assert.deepEqual(readOverrides(text), { text, overrides: [] });
  });
}

test('no half-open brace makes it quadratic', () => {
  const text = '{行|'.repeat(100_000);
  assert.equal(readOverrides(text).text, text);
});

test('a model without pinyin speaks the word', () => {
  assert.deepEqual(
    tokenizeText('{AI|ai1}', 'characters').map(({ token }) => token),
    ['A', 'I'],
  );
});
