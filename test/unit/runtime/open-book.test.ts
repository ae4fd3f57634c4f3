import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readManifest } from '../../../src/core/manifest-reader.ts';
import { isBook, openSourceFile, readBook } from '../../../src/runtime/open-book.ts';
import { makeEpub, withFile, zip } from '../../support/make-epub.ts';

const epub = makeEpub({
  chapters: [
    { file: 'a.xhtml', body: '<h1>The Beginning</h1><p>It was night.</p>' },
    { file: 'cover.xhtml', body: '<p>A cover</p>' },
    { file: 'b.xhtml', body: '<p>It was day.</p>' },
  ],
  entries: [
    ['The Beginning', 'a.xhtml'],
    ['The End', 'b.xhtml'],
  ],
});

test('a book is a manifest: the same one every time, in which every line is a good item', async () => {
  await withFile('emma.epub', epub, async (path) => {
    const [first, again] = [await openSourceFile(path), await openSourceFile(path)];
    assert.equal(await first.digest(), await again.digest());
    const entries = [];
    for await (const entry of readManifest(first.read(), first.format)) entries.push(entry);
    assert.deepEqual(
      entries.map((entry) => 'item' in entry && [entry.item.id, entry.item.output, entry.item.markup]),
      [
        ['01-the-beginning', '01-the-beginning.wav', 'markdown'],
        ['02-the-end', '02-the-end.wav', 'markdown'],
      ],
    );
    assert.equal(first.book?.leftOut.length, 1);
    const all = await openSourceFile(path, { frontMatter: true });
    assert.notEqual(await all.digest(), await first.digest());
  });
});

test('Markdown and plain text are books, named by their files where they are one chapter', async () => {
  const idsOf = (name: string, text: string | Uint8Array) =>
    withFile(name, text, async (path) => (await readBook(path)).items.map(({ id }) => id));
  assert.deepEqual(await idsOf('Notes.MD', '# A\n\na\n\n# B\n\nb'), ['01-a', '02-b']);
  assert.deepEqual(await idsOf('My letter.txt', 'Dear all,'), ['my-letter']);
  assert.deepEqual(await idsOf('x.txt', new Uint8Array(Buffer.from('\ufeffzwölf', 'utf16le'))), ['x']);
  const markups = await withFile('a.txt', 'x', async (path) =>
    (await readBook(path)).items.map(({ markup }) => markup),
  );
  assert.deepEqual(markups, [undefined], 'whoever hands it in may say what it is written in');
  assert.deepEqual(['a.epub', 'a.TXT', 'a.jsonl', 'a.csv', 'a'].map(isBook), [true, true, false, false, false]);
});

test('errors name the book, the file in it, and the place', async () => {
  const refused = (name: string, bytes: string | Uint8Array, error: { code: string; message: RegExp }) =>
    withFile(name, bytes, (path) => assert.rejects(openSourceFile(path), error));
  const code = 'book_invalid';
  await refused('a.epub', 'no archive', { code, message: /a\.epub: The book is no ZIP archive/ });
  const container = '<container>\n<rootfile full-path="x"></container>';
  await refused('a.epub', zip({ 'META-INF/container.xml': container }), {
    code,
    message: /a\.epub: Line 2, column \d+ of META-INF\/container\.xml is not well-formed/,
  });
  await refused('a.md', '***', { code, message: /a\.md: The book has no text to be read/ });
  await refused('a.txt', Buffer.from([0xff, 0x41]), { code: 'encoding_invalid', message: /a\.txt: .*UTF-8/ });
  await assert.rejects(openSourceFile('/nowhere/a.epub'), { code, message: /nowhere\/a\.epub: .*cannot be read/ });
  await withFile('x', '', async (path) => {
    const folder = join(dirname(path), 'folder.epub');
    await mkdir(folder);
    await assert.rejects(openSourceFile(folder), { code, message: /folder\.epub: .*is no file/ });
  });
  await assert.rejects(readBook('/nowhere/a.pdf'), { code, message: /ends in none of/ });
});

test('a language that the caller names outweighs that of the book', async () => {
  const french = makeEpub({ chapters: [{ file: 'a.xhtml', body: '<p>Bonjour.</p>' }], language: 'fr-CA' });
  await withFile('a.epub', french, async (path) => {
    assert.equal((await readBook(path)).items[0]?.language, 'fr');
    assert.equal((await readBook(path, { language: 'en' })).items[0]?.language, undefined);
  });
});
