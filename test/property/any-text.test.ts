/**
 * What holds for any text whatever. `TEXT_ROUNDS=1000000 TEXT_SEED=7 node --import tsx --test test/property/any-text.test.ts`
 * looks longer, and elsewhere.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readingPlaces, spokenBytes } from '../../src/core/reading-override.ts';
import { Lexicon } from '../../src/text/lexicon.ts';
import { normalise } from '../../src/text/normalise.ts';
import { segmentText } from '../../src/text/segment-text.ts';
import { assertNothingLost, randomNumbers, randomText } from '../unit/text/random-text.ts';

const ROUNDS = Number(process.env['TEXT_ROUNDS'] ?? 10_000);
const SEED = Number(process.env['TEXT_SEED'] ?? 20240305);

/** Calls `check` for each round; what fails names the seed and the case. */
function forAnyText(atomsMax: number, rounds: number, check: (text: string, round: number) => void): void {
  const next = randomNumbers(SEED);
  for (let round = 0; round < rounds; round += 1) {
    const text = randomText(next, atomsMax);
    try {
      check(text, round);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`seed ${SEED}, round ${round}: ${JSON.stringify(text)}: ${why}`, { cause: error });
    }
  }
}

const LANGUAGES = ['en', 'zh', 'auto', 'de', 'en-GB', 'zh-TW'] as const;
const LEVELS = ['full', 'full', 'full', 'basic', 'off'] as const;

test('nothing is lost, no segment is over the limit, no digit is left, pauses are in bounds', (t) => {
  t.diagnostic(`seed ${SEED}, ${ROUNDS} rounds`);
  const next = randomNumbers(SEED + 1);
  forAnyText(24, ROUNDS, (text, round) => {
    const language = LANGUAGES[round % LANGUAGES.length] ?? 'en';
    const level = LEVELS[round % LEVELS.length] ?? 'full';
    const emoji = round % 3 === 0 ? 'name' : 'drop';
    const maxBytes = 4 + Math.floor(next() * 100);
    const segments = segmentText(text, { language, maxBytes, normalise: level, emoji });
    if (segments.length > 0)
      assertNothingLost(
        text,
        segments.map(({ written }) => written),
      );
    segments.forEach(({ spoken, pauseAfterMs, language: tag }, index) => {
      // a reading counts as its word
      assert.ok(spokenBytes(spoken) <= maxBytes && /[\p{L}\p{N}]/u.test(spoken));
      assert.ok(spoken === spoken.trim() && !/\s{2}|[^\S ]/.test(spoken), JSON.stringify(spoken));
      assert.ok(pauseAfterMs < 1200 && (index < segments.length - 1 || pauseAfterMs === 0));
      // the digits of a reading are its tones
      if (level === 'full' && tag !== 'de' && !text.includes('hang2')) assert.doesNotMatch(spoken, /\p{N}/u);
    });
  });
});

/** The most that a rule makes of one character: '≤', 'less than or equal to'. */
const GROWTH_MAX = 24;

/** What depends on the words around it: an abbreviation before a number that becomes a word, capitals glued to signs. */
const OF_CONTEXT = /\p{L}\p{M}*[.．]|[.。．]\S|…[\s\p{P}\p{S}]*[.。]|:\/\/|@|NASA|FBI|𝐀|Ａ/u;

test('what is said is not longer than the rules make it, and said again stays the same', () => {
  forAnyText(12, ROUNDS / 2, (text, round) => {
    const language = LANGUAGES[round % 2] ?? 'en';
    const level = LEVELS[round % LEVELS.length] ?? 'full';
    const spoken = normalise(text, language, { normalise: level });
    assert.ok(spoken.length <= GROWTH_MAX * (text.length + 1), `${spoken.length} of ${text.length}`);
    if (level === 'full' && OF_CONTEXT.test(text)) return;
    assert.equal(normalise(spoken, language, { normalise: level }), spoken);
  });
});

const READINGS = [
  '{行|hang2}',
  '{重庆|chong2 qing4}',
  '{Python|pai4 sen1}',
  '{好|háo}',
  '{好|hao}',
  '{行|hang2',
  '|hang2}',
  '{a|b}',
  '{',
];
const LEXICON = new Lexicon([
  { written: 'word', spoken: 'sword' },
  { written: '北京', spoken: '{北京|bei3 jing1}' },
  { written: 'Room', spoken: 'a room of its own', language: 'en' },
  { written: 'NASA', spoken: 'nasa' },
]);

/** Random text with readings, whole and broken ones, strewn into it. */
function withReadings(text: string, next: () => number): string {
  const cut = Math.floor(next() * text.length);
  const reading = READINGS[Math.floor(next() * READINGS.length)] ?? '';
  return text.slice(0, cut) + reading + text.slice(cut) + reading;
}

test('readings survive whole, no cut falls into one, and a lexicon changes only what it names', () => {
  const next = randomNumbers(SEED + 2);
  forAnyText(12, ROUNDS, (random, round) => {
    const text = withReadings(random, next);
    const language = LANGUAGES[round % LANGUAGES.length] ?? 'en';
    const level = LEVELS[round % LEVELS.length] ?? 'full';
    const lexicon = round % 2 === 0 ? LEXICON : undefined;
    // the longest word above has 6 bytes, and so has every grapheme that is left whole
    const maxBytes = 6 + Math.floor(next() * 60);
    const segments = segmentText(text, { language, maxBytes, normalise: level, ...(lexicon && { lexicon }) });
    if (segments.length > 0)
      assertNothingLost(
        text,
        segments.map(({ written }) => written),
      );
    const spoken = segments.map((segment) => segment.spoken);
    for (const part of spoken) assert.ok(spokenBytes(part) <= maxBytes, JSON.stringify(part));
    const places = readingPlaces(text.replace(/\p{Cs}/gu, '\ufffd'));
    const said = spoken.flatMap((part) => readingPlaces(part).map(({ word }) => word));
    for (const { word } of places) if (/\p{L}/u.test(word)) assert.ok(said.includes(word), `${word} of ${said.join()}`);
    if (segments.every((segment) => segment.spoken === segment.written)) return;
    const again = segmentText(text, { language, maxBytes, normalise: level, ...(lexicon && { lexicon }) });
    assert.deepEqual(again, segments);
  });
});

test('a region decides dates and nothing else', () => {
  forAnyText(12, ROUNDS / 2, (text) => {
    const isDate = /\d[\p{P}\p{S}]\p{Nd}+[\p{P}\p{S}]\p{Nd}/u.test(text.normalize('NFKC'));
    if (!isDate) assert.equal(normalise(text, 'en-GB'), normalise(text, 'en'));
    assert.equal(normalise(text, 'en-US'), normalise(text, 'en'));
    assert.equal(normalise(text, 'zh-Hant-TW'), normalise(text, 'zh'));
  });
});
