import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectLanguage, languageRuns } from '../../../src/text/detect-language.ts';

test('the script of most of what is said decides', () => {
  for (const [text, language] of [
    ['Hello there', 'en'],
    ['你好', 'zh'],
    ['我爱 New York 的秋天', 'zh'],
    ['He greeted us with 你好 as if nothing had happened', 'en'],
    ['Привет', 'other'],
    ['これは日本語です', 'other'],
    ['𠀀𠀁', 'zh'],
    ['123 😀 ...', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(detectLanguage(text), language, text);
  }
});

const runs = (text: string, fallback: string): string[] =>
  languageRuns(text, fallback).map(({ start, end, language }) => `${language}:${text.slice(start, end)}`);

test('a paragraph changes its language between sentences, not for a word or two', () => {
  for (const [text, fallback, expected] of [
    ['He said hello to us. 然后他走了5公里。', 'en', ['en:He said hello to us.', 'zh: 然后他走了5公里。']],
    ['他走了。OK. 我们也走。', 'en', ['zh:他走了。OK. 我们也走。']],
    ['Dr. 王先生今年5岁。', 'en', ['zh:Dr. 王先生今年5岁。']],
    ['It is late. He said 你好 to me.', 'zh', ['en:It is late. He said 你好 to me.']],
    ['12', 'zh', ['zh:12']],
  ] as const) {
    assert.deepEqual(runs(text, fallback), expected);
  }
});

test('what is neither English nor Chinese has the language that the voice has', () => {
  assert.deepEqual(runs('Привет, мир.', 'en'), ['en:Привет, мир.']);
  assert.deepEqual(runs('Guten Tag. 你好世界。', 'de'), ['de:Guten Tag. 你好世界。']);
  assert.deepEqual(runs('日本です。', 'ja'), ['ja:日本です。']);
});

test('the parts are the paragraph, also where it is nothing but marks', () => {
  for (const text of ['。。。！？', 'a。b！c？d', '你. 好. 吗. abc def ghi. 你好吗我很好', '你']) {
    assert.equal(
      languageRuns(text, 'en')
        .map(({ start, end }) => text.slice(start, end))
        .join(''),
      text,
    );
  }
});
