import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MANIFEST_LIMITS, manifestItemSchema } from '../../../src/core/manifest.ts';
import { type Book, bookItems } from '../../../src/text/book.ts';
import { readMarkdownBook } from '../../../src/text/markdown-book.ts';
import { readPlainBook } from '../../../src/text/plain-book.ts';

const bookOf = (chapters: readonly (readonly [title: string, text: string])[], about: Partial<Book> = {}): Book => ({
  authors: [],
  leftOut: [],
  ...about,
  chapters: chapters.map(([title, text]) => ({ title, text, markup: 'markdown' })),
});
const items = (book: Book) => bookItems(book, { name: 'my-book' });
const ids = (titles: readonly string[]) => items(bookOf(titles.map((title) => [title, 'text']))).map(({ id }) => id);
const parts = (book: Book) => book.chapters.map(({ title, text }) => [title, text.trim()]);

test('items are named by number and title, in any script, and every name is a usable one', () => {
  assert.deepEqual(ids(['The Beginning!', 'Chapter 2: L’été', '第一章 开始', '???', '']), [
    '01-the-beginning',
    '02-chapter-2-lété',
    '03-第一章-开始',
    '04',
    '05',
  ]);
  const hostile = ['../..', 'a/b\\c', '\u0301x', 'CON', '😀', 'x'.repeat(500), 'word '.repeat(100), '\ud800'];
  for (const item of items(bookOf(hostile.map((title) => [title, 'text'])))) {
    assert.equal(manifestItemSchema.safeParse(item).success, true, item.id);
    assert.ok(item.id.length <= 50, item.id);
  }
  assert.equal(ids(Array.from({ length: 120 }, () => 'a'))[0], '001-a');
  assert.deepEqual(ids(['A single one']), ['my-book']);
});

test('items carry title, number, book, authors and language; a language without rules of its own is set', () => {
  const about = { title: 'B', authors: ['X', 'Y'] };
  const [english] = items(bookOf([['T', 'x']], { ...about, language: 'en-GB' }));
  assert.deepEqual(english?.metadata, { title: 'T', chapter: '1', book: 'B', author: 'X, Y', language: 'en-GB' });
  assert.equal(english?.language, undefined);
  const french = bookOf([['T', 'x']], { language: 'fr' });
  assert.equal(items(french)[0]?.language, 'fr');
  assert.equal(bookItems(french, { name: 'b', hasLanguage: true })[0]?.language, undefined);
  assert.equal(items(bookOf([['T', 'x']], { language: '../x' }))[0]?.language, undefined);
});

test('a chapter longer than an item may be becomes several, between paragraphs, and nothing is lost', () => {
  const paragraph = `${'字'.repeat(999)}\n\n`;
  const text = paragraph.repeat(1000);
  const split = items(bookOf([['Long', text]]));
  assert.deepEqual(
    split.map(({ id }) => id),
    ['01-long', '02-long-2', '03-long-3'],
  );
  assert.equal(split.map((item) => item.text).join(''), text);
  for (const item of split) assert.ok(Buffer.byteLength(JSON.stringify(item)) <= MANIFEST_LIMITS.lineBytesMax);
});

test('a book without a word is an error', () => {
  assert.throws(() => items(bookOf([])), { code: 'book_invalid' });
});

test('Markdown: one chapter a heading of the highest level that has several', () => {
  const source =
    '---\ntitle: x\n---\n\n# Book\n\nIntro.\n\n## One *and* [more](x) ##\n\ntext\n\n### Section\n\n```\n## no heading\n```\n\n<!-- ## none\n## none -->\n\nTwo\n---\n\nend';
  const book = readMarkdownBook(source);
  assert.equal(book.title, 'Book');
  assert.deepEqual(
    book.chapters.map(({ title }) => title),
    ['Book', 'One and more', 'Two'],
  );
  assert.equal(book.chapters.map(({ text }) => text).join(''), source);
  assert.deepEqual(parts(readMarkdownBook('No heading at all.')), [['Beginning', 'No heading at all.']]);
  assert.deepEqual(
    readMarkdownBook('\ufeff# A\n\na\n\n# B\n\nb').chapters.map(({ title }) => title),
    ['A', 'B'],
  );
  assert.deepEqual(readMarkdownBook('---\na: b\n---\n<!-- c -->\n# A\nx\n# B\ny').leftOut, [
    { part: 'Beginning', why: 'no text' },
  ]);
});

test('plain text: chapters begin at lines that stand alone and are called so', () => {
  const source =
    'Alice\n\nContents\n\nCHAPTER I. Down\nCHAPTER II. The Pool\n\n\nPART ONE\n\nCHAPTER I.\n\nShe fell.\n\n  Chapter II: The Pool\r\n\r\nShe wept.\n\nChapter three was never written.\n\nEPILOGUE\n\nEnd.';
  assert.deepEqual(
    readPlainBook(source, 'alice').chapters.map(({ title }) => title),
    ['Beginning', 'CHAPTER I.', 'Chapter II: The Pool', 'EPILOGUE'],
  );
  assert.equal(
    readPlainBook(source, 'alice')
      .chapters.map(({ text }) => text)
      .join(''),
    source,
  );
  assert.deepEqual(parts(readPlainBook('第一章 开始\n\n他来了。\n\n第二章\n\n他走了。\n', 'x')), [
    ['第一章 开始', '第一章 开始\n\n他来了。'],
    ['第二章', '第二章\n\n他走了。'],
  ]);
  assert.deepEqual(parts(readPlainBook('Chapter 1\n\nOnly one.', 'short')), [['short', 'Chapter 1\n\nOnly one.']]);
});
