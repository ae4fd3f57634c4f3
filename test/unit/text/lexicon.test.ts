import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../../src/core/errors.ts';
import { Lexicon, type LexiconEntry } from '../../../src/text/lexicon.ts';
import { normalise } from '../../../src/text/normalise.ts';
import { parseLexicon } from '../../../src/text/parse-lexicon.ts';
import { segmentText } from '../../../src/text/segment-text.ts';
import { assertNothingLost, randomNumbers, randomText } from './random-text.ts';

const ENTRIES: readonly LexiconEntry[] = [
  { written: 'gif', spoken: 'jif' },
  { written: 'Polish', spoken: 'Poe-lish' },
  { written: 'New York', spoken: 'the city' },
  { written: 'New York Times', spoken: 'the paper' },
  { written: "O'Brien", spoken: 'Oh Brian' },
  { written: 'Dr. No', spoken: 'Doctor No' },
  { written: 'GB', spoken: 'gig' },
  { written: 'Paris', spoken: 'Paree', language: 'fr' },
  { written: 'chat', spoken: 'shah', language: 'fr' },
  { written: 'chat', spoken: 'tchat' },
  { written: '行长', spoken: '{行|hang2}长', language: 'zh' },
];
const LEXICON = new Lexicon(ENTRIES);

test('a word of the lexicon is said as the lexicon says', () => {
  for (const [language, written, spoken] of [
    ['en', 'A gif, a GIF.', 'A jif, a jif.'],
    ['en', 'Polish and polish', 'Poe-lish and polish'],
    ['en', 'gifs are no word of it', 'gifs are no word of it'],
    ['en', 'the New York Times of New York', 'the the paper of the city'],
    ['en', 'O’Brien saw Dr. No on 5/3/2024', 'Oh Brian saw Doctor No on May third, twenty twenty-four'],
    ['en', 'with 5 GB', 'with five gig'],
    ['en', 'Paris, chat', 'Paris, tchat'],
    ['fr', 'Paris, chat', 'Paree, shah'],
    ['zh', '银行行长来了3次', '银行{行|hang2}长来了三次'],
  ] as const) {
    assert.equal(normalise(written, language, { lexicon: LEXICON }), spoken);
  }
});

test('also where nothing is normalised', () => {
  assert.equal(normalise('5 gif — now', 'en', { lexicon: LEXICON, normalise: 'off' }), '5 jif — now');
});

test('only the segments that it changes are spoken anew', () => {
  const text = `${'This sentence is long enough to be spoken by itself, I think. '.repeat(3)}It has a gif in it, and it is long enough as well.`;
  const options = { language: 'en', maxBytes: 100 };
  const without = segmentText(text, options).map(({ spoken }) => spoken);
  const within = segmentText(text, { ...options, lexicon: LEXICON });
  assert.deepEqual(
    within.map(({ spoken }, index) => spoken === without[index]),
    [true, true, true, false],
  );
  assertNothingLost(
    text,
    within.map(({ written }) => written),
  );
});

test('its digest is that of what it says, in any order', () => {
  assert.equal(new Lexicon([...ENTRIES].reverse()).digest, LEXICON.digest);
  assert.notEqual(new Lexicon([...ENTRIES, { written: 'x', spoken: 'y' }]).digest, LEXICON.digest);
  assert.equal(new Lexicon([...ENTRIES, { written: 'gif', spoken: 'jif' }]).size, ENTRIES.length);
});

test('no text is lost or breaks it, whatever stands beside its words', () => {
  const next = randomNumbers(5);
  for (let round = 0; round < 500; round += 1) {
    const words = ENTRIES.map(({ written }) => written);
    const text = Array.from(
      { length: 4 },
      () => randomText(next, 5) + (words[Math.floor(next() * words.length)] ?? ''),
    ).join('');
    const language = ['en', 'zh', 'fr'][round % 3] ?? 'en';
    const segments = segmentText(text, { language, maxBytes: 60, lexicon: LEXICON });
    assertNothingLost(
      text,
      segments.map(({ written }) => written),
    );
    for (const { spoken } of segments) assert.ok(Buffer.byteLength(spoken) <= 60);
  }
});

test('lexicons come as JSON and as CSV', () => {
  const expected = new Lexicon([
    { written: 'SQL', spoken: 'sequel' },
    { written: 'a, b', spoken: 'a "b"', language: 'en', matchCase: true },
  ]);
  const rows = [
    { written: 'SQL', spoken: 'sequel' },
    { written: 'a, b', spoken: 'a "b"', language: 'en-GB', matchCase: true },
  ];
  const csv =
    '\ufeffwritten,spoken,language,matchCase\r\n# a remark\r\nSQL,sequel,,\r\n"a, b","a ""b""",en-GB,true\r\n';
  assert.equal(parseLexicon(JSON.stringify(rows), 'json').digest, expected.digest);
  assert.equal(parseLexicon(csv, 'csv').digest, expected.digest);
  assert.equal(
    parseLexicon('{"SQL": "sequel"}', 'json').digest,
    new Lexicon([{ written: 'SQL', spoken: 'sequel' }]).digest,
  );
});

test('what is wrong with a lexicon is said by entry and field', () => {
  for (const [text, format, message] of [
    ['{', 'json', /is not JSON/],
    ['5', 'json', /neither an object nor an array/],
    ['[5]', 'json', /entry 1 is not an object/],
    ['{"a": 5}', 'json', /entry 1: spoken must be a string/],
    ['{" ": "x"}', 'json', /entry 1: written is empty/],
    ['[{"written": "a", "spoken": "b", "lang": "en"}]', 'json', /entry 1 has a field "lang"/],
    ['[{"written": "a", "spoken": "b", "language": 5}]', 'json', /entry 1: language/],
    [`{"${'a'.repeat(201)}": "x"}`, 'json', /201 characters; the limit is 200/],
    ['written,spoken\na,"b', 'csv', /CSV in line 2/],
    ['written,spoken\na,b,c', 'csv', /CSV in line 2/],
    ['written,spoken,matchCase\na,b,maybe', 'csv', /line 2: matchCase/],
  ] as const) {
    assert.throws(
      () => parseLexicon(text, format),
      (error) => error instanceof NarratorError && error.code === 'config_invalid' && message.test(error.message),
      String(message),
    );
  }
});
