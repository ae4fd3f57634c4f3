import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countErrors, words } from '../../../scripts/word-errors.ts';

test('substitutions, insertions and deletions each count one', () => {
  const reference = words('The old man told us a story.');
  assert.equal(countErrors(reference, words('the old man told us a story')), 0);
  assert.equal(countErrors(reference, words('the cold man told us a story')), 1);
  assert.equal(countErrors(reference, words('the man told us a story')), 1);
  assert.equal(countErrors(reference, words('the very old man told us a story')), 1);
  assert.equal(countErrors(reference, []), 7);
  assert.equal(countErrors([], words('noise is heard')), 3);
});

test('case, punctuation and curly apostrophes do not count as errors', () => {
  assert.deepEqual(words('“Don’t!” she said — twice.'), ["don't", 'she', 'said', 'twice']);
});
