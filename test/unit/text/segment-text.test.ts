import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../../src/core/errors.ts';
import { PAUSE_MS, segmentText } from '../../../src/text/segment-text.ts';
import { assertNothingLost } from './random-text.ts';

const bytes = (text: string): number => Buffer.byteLength(text);
const spoken = (text: string, maxBytes = 200, language = 'en'): string[] =>
  segmentText(text, { language, maxBytes }).map((segment) => segment.spoken);

test('sentences stay whole and whole sentences stay apart', () => {
  assert.deepEqual(
    spoken(
      'Dr. Smith arrived at 3.14 p.m. with Mrs. J. K. Jones, as usual. He said nothing about it to anybody at all, e.g. to us.',
    ),
    [
      'Doctor Smith arrived at three fourteen p.m. with Missus J K Jones, as usual.',
      'He said nothing about it to anybody at all, for example to us.',
    ].map((sentence) => sentence.replace('p.m.', 'P.M')),
  );
});

test('what follows a quotation in lower case belongs to it', () => {
  assert.deepEqual(
    spoken('"Stop!" cried the old man who lived by the harbour wall. "Who goes there?" he asked again.', 60),
    ['"Stop!" cried the old man who lived by the harbour wall.', '"Who goes there?" he asked again.'],
  );
});

test('a sentence that begins with a number is a sentence', () => {
  const first = 'The first of the two sentences is long enough to stand alone.';
  assert.equal(spoken(`${first} 1984 was the year in which the second one was written down.`).length, 2);
});

test('short sentences join their neighbour within the paragraph, never across', () => {
  assert.deepEqual(spoken('Yes. No. Why not? Because.\n\nWell.'), ['Yes. No. Why not? Because.', 'Well.']);
  assert.deepEqual(spoken('This sentence is long enough to be spoken by itself, I think. Really.'), [
    'This sentence is long enough to be spoken by itself, I think. Really.',
  ]);
});

test('a long sentence is cut at clauses before words, in balanced pieces', () => {
  const clauses =
    'When the tide had gone out, the children ran down to the sand, and nobody called them back, for it was summer.';
  const pieces = spoken(clauses, 60);
  assert.ok(pieces.length === 3 && pieces.every((piece) => /[,.]$/.test(piece)), pieces.join(' | '));
  const words = spoken('one two three four five six seven eight nine ten eleven', 50);
  assert.equal(words.length, 2);
  assert.ok(Math.abs(bytes(words[0] ?? '') - bytes(words[1] ?? '')) < 12, words.join(' | '));
});

test('no piece of a cut sentence is a single word at its tail', () => {
  for (let count = 10; count < 60; count += 1) {
    const pieces = spoken('word '.repeat(count).trim(), 48);
    assert.ok(
      pieces.every((piece) => piece.split(' ').length >= 3),
      pieces.join(' | '),
    );
  }
});

test('a word as long as the limit is not cut', () => {
  assert.deepEqual(spoken('hello world', 5), ['hello', 'world']);
});

test('5,000 characters without punctuation or spaces keep the limit', () => {
  for (const [unit, language] of [
    ['a', 'en'],
    ['word ', 'en'],
    ['7', 'en'],
    ['是', 'zh'],
    ['👨‍👩‍👧‍👦', 'en'],
    ['e\u0301', 'de'],
    ['ก', 'th'],
    ['𠀀', 'zh'],
  ] as const) {
    const text = unit.repeat(Math.ceil(5000 / unit.length));
    const segments = segmentText(text, { language, maxBytes: 120 });
    assert.ok(segments.every((segment) => bytes(segment.spoken) <= 120));
    if (unit !== '👨‍👩‍👧‍👦')
      assertNothingLost(
        text,
        segments.map((segment) => segment.written),
      );
  }
});

test('Chinese without punctuation is cut between words', () => {
  const pieces = spoken('我们明天早上一起去北京大学图书馆看书学习然后回家吃晚饭', 45, 'zh');
  assert.ok(pieces.length > 1 && pieces.every((piece) => !piece.endsWith('图') && !piece.endsWith('北')));
});

test('a grapheme longer than the limit is cut between its characters', () => {
  const zalgo = `e${'\u0301'.repeat(40)}`;
  const segments = segmentText(zalgo, { language: 'fr', maxBytes: 16 });
  assert.ok(segments.length > 1 || bytes(segments[0]?.spoken ?? '') <= 16);
  assert.ok(segments.every((segment) => bytes(segment.spoken) <= 16));
});

test('silence follows by what ended: clause, sentence, paragraph, nothing', () => {
  const sentence = 'A sentence which is just long enough to stand on its own.';
  const pauses = segmentText(`${sentence} ${sentence}\n\n${sentence}`, { language: 'en', maxBytes: 80 });
  assert.deepEqual(
    pauses.map((segment) => segment.pauseAfterMs),
    [PAUSE_MS.sentence, PAUSE_MS.paragraph, 0],
  );
  const clause = segmentText('When all the children had gone home, the dogs came out to look.', {
    language: 'en',
    maxBytes: 40,
  });
  assert.deepEqual(
    clause.map((segment) => segment.pauseAfterMs),
    [PAUSE_MS.clause, 0],
  );
});

test('a line break is a space in wrapped text and a paragraph elsewhere', () => {
  const wrapped =
    'The harbour lay quiet under a thin grey rain, and the\nboats that had come in before dawn were still tied up\nat the wall.';
  assert.equal(spoken(wrapped).length, 1);
  assert.deepEqual(spoken('Chapter 1\nIt was raining.'), ['Chapter one', 'It was raining.']);
});

test('written is what the client wrote, spoken is what is said', () => {
  const [segment] = segmentText('  “It’s 5 km…” 😀 ', { language: 'en', maxBytes: 100 });
  assert.equal(segment?.written, '“It’s 5 km…” 😀');
  assert.equal(segment?.spoken, '"It\'s five kilometers..."');
});

test('auto speaks each paragraph in its own language', () => {
  const segments = segmentText('It is 5 in the afternoon.\n\n现在5点。\n\n12', { language: 'auto', maxBytes: 100 });
  assert.deepEqual(
    segments.map(({ language, spoken: said }) => [language, said]),
    [
      ['en', 'It is five in the afternoon.'],
      ['zh', '现在五点。'],
      ['en', 'Twelve'],
    ],
  );
});

test('nothing to say gives no segment', () => {
  for (const text of ['', ' \n\t', '😀🎉', '...', '— * —', '\ud800', '\u200b\ufeff'])
    assert.deepEqual(spoken(text), []);
});

test('characters that say nothing stay in written, with the neighbour', () => {
  const segments = segmentText('First paragraph.\n\n😀 ***\n\nSecond paragraph.', { language: 'en', maxBytes: 100 });
  assert.deepEqual(
    segments.map(({ written }) => written),
    ['First paragraph.\n\n😀 ***', 'Second paragraph.'],
  );
});

test('a limit that leaves no room is refused by name', () => {
  for (const maxBytes of [0, 3, Number.NaN]) {
    assert.throws(
      () => segmentText('Hello', { language: 'en', maxBytes }),
      (error) => error instanceof NarratorError && error.code === 'voice_invalid',
    );
  }
});
