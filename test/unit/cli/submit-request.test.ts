import assert from 'node:assert/strict';
import { test } from 'node:test';
import { submitRequest } from '../../../src/cli/submit-request.ts';
import { makeEpub, withFile } from '../../support/make-epub.ts';

const ITEM = { id: 'a', text: 'Hello.' };
const LEXICON = Array.from({ length: 300 }, (_, n) => ({ written: `word ${n}`, spoken: 'x' }));
const sent = (name: string, content: string | Uint8Array, options = {}, asked = {}) =>
  withFile(name, content, async (path) => {
    const { upload, ...request } = await submitRequest(path, options, asked);
    const chunks: Uint8Array[] = [];
    if (upload !== undefined) for await (const chunk of upload.open()) chunks.push(chunk);
    return { ...request, type: upload?.contentType, body: Buffer.concat(chunks).toString() };
  });

test('a book is sent as a manifest, one item a chapter', async () => {
  const book = makeEpub({
    chapters: [
      { file: 'a.xhtml', body: '<p>A.</p>' },
      { file: 'cover.xhtml', body: '<p>C</p>' },
      { file: 'b.xhtml', body: '<p>B.</p>' },
    ],
  });
  const { type, body, leftOut, query } = await sent('emma.epub', book, { priority: 2 });
  assert.deepEqual([type, query], ['application/x-ndjson', { options: '{"priority":2}' }]);
  const ids = body
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { id: string }).id);
  assert.deepEqual(ids, ['01-chapter-1', '02-chapter-3']);
  assert.deepEqual(leftOut, [{ part: 'OEBPS/cover.xhtml', why: 'front matter' }]);
  assert.deepEqual((await sent('emma.epub', book, {}, { frontMatter: true })).leftOut, []);
});

test('a manifest is sent as it is, with its options beside it', async () => {
  const manifest = `${JSON.stringify(ITEM)}\n`;
  assert.deepEqual(await sent('a.jsonl', manifest), { type: 'application/x-ndjson', body: manifest, leftOut: [] });
  assert.equal((await sent('a.csv', 'id,text\na,b\n', { reuse: false })).query?.['options'], '{"reuse":false}');
});

test('options that are too long to stand beside a manifest go with its items', async () => {
  const request = await sent('a.jsonl', `\ufeff${JSON.stringify(ITEM)}\n\n${JSON.stringify({ ...ITEM, id: 'b' })}`, {
    lexicon: LEXICON,
  });
  assert.deepEqual(request, {
    json: { lexicon: LEXICON, items: [ITEM, { ...ITEM, id: 'b' }] },
    type: undefined,
    body: '',
    leftOut: [],
  });
  await assert.rejects(sent('a.jsonl', `${JSON.stringify(ITEM)}\n{`, { lexicon: LEXICON }), {
    code: 'usage',
    message: /^Line 2 of .*a\.jsonl is not JSON/,
  });
  await assert.rejects(sent('a.csv', 'id,text\na,b', { lexicon: LEXICON }), { code: 'usage', message: /too long/ });
});

test('addresses are named, other files are texts', async () => {
  assert.deepEqual(await submitRequest('s3://b/a.jsonl', { priority: 1 }, {}), {
    json: { priority: 1, manifest: 's3://b/a.jsonl' },
    leftOut: [],
  });
  assert.deepEqual(await submitRequest('https://x.example/a.html?b', {}, {}), {
    json: { textUrl: 'https://x.example/a.html?b' },
    leftOut: [],
  });
  assert.deepEqual((await sent('letter', 'Dear all,')).json, { itemId: 'letter', text: 'Dear all,' });
  await assert.rejects(submitRequest('/nowhere/a.jsonl', {}, {}), { code: 'usage' });
});
