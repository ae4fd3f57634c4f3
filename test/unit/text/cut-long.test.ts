import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../../src/core/errors.ts';
import { readingPlaces, spokenBytes } from '../../../src/core/reading-override.ts';
import { cutLong } from '../../../src/text/cut-long.ts';
import { normalise, speak } from '../../../src/text/normalise.ts';

function pieces(written: string, maxBytes: number): string[] {
  const spoken = speak(written, 'zh');
  let start = 0;
  return cutLong(spoken, 0, spoken.text.length, maxBytes).map((end) => spoken.text.slice(start, (start = end)).trim());
}

test('a word with a reading of its own is never cut, however little room there is', () => {
  const text = '我们去{重庆|chong2 qing4}的{银行|yin2 hang2}取{Python|pai4 sen1}钱';
  for (let maxBytes = 6; maxBytes < 60; maxBytes += 1) {
    const parts = pieces(text, maxBytes);
    assert.equal(parts.join(''), text);
    for (const part of parts) {
      assert.ok(spokenBytes(part) <= maxBytes, `${part} in ${maxBytes}`);
      assert.equal(part.split('{').length - 1, readingPlaces(part).length, part);
    }
  }
});

test('the letters of a reading take no room: they take no time', () => {
  assert.deepEqual(pieces('{重庆|chong2 qing4}', 6), ['{重庆|chong2 qing4}']);
  assert.equal(spokenBytes('去{重庆|chong2 qing4}'), 9);
});

test('a word with a reading that has no room is an error that names it', () => {
  assert.throws(
    () => pieces('去{重庆火锅|chong2 qing4 huo3 guo1}', 11),
    (thrown) =>
      thrown instanceof NarratorError &&
      thrown.code === 'text_too_long' &&
      thrown.details.field === 'text' &&
      thrown.details.limit === 11 &&
      /重庆火锅.*12 bytes/.test(thrown.message),
  );
});

test('braces that hold no reading are text, and are cut like text', () => {
  assert.equal(normalise('{行|hang}', 'zh'), '行hang');
  assert.ok(pieces('{行行行行行行|x}'.repeat(4), 12).every((piece) => spokenBytes(piece) <= 12));
});

test('a reading may be written with wider spaces and with tone marks, in a text of any language', () => {
  assert.equal(normalise('say {好|hǎo}, café', 'en'), 'say {好|hǎo}, cafe');
  assert.equal(normalise('{重庆|chong2 \t qing4}', 'zh'), '{重庆|chong2 qing4}');
});
