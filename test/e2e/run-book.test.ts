/** A book to a folder: chapters are files, and what is edited or said otherwise is all that is synthesised again. */
import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { makeEpub } from '../support/make-epub.ts';
import { readNarration } from './narration.ts';
import { FAST, Workplace } from './narrator-process.ts';

interface Summary {
  readonly succeeded: number;
  readonly segments: number;
  readonly reusedSegments: number;
  readonly alreadyDone: boolean;
  readonly book: { readonly title: string; readonly leftOut: readonly { part: string; why: string }[] };
}

const book = (second: string) =>
  makeEpub({
    chapters: [
      { file: 'cover.xhtml', body: '<p>A cover.</p>' },
      { file: 'a.xhtml', body: '<h1>The Rain</h1><p>Rain in the evening.</p>' },
      { file: 'b.xhtml', body: `<h1>The Sun</h1><p>${second}</p>` },
    ],
    entries: [
      ['The Rain', 'a.xhtml'],
      ['The Sun', 'b.xhtml'],
    ],
  });

test('a book becomes a file a chapter; an edit and a lexicon cost the sentences that they change', async (t) => {
  const place = await Workplace.open(t);
  const write = (second: string) => writeFile(place.path('emma.epub'), book(second));
  const run = async (...flags: string[]) => {
    const summary = await place.json<Summary>(['run', 'emma.epub', '-o', 'out', ...FAST, ...flags]);
    assert.equal(summary.succeeded, 2);
    assert.deepEqual(summary.book.leftOut, [{ part: 'OEBPS/cover.xhtml', why: 'front matter' }]);
    return { made: summary.alreadyDone ? 0 : summary.segments - summary.reusedSegments, again: summary.alreadyDone };
  };
  await write('Green hills.');
  assert.deepEqual(await run(), { made: 4, again: false });
  const files = (await readdir(place.path('out'))).filter((name) => name.endsWith('.wav'));
  assert.deepEqual(files.sort(), ['01-the-rain.wav', '02-the-sun.wav']);
  assert.deepEqual(await run(), { made: 0, again: true });

  await write('Green fields.');
  assert.deepEqual(await run(), { made: 1, again: false });

  await place.write('names.pls', '<lexicon><lexeme><grapheme>rain</grapheme><alias>snow</alias></lexeme></lexicon>');
  assert.deepEqual(await run('--lexicon', 'names.pls'), { made: 2, again: false });
  const { segments } = (await readNarration(place.path('out/01-the-rain.wav'))).sidecar;
  assert.deepEqual(
    segments.map(({ text }) => text),
    ['# The Rain', 'Rain in the evening.'],
  );
  assert.deepEqual(await run(), { made: 0, again: false }, 'without it the stored segments are there');
});
