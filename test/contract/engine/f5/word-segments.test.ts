import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutWithoutDictionary, cutWords } from '../../../../src/engine/f5/word-segments.ts';

test('Chinese is cut by the dictionary', () => {
  assert.deepEqual(cutWords('我来到北京清华大学'), ['我', '来到', '北京', '清华大学']);
});

// As Python's jieba cuts them.
for (const [text, words] of [
  [
    "It's 3.14% of well-known facts...",
    ['It', "'", 's', ' ', '3.14%', ' ', 'of', ' ', 'well', '-', 'known', ' ', 'facts', '...'],
  ],
  ['ECMA-48, 95/98', ['ECMA', '-', '48', ',', ' ', '95', '/', '98']],
  ['C++, c# @ AT&T', ['C++', ',', ' ', 'c#', ' ', '@', ' ', 'AT&T']],
  ['a😀\n!?', ['a', '😀', '\n', '!', '?']],
  ['', []],
] as const) {
  test(`${JSON.stringify(text)} is cut without a dictionary`, () => {
    assert.deepEqual(cutWords(text), words);
    assert.equal(cutWithoutDictionary(text).join(''), text);
  });
}

for (const [text, words] of [
  ['设定为UTF-8，说明RFC-1144', ['设定', '为', 'UTF', '-', '8', '，', '说明', 'RFC', '-', '1144']],
  ['提高 10-25%的效能', ['提高', ' ', '10', '-', '25%', '的', '效能']],
  ['旧\\s-1UNIX\\s0核', ['旧', '\\', 's', '-', '1UNIX', '\\', 's0', '核']],
  ['学Python和C++', ['学', 'Python', '和', 'C++']],
  ['一件T恤', ['一件', 'T恤']],
] as const) {
  test(`${text} is cut as jieba does it: Latin words between Chinese ones as well`, () => {
    assert.deepEqual(cutWords(text), words);
  });
}

test('a long text without a break takes no quadratic time', () => {
  const text = 'a.1-'.repeat(250_000);
  assert.equal(cutWithoutDictionary(text).join('').length, text.length);
});
