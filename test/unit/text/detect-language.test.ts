import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectLanguage } from '../../../src/text/detect-language.ts';

test('the script of most of what is said decides', () => {
  for (const [text, language] of [
    ['Hello there', 'en'],
    ['你好', 'zh'],
    ['我爱 New York 的秋天', 'zh'],
    ['He greeted us with 你好 as if nothing had happened', 'en'],
    ['Привет', 'en'],
    ['𠀀𠀁', 'zh'],
    ['123 😀 ...', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(detectLanguage(text), language, text);
  }
});
