import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NarratorError } from '../../../../src/core/errors.ts';
import { createTokenizer, parseVocabulary, tokenizeText } from '../../../../src/engine/f5/tokenizer.ts';
import { golden } from '../../../unit/engine/f5/tiny-golden.ts';
import { openModel } from '../../../../src/engine/f5/model-directory.ts';
import { BUILT_IN } from '../../../unit/engine/f5/tiny-golden.ts';

const LETTERS = parseVocabulary(' \na\nb\n,\n"\n\'\nni3\nhao3\nni2\n');

test('the built-in model gets the token ids that it was trained with', async () => {
  const { vocabulary } = await openModel(BUILT_IN);
  const { ids, unknown } = createTokenizer(vocabulary, 'characters').tokenize(golden.transcript + golden.text);
  assert.deepEqual(ids, golden.textIds);
  assert.deepEqual(unknown, []);
});

test('semicolons and curly quotes become what the model knows', () => {
  const { ids, unknown } = createTokenizer(LETTERS, 'characters').tokenize('a;“b” ‘a’');
  assert.deepEqual(ids, [1, 3, 4, 2, 4, 0, 5, 1, 5]);
  assert.deepEqual(unknown, []);
});

test('what the vocabulary lacks is spoken as a space and reported once, in order', () => {
  const { ids, unknown } = createTokenizer(LETTERS, 'characters').tokenize('a😀b7😀7');
  assert.deepEqual(ids, [1, 0, 2, 0, 0, 0]);
  assert.deepEqual(unknown, ['😀', '7']);
});

test('Chinese is reported by its character, not by its pinyin', () => {
  const tokenizer = createTokenizer(LETTERS, 'pinyin');
  assert.deepEqual(tokenizer.tokenize('你好'), { ids: [0, 8, 0, 7], unknown: [] });
  assert.deepEqual(tokenizer.tokenize('你们').unknown, ['们']);
});

test('a neutral syllable that the vocabulary lacks is spoken with its full tone', () => {
  const tokenizer = createTokenizer([' ', 'zhe4', 'ge4'], 'pinyin');
  assert.deepEqual(tokenizer.tokenize('这个'), { ids: [0, 1, 0, 2], unknown: [] });
});

test('a reading given in the text that the vocabulary lacks is reported by its word', () => {
  const tokenizer = createTokenizer([' ', 'ge4'], 'pinyin');
  assert.deepEqual(tokenizer.tokenize('{个|ge5}').ids, [0, 1]);
  assert.deepEqual(tokenizer.tokenize('{个|foo1}{个|foo5}').unknown, ['个']);
});

test('an empty text has no tokens', () => {
  assert.deepEqual(createTokenizer(LETTERS, 'pinyin').tokenize(''), { ids: [], unknown: [] });
});

test('a vocabulary file may end with or without a newline, and must begin with the space', () => {
  assert.deepEqual(parseVocabulary(' \na\n'), parseVocabulary(' \na'));
  for (const broken of ['', 'a\n \n', ' \r\na\r\n']) {
    assert.throws(
      () => parseVocabulary(broken),
      (thrown) => thrown instanceof NarratorError && thrown.code === 'model_invalid',
    );
  }
});

test('classical, colloquial, technical and mixed sentences have the tokens of the original cuts and rules', () => {
  const lines = readFileSync(join(import.meta.dirname, '../../../fixtures/pinyin/tokens.jsonl'), 'utf8')
    .trim()
    .split('\n');
  assert.ok(lines.length > 60);
  for (const line of lines) {
    const { text, tokens } = JSON.parse(line) as { text: string; tokens: string[] };
    assert.deepEqual(
      tokenizeText(text, 'pinyin').map(({ token }) => token),
      tokens,
      text,
    );
  }
});
