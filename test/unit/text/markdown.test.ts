import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../../src/core/errors.ts';
import { MARKDOWN_PAUSE_MS } from '../../../src/text/markdown.ts';
import { PAUSE_MS, segmentText } from '../../../src/text/segment-text.ts';
import { assertNothingLost } from './random-text.ts';

const options = { language: 'en', maxBytes: 200, markup: 'markdown' } as const;
const spoken = (text: string): string[] => segmentText(text, options).map((segment) => segment.spoken);

test('marks of Markdown are not said, and their text is', () => {
  for (const [written, said] of [
    ['# The *first* chapter ##', ['The first chapter']],
    ['Title\n=====\nText.', ['Title', 'Text.']],
    ['A **bold** and __strong__ snake_case `code` word.', ['A bold and strong snake case code word.']],
    ['See [the *docs*](https://example.com/a "t") and <https://example.com>.', ['See the docs and example dot com.']],
    ['![A cat](cat.png) sat.[^1]', ['A cat sat.']],
    ['Wrapped\nlines are one.', ['Wrapped lines are one.']],
    ['- one\n- [x] two\n* three\n\n1. four', ['One', 'Two', 'Three', 'One. four']],
    ['> quoted\n> text', ['Quoted text']],
    ['| a | b |\n|---|:-:|\n| 1 | 2 |', ['a, b', 'One, two']],
    ['a <br/> b \\*c\\*', ['a b c']],
    ['Before\n\n```js\nlet x = 1;\n```\n\nafter', ['Before', 'after']],
    ['---\ntitle: x\n---\nText', ['Text']],
    ['<!-- not\nthis -->\nText\n\n[1]: https://example.com', ['Text']],
  ] as const) {
    assert.deepEqual(
      spoken(written).map((one) => one.toLowerCase()),
      said.map((one) => one.toLowerCase()),
      written,
    );
  }
});

test('headings, items, rules and paragraphs differ in their pauses', () => {
  const segments = segmentText('# One\nTwo two.\n\n- three\n- four\n\n***\n\nFive', options);
  assert.deepEqual(
    segments.map(({ pauseAfterMs }) => pauseAfterMs),
    [MARKDOWN_PAUSE_MS.heading, PAUSE_MS.paragraph, MARKDOWN_PAUSE_MS.listItem, MARKDOWN_PAUSE_MS.rule, 0],
  );
});

test('a pause is as long as it says, and stands where it is written', () => {
  const segments = segmentText('He waited. [pause 2.5s] Then he [pause 100ms] spoke. [pause]\n\nYes.', options);
  assert.deepEqual(
    segments.map(({ spoken: said, pauseAfterMs }) => [said, pauseAfterMs]),
    [
      ['He waited.', 2500],
      ['Then he', 100],
      ['spoke.', 700],
      ['Yes.', 0],
    ],
  );
});

test('a pause that cannot be understood is an error with its place', () => {
  for (const [text, message] of [
    ['One\n\nA [pause long] b', /Line 3, column 3 of the text has \[pause long\], which is no pause/],
    ['[pause 11s]', /Line 1, column 1 of the text .* 11000 ms long; the limit is 10000 ms/],
  ] as const) {
    assert.throws(
      () => segmentText(text, options),
      (error) => error instanceof NarratorError && error.code === 'item_invalid' && message.test(error.message),
    );
  }
});

test('written is the source, with its marks', () => {
  const source =
    '# A **title** here\n\nThe [first](x) sentence of it is long enough. The *second* one is long enough as well.';
  const written = segmentText(source, { ...options, maxBytes: 60 }).map((segment) => segment.written);
  assertNothingLost(source, written);
  assert.equal(written.length, 3);
  assert.match(written[2] ?? '', /^The \*second\*/);
});
