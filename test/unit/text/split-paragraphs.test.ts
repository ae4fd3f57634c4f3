import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitParagraphs } from '../../../src/text/split-paragraphs.ts';

const paragraphs = (text: string): string[] => splitParagraphs(text).map(({ start, end }) => text.slice(start, end));

test('empty lines, of whatever line break and white space, end paragraphs', () => {
  assert.deepEqual(paragraphs('  one \r\n \t\r\n\r\ntwo\u2029\u2029three\n'), ['one', 'two', 'three']);
  assert.deepEqual(paragraphs(' \n \n'), []);
});

test('a list, verse and one paragraph a line stay apart; wrapped lines come together', () => {
  assert.deepEqual(paragraphs('first\nsecond\nthird'), ['first', 'second', 'third']);
  const wrapped =
    'A paragraph that somebody wrapped by hand at some\nfifty columns, as was the habit of a whole century\nof letters.';
  assert.deepEqual(paragraphs(wrapped), [wrapped]);
  const long = `${'word '.repeat(60)}end.`;
  assert.deepEqual(paragraphs(`${long}\n${long}`), [long, long]);
});

test('a hundred thousand lines are no trouble', () => {
  assert.equal(paragraphs('line\n'.repeat(100_000)).length, 100_000);
});
