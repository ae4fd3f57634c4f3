/** No rule may take quadratic time, whatever is repeated: a test that never ends is how this fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../src/core/errors.ts';
import { joinBlocks } from '../../src/text/html-blocks.ts';
import { htmlToMarkdown } from '../../src/text/html-to-markdown.ts';
import { readMarkdown } from '../../src/text/markdown.ts';
import { normalise } from '../../src/text/normalise.ts';
import { segmentText } from '../../src/text/segment-text.ts';
import { document } from '../support/make-epub.ts';

test('segmenting ends: 15,000 characters of what makes rules look far', () => {
  for (const unit of [
    "a'",
    'A.',
    '1,',
    '1.',
    '(',
    '— ',
    '. ',
    '," ',
    '+1234567890123456',
    '\n',
    '😀 ',
    '$1-',
    'https://a.b/',
    'x@',
    'x.y-',
    '1/',
    '1e',
    'I.',
    'M',
    '第IV',
    '你好. ',
    '¥1-',
    '…. ',
    '555-',
    '2024-',
    '911.',
    'xi ',
    'p. i-',
    '(i) ',
  ]) {
    const text = `${unit.repeat(Math.ceil(15_000 / unit.length))}~`;
    for (const { spoken: said } of segmentText(text, { language: 'en', maxBytes: 200 }))
      assert.ok(Buffer.byteLength(said) <= 200);
  }
});

test('addresses of any length end: 100,000 characters of hosts, paths, queries and mail without an end', () => {
  for (const [start, unit] of [
    ['https://a.b/', 'x'],
    ['https://a.b/', 'foo-bar/'],
    ['https://a.b/?', 'a=b&'],
    ['https://', 'a.'],
    ['', 'a.b-c_d+'],
    ['', 'x@'],
    ['x@', 'y'],
    ['x@', 'abc.'],
  ] as const) {
    const text = start + unit.repeat(Math.ceil(100_000 / unit.length));
    assert.ok(normalise(text, 'en').length > 0);
  }
});

test('reading Markdown ends: 20,000 characters of opened marks', () => {
  for (const unit of ['[', '[a](', '*', '_', '<a', '![', '`', '|-', '> ', '\\', '- ', '[pause', '~~~\n', '[a][']) {
    assert.equal(typeof readMarkdown(unit.repeat(Math.ceil(20_000 / unit.length))).text, 'string');
  }
});

test('reading tags and SSML ends: 50,000 characters of what is opened, switched and nested', () => {
  const voices = new Map([['anna', { language: 'en' }]]);
  const options = { language: 'auto', fallback: 'en', maxBytes: 200, voices } as const;
  const repeated = (unit: string) => unit.repeat(Math.ceil(50_000 / unit.length));
  for (const unit of [
    '[spell]',
    '[spell]a[/spell] is so it. 你好吗朋友。',
    '[voice:anna]a[voice]b ',
    '[speed 0.8]',
    '\n[anna]\n',
    '\n \t [',
    '[voice:',
    '[/voice]',
    '\\[',
  ]) {
    for (const markup of ['tags', 'markdown'] as const)
      assertEnds(() => segmentText(repeated(unit), { ...options, markup }));
  }
  for (const unit of [
    '<p>',
    '<emphasis>a</emphasis> ',
    '<voice name="anna">a</voice>b',
    '<say-as interpret-as="characters">a</say-as> is so it. 你好吗朋友。',
    '<sub alias="a">b</sub>\n',
    '<s>a</s>',
    '<break/>',
    '&amp;',
    '\n ',
    '<',
    '<!--',
    '<![CDATA[',
  ]) {
    assertEnds(() => segmentText(`<speak>${repeated(unit)}</speak>`, { ...options, markup: 'ssml' }));
  }
});

/** Segments or an error of the item, but an end. */
function assertEnds(read: () => readonly unknown[]): void {
  try {
    assert.ok(Array.isArray(read()));
  } catch (error) {
    assert.ok(error instanceof NarratorError && error.code === 'item_invalid', String(error));
  }
}

test('reading HTML ends, and loses no word: 10,000 elements, closed or not', () => {
  const count = 10_000;
  for (const part of ['<p>a', 'a</b>', 'a<sup>1</sup>', 'a<br/>', '<i> </i>a', 'a&', '<td>a']) {
    const text = joinBlocks(htmlToMarkdown(document(part.repeat(count)), 'a.xhtml').blocks);
    assert.equal(text.split('a').length - 1, count, part);
  }
});
