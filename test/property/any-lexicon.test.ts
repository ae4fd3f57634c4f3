import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spokenBytes } from '../../src/core/reading-override.ts';
import { Lexicon } from '../../src/text/lexicon.ts';
import { segmentText } from '../../src/text/segment-text.ts';
import { assertNothingLost, randomNumbers, randomText } from '../unit/text/random-text.ts';

const WORDS = ['gif', 'New York Times', "O'Brien", 'Dr. No', '行长'];
const LEXICON = new Lexicon(
  WORDS.map((written) => ({ written, spoken: written === '行长' ? '{行|hang2}长' : 'the paper' })),
);

test('no text is lost or breaks it, whatever stands beside its words', () => {
  const next = randomNumbers(5);
  for (let round = 0; round < 2000; round += 1) {
    const text = Array.from(
      { length: 4 },
      () => randomText(next, 5) + (WORDS[Math.floor(next() * WORDS.length)] ?? ''),
    ).join('');
    const language = ['en', 'zh', 'fr'][round % 3] ?? 'en';
    const segments = segmentText(text, { language, maxBytes: 60, lexicon: LEXICON });
    assertNothingLost(
      text,
      segments.map(({ written }) => written),
    );
    for (const { spoken } of segments) assert.ok(spokenBytes(spoken) <= 60);
  }
});

test('spellings of one word that differ in case only do not make it slow', () => {
  const spelling = (n: number) => Array.from({ length: 14 }, (_, bit) => ((n >> bit) & 1 ? 'A' : 'a')).join('');
  const lexicon = new Lexicon(
    Array.from({ length: 2 ** 14 }, (_, n) => ({ written: spelling(n), spoken: `x${n}`, matchCase: true })),
  );
  assert.equal(lexicon.size, 2 ** 14);
  assert.deepEqual(lexicon.matches(spelling(77), 'en'), [{ start: 0, end: 14, spoken: 'x77' }]);
});
