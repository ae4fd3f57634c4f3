/**
 * Whatever stands in a text with markup: nothing is lost, segments are in bounds, and what cannot be understood is an error of the
 * item with its place. `TEXT_ROUNDS=100000 TEXT_SEED=7` looks longer, and elsewhere.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../src/core/errors.ts';
import type { Markup } from '../../src/core/manifest.ts';
import { spokenBytes } from '../../src/core/reading-override.ts';
import { voicesNamed } from '../../src/text/markup.ts';
import { segmentText } from '../../src/text/segment-text.ts';
import { assertNothingLost, randomNumbers, randomText } from '../unit/text/random-text.ts';

const ROUNDS = Math.ceil(Number(process.env['TEXT_ROUNDS'] ?? 10_000) / 5);
const SEED = Number(process.env['TEXT_SEED'] ?? 20240305);
const MAX_BYTES = 60;
const VOICES = new Map([
  ['anna', { language: 'en' }],
  ['mei', { language: 'zh' }],
  ['karl', { language: 'de' }],
]);

const MARKDOWN = ['\n# ', '**', '[a](b)', '```', '\n- ', '\n| a |', '<b>', '<!--', '\n---\n', '[', '](', '\\*', '\n> '];
const TAGS = [
  ...[
    '[pause 1s]',
    '[pause]',
    '[voice:anna]',
    '[voice:mei] ',
    '[voice]',
    '\n[karl] ',
    '\n[main]',
    '\n[zoe] ',
    '[/voice]',
  ],
  ...['[speed 0.8]', '[/speed]', '[spell]A-1[/spell]', '[spell]好b[/spell]', '\\[', '\n\n', '\r\n[anna]'],
];
const BROKEN_TAGS = ['[voice:zoe]', '[speed 9]', '[spell]', '[pause long]', '[/spell]', '[voice', '[/speed]'];
const ELEMENTS = [
  ...[
    '<p>',
    '</p>',
    '<s>',
    '</s>',
    '<break/>',
    '<break time="1s"/>',
    '<voice name="anna">',
    '<voice name="mei">',
    '</voice>',
  ],
  ...[
    '<prosody rate="slow">',
    '</prosody>',
    '<sub alias="x y">',
    '</sub>',
    '<lang xml:lang="zh">',
    '</lang>',
    '<audio/>',
  ],
  ...[
    '<say-as interpret-as="characters">',
    '<say-as interpret-as="date">',
    '</say-as>',
    '&amp;',
    '&#x4f60;',
    '&x;',
    '<!-- -->',
  ],
  ...[
    '<phoneme alphabet="pinyin" ph="hang2">行</phoneme>',
    '<![CDATA[a<b]]>',
    '<emphasis>',
    '</emphasis>',
    '\n',
    '<',
    '&',
    '>',
  ],
];

/** Most of them well-formed: elements are closed in their order. */
function randomSsml(next: () => number): string {
  const open: string[] = [];
  let text = '<speak>';
  for (let count = Math.floor(next() * 12); count > 0; count -= 1) {
    const element = ELEMENTS[Math.floor(next() * ELEMENTS.length)] ?? '';
    const name = /^<([a-z-]+)[^/]*>$/.exec(element)?.[1];
    if (name !== undefined) open.push(name);
    const isEnd = element.startsWith('</');
    const last = isEnd && next() < 0.95 ? open.pop() : undefined;
    text += isEnd && last !== undefined ? `</${last}>` : isEnd ? '' : element;
    text += next() < 0.9 ? randomText(next, 3).replace(/[<&\0]/g, '') : randomText(next, 3);
  }
  return `${text}${open
    .reverse()
    .map((name) => `</${name}>`)
    .join('')}</speak>`;
}

function randomTagged(next: () => number, marks: readonly string[]): string {
  return Array.from({ length: 6 }, () => randomText(next, 5) + (marks[Math.floor(next() * marks.length)] ?? '')).join(
    '',
  );
}

const KNOWN_ERRORS = ['item_invalid', 'voice_not_found'];

/** @returns whether the text could be read */
function check(text: string, markup: Markup): boolean {
  try {
    for (const { name } of voicesNamed(text, markup)) assert.ok(text.includes(name));
    const segments = segmentText(text, {
      language: 'auto',
      fallback: 'en',
      markup,
      maxBytes: MAX_BYTES,
      voices: VOICES,
    });
    if (segments.length > 0) {
      assertNothingLost(
        text,
        segments.map(({ written }) => written),
      );
    }
    for (const { spoken, voice, speed, pauseAfterMs } of segments) {
      assert.ok(spokenBytes(spoken) <= MAX_BYTES && /[\p{L}\p{N}]/u.test(spoken), JSON.stringify(spoken));
      assert.ok(voice === undefined || VOICES.has(voice));
      assert.ok(speed === undefined || speed === 0.8);
      assert.ok(pauseAfterMs >= 0 && pauseAfterMs <= 10_000);
    }
    return true;
  } catch (error) {
    if (!(error instanceof NarratorError) || !KNOWN_ERRORS.includes(error.code)) throw error;
    assert.match(error.message, /^Line \d+, column \d+ of the text /);
    return false;
  }
}

function forAnyMarkup(
  markup: Markup,
  seed: number,
  make: (next: () => number) => string,
): { read: number; refused: number } {
  const next = randomNumbers(seed);
  const count = { read: 0, refused: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const text = make(next);
    try {
      if (check(text, markup)) count.read += 1;
      else count.refused += 1;
    } catch (error) {
      throw new Error(`seed ${seed}, round ${round}: ${JSON.stringify(text)}`, { cause: error });
    }
  }
  return count;
}

test('whatever is not Markdown is text: nothing lost, never an error', (t) => {
  t.diagnostic(`seed ${SEED}, ${ROUNDS} rounds`);
  const { refused } = forAnyMarkup('markdown', SEED, (next) => randomTagged(next, [...MARKDOWN, '[pause 1s]']));
  assert.equal(refused, 0);
});

for (const markup of ['tags', 'markdown'] as const) {
  test(`tags in ${markup}, whole and broken: nothing lost, or an error with its place`, () => {
    const marks = markup === 'tags' ? TAGS : [...TAGS, ...MARKDOWN];
    const { read, refused } = forAnyMarkup(markup, SEED + 1, (next) =>
      randomTagged(next, next() < 0.2 ? [...marks, ...BROKEN_TAGS] : marks),
    );
    assert.ok(read > ROUNDS / 4 && refused > ROUNDS / 50, `${read} were read, ${refused} refused`);
  });
}

test('SSML, well-formed and not: nothing lost, or an error with its place', () => {
  const { read, refused } = forAnyMarkup('ssml', SEED + 2, randomSsml);
  assert.ok(read > ROUNDS / 10 && refused > ROUNDS / 10, `${read} were read, ${refused} refused`);
});
