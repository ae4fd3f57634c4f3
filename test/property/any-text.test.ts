/**
 * What holds for any text whatever. `TEXT_ROUNDS=1000000 TEXT_SEED=7 node --import tsx --test test/property/any-text.test.ts`
 * looks longer, and elsewhere.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
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
      throw new Error(`seed ${SEED}, round ${round}: ${JSON.stringify(text)}`, { cause: error });
    }
  }
}

const LANGUAGES = ['en', 'zh', 'auto', 'de'] as const;
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
      assert.ok(Buffer.byteLength(spoken) <= maxBytes && /[\p{L}\p{N}]/u.test(spoken));
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
