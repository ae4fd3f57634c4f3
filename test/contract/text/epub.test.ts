import assert from 'node:assert/strict';
import { test } from 'node:test';
import { strToU8, unzipSync } from 'fflate';
import type { Book, BookOptions } from '../../../src/text/book.ts';
import { resolveHref } from '../../../src/text/epub-package.ts';
import { readEpub } from '../../../src/text/epub.ts';
import { document, type EpubSpec, makeEpub } from '../../support/make-epub.ts';

const read = (spec: EpubSpec, options?: BookOptions): Promise<Book> => {
  const files = unzipSync(makeEpub(spec));
  return readEpub({ read: (name) => Promise.resolve(files[name]) }, options);
};
const texts = async (spec: EpubSpec, options?: BookOptions) =>
  (await read(spec, options)).chapters.map(({ title, text }) => [title, text]);
const refused = (spec: EpubSpec, message: RegExp, code = 'book_invalid') =>
  assert.rejects(read(spec), { code, message });

const two = [
  { file: 'a.xhtml', body: '<h1>One</h1><p>First.</p>' },
  { file: 'b.xhtml', body: '<h1>Two</h1><p>Second.</p>' },
];

test('chapters come in the order of the spine, with titles of nav or ncx', async () => {
  for (const toc of ['nav', 'ncx'] as const) {
    const book = await read({
      chapters: two,
      toc,
      entries: [
        ['Second &amp; last', 'b.xhtml'],
        ['The first', 'a.xhtml#top'],
      ],
    });
    assert.deepEqual(
      book.chapters.map(({ title, text, markup }) => [title, text, markup]),
      [
        ['The first', '# One\n\nFirst.', 'markdown'],
        ['Second & last', '# Two\n\nSecond.', 'markdown'],
      ],
    );
    assert.deepEqual(
      [book.title, book.authors, book.language, book.leftOut],
      ['The Test Book', ['Ann Author', 'Bob'], 'en', []],
    );
  }
});

test('without a table of contents each document is a chapter, called by its heading or its title', async () => {
  const chapters = [
    ...two,
    { file: 'c.xhtml', body: '<html><head><title>Third</title></head><body><p>No heading.</p></body></html>' },
    { file: 'd.xhtml', body: '<p>Neither.</p>' },
  ];
  const found = await texts({ chapters, toc: 'none' });
  assert.deepEqual(
    found.map(([title]) => title),
    ['One', 'Two', 'Third', 'Part 4'],
  );
  assert.deepEqual(found[2], ['Third', 'No heading.']);
});

test('a chapter in several documents is one, several chapters in one document are several', async () => {
  const chapters = [
    {
      file: 'a.xhtml',
      body: '<p id="x">Before.</p><h2 id="c1">One</h2><p>1.</p><h3 id="s">Section</h3><p>1.1</p><h2 id="c2">Two</h2><p>2.</p>',
    },
    { file: 'b.xhtml', body: '<p>2, goes on.</p>' },
    { file: 'c.xhtml', body: '<h1>Appendix</h1><p>A.</p>' },
  ];
  const entries = [
    ['One', 'a.xhtml#c1', [['Section', 'a.xhtml#s']]],
    ['Two', 'a.xhtml#c2'],
  ] as const;
  assert.deepEqual(await texts({ chapters, entries }), [
    ['Part 1', 'Before.'],
    ['One', '## One\n\n1.\n\n### Section\n\n1.1'],
    ['Two', '## Two\n\n2.\n\n2, goes on.'],
    ['Appendix', '# Appendix\n\nA.'],
  ]);
});

test('a title that stands in the table only is told, one that stands in the text is not told twice', async () => {
  const chapters = [
    { file: 'a.xhtml', body: '<div><img src="title.png" alt="x"/></div><p>Words.</p>' },
    { file: 'b.xhtml', body: '<p class="title">CHAPTER&#160;II</p><p>The Well*</p><p>Words.</p>' },
  ];
  const entries = [
    ['The Mill*', 'a.xhtml'],
    ['Chapter II: The Well', 'b.xhtml'],
  ] as const;
  assert.deepEqual(await texts({ chapters, entries }), [
    ['The Mill*', '# The Mill\\*\n\nWords.'],
    ['Chapter II: The Well', 'CHAPTER\u00a0II\n\nThe Well\\*\n\nWords.'],
  ]);
});

test('front matter, notes and what is not linear are left out, named, and read on request', async () => {
  const spec: EpubSpec = {
    chapters: [
      { file: 'cover.xhtml', body: '<p>Cover text</p>' },
      { file: 'x1.xhtml', body: '<section epub:type="copyright-page"><p>All rights</p></section>' },
      { file: 'nav.xhtml', body: '' },
      { file: 'x2.xhtml', body: '<h1>Acknowledgements</h1><p>Thanks.</p>' },
      ...two,
      { file: 'n.xhtml', body: '<section epub:type="endnotes"><p>A note</p></section>' },
      { file: 'side.xhtml', body: '<p>Aside</p>', linear: 'no' },
      { file: 'x3.xhtml', body: '<p>Apple, 3</p>' },
      { file: 'picture.xhtml', body: '<img src="a.png" alt="x"/>' },
    ],
    entries: [
      ['Thanks', 'x2.xhtml'],
      ['One', 'a.xhtml'],
      ['Two', 'b.xhtml'],
      ['Index', 'x3.xhtml'],
    ],
  };
  const book = await read(spec);
  assert.deepEqual(
    book.chapters.map(({ title }) => title),
    ['Thanks', 'One', 'Two'],
  );
  assert.deepEqual(
    book.leftOut.map(({ part, why }) => `${part.replace('OEBPS/', '')}: ${why}`),
    [
      'cover.xhtml: front matter',
      'x1.xhtml: front matter',
      'nav.xhtml: front matter',
      'n.xhtml: notes',
      'side.xhtml: not in the reading order',
      'x3.xhtml: front matter',
      'picture.xhtml: no text',
    ],
  );
  const all = await read(spec, { frontMatter: true, notes: true, nonLinear: true });
  assert.equal(all.leftOut.length, 1);
  assert.match(all.chapters.map(({ text }) => text).join(' '), /Cover text.*All rights.*A note.*Aside.*Apple, 3/s);
});

test('the guide of EPUB 2 says what is front matter', async () => {
  const more =
    '<guide><reference type="Title-Page" title="t" href="a.xhtml#x"/><reference type="text" href="b.xhtml"/></guide>';
  assert.deepEqual(
    (await texts({ chapters: two, toc: 'ncx', more })).map(([title]) => title),
    ['Chapter 2'],
  );
});

test('paths are those of the links: encoded, in other folders, above and below', async () => {
  const chapters = [
    { file: 'text/Kapitel 1 – ä.xhtml', body: '<p>One.</p>' },
    { file: '../other/b&amp;c.xhtml'.replace('&amp;', ''), body: '<p>Two.</p>' },
  ];
  for (const folder of ['', 'OEBPS', 'a/b c']) {
    if (folder === '') chapters.pop();
    const files = folder === 'OEBPS' ? { 'other/bc.xhtml': document('<p>Two.</p>') } : {};
    const spec = {
      chapters: folder === 'OEBPS' ? [chapters[0]!, { file: '../other/bc.xhtml', body: '' }] : [chapters[0]!],
      folder,
      files,
    };
    const found = await texts(spec);
    assert.deepEqual(found[0], ['Chapter 1', '# Chapter 1\n\nOne.']);
    if (folder === 'OEBPS') assert.deepEqual(found[1], ['Chapter 2', '# Chapter 2\n\nTwo.']);
  }
  const target = (href: string) => resolveHref('OEBPS/text/a.xhtml', href);
  assert.deepEqual(target('#n%201'), { path: 'OEBPS/text/a.xhtml', fragment: 'n 1' });
  assert.deepEqual(target('../b%2Fc.xhtml?x=1#d'), { path: 'OEBPS/b/c.xhtml', fragment: 'd' });
  assert.deepEqual(target('/x/./100%.xhtml'), { path: 'x/100%.xhtml', fragment: undefined });
  for (const href of ['https://example.com/a', '//x/a', 'data:text/html,x', '../../../a'])
    assert.equal(target(href), undefined);
});

test('documents may be in other encodings, if they say so', async () => {
  const utf16 = new Uint8Array(
    Buffer.from(
      '\ufeff<?xml version="1.0" encoding="utf-16"?><html><body><p>Zwölf – 十二</p></body></html>',
      'utf16le',
    ),
  );
  const latin1 = new Uint8Array(
    Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><html><body><p>Zw\u00f6lf</p></body></html>', 'latin1'),
  );
  const found = await texts({
    chapters: [
      { file: 'a.xhtml', body: utf16 },
      { file: 'b.xhtml', body: latin1 },
    ],
  });
  assert.deepEqual(
    found.map(([, text]) => text),
    ['# Chapter 1\n\nZwölf – 十二', '# Chapter 2\n\nZwölf'],
  );
  const broken = strToU8('<html><body><p>\xff</p></body></html>', true);
  await refused(
    { chapters: [{ file: 'a.xhtml', body: broken }] },
    /^OEBPS\/a\.xhtml is not valid UTF-8/,
    'encoding_invalid',
  );
});

test('a book that is protected is refused by name, disguised fonts are not protection', async () => {
  const encryption = (algorithm: string) => ({
    'META-INF/encryption.xml': `<encryption xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData><enc:EncryptionMethod Algorithm="${algorithm}"/><enc:CipherData><enc:CipherReference URI="OEBPS/a.xhtml"/></enc:CipherData></enc:EncryptedData></encryption>`,
  });
  const files = encryption('http://www.w3.org/2001/04/xmlenc#aes128-cbc');
  await refused({ chapters: two, files }, /is protected \(DRM\): OEBPS\/a\.xhtml is encrypted with .*aes128-cbc/);
  for (const algorithm of ['http://www.idpf.org/2008/embedding', 'http://ns.adobe.com/pdf/enc#RC']) {
    assert.equal((await read({ chapters: two, files: encryption(algorithm) })).chapters.length, 2);
  }
});

test('what is missing or malformed is named with its file and place', async () => {
  await refused({ chapters: two, files: { 'META-INF/container.xml': undefined } }, /has no META-INF\/container\.xml/);
  await refused({ chapters: two, files: { 'META-INF/container.xml': '<container/>' } }, /names none/);
  await refused({ chapters: two, files: { 'OEBPS/content.opf': undefined } }, /has no OEBPS\/content\.opf/);
  await refused(
    { chapters: two, files: { 'OEBPS/b.xhtml': undefined } },
    /has no OEBPS\/b\.xhtml, which its reading order in OEBPS\/content\.opf names/,
  );
  await refused({ chapters: [] }, /nothing in its reading order/);
  const opf = (spine: string) => ({ 'OEBPS/content.opf': `<package>\n<manifest/>\n<spine>${spine}</spine></package>` });
  await refused({ chapters: two, files: opf('<itemref idref="zz"/>') }, /names "zz" in line 3 of OEBPS\/content\.opf/);
  await refused(
    { chapters: two, files: opf('<itemref>') },
    /^Line 3, column \d+ of OEBPS\/content\.opf is not well-formed/,
    'item_invalid',
  );
  await refused(
    { chapters: two, toc: 'ncx', files: { 'OEBPS/toc.ncx': '<ncx>\n&x;' } },
    /^Line 2, column 3 of OEBPS\/toc\.ncx/,
    'item_invalid',
  );
});

test('a table of contents that is not there, or names what is not there, costs titles only', async () => {
  assert.deepEqual(
    (await texts({ chapters: two, files: { 'OEBPS/nav.xhtml': undefined } })).map(([title]) => title),
    ['One', 'Two'],
  );
  const entries = [
    ['Gone', 'gone.xhtml'],
    ['Web', 'https://example.com'],
    ['', 'a.xhtml#gone'],
  ] as const;
  assert.deepEqual(
    (await texts({ chapters: two, entries })).map(([title]) => title),
    ['One', 'Two'],
  );
});

test('three hundred chapters are three hundred chapters', async () => {
  const chapters = Array.from({ length: 300 }, (_, n) => ({ file: `c${n}.xhtml`, body: `<p>Text ${n}.</p>` }));
  const found = await texts({ chapters });
  assert.equal(found.length, 300);
  assert.deepEqual(found[299], ['Chapter 300', '# Chapter 300\n\nText 299.']);
});
