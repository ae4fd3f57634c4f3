import assert from 'node:assert/strict';
import { test } from 'node:test';
import { segmentText } from '../../src/text/segment-text.ts';
import { assertNothingLost, randomNumbers, randomText } from '../unit/text/random-text.ts';

test('whatever is not Markdown is text: nothing lost, never an error', () => {
  const next = randomNumbers(11);
  const marks = [
    '\n# ',
    '**',
    '[a](b)',
    '```',
    '\n- ',
    '\n| a |',
    '<b>',
    '<!--',
    '\n---\n',
    '[',
    '](',
    '\\*',
    '[pause 1s]',
    '\n> ',
  ];
  for (let round = 0; round < 1000; round += 1) {
    const text = Array.from(
      { length: 6 },
      () => randomText(next, 5) + (marks[Math.floor(next() * marks.length)] ?? ''),
    ).join('');
    const segments = segmentText(text, { language: 'en', markup: 'markdown', maxBytes: 60 });
    if (segments.length > 0)
      assertNothingLost(
        text,
        segments.map(({ written }) => written),
      );
    for (const { spoken: said } of segments) assert.ok(Buffer.byteLength(said) <= 60);
  }
});
