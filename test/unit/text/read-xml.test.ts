import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../../src/core/errors.ts';
import { localName, readXml, type XmlLimits } from '../../../src/text/read-xml.ts';

const LIMITS: XmlLimits = { charactersMax: 10_000, depthMax: 5, elementsMax: 20 };

function events(source: string, limits = LIMITS): string[] {
  const seen: string[] = [];
  readXml(
    source,
    {
      open: (name, attributes, at) => {
        const written = Object.entries(attributes).map(([key, value]) => ` ${key}=${value}`);
        seen.push(`${at.line}:${at.column} <${name}${written.join('')}>`);
      },
      text: (text, at) => seen.push(`${at.line}:${at.column} ${JSON.stringify(text)}`),
      close: (name, at) => seen.push(`${at.line}:${at.column} </${name}>`),
    },
    limits,
  );
  return seen;
}

const refused = (source: string, message: RegExp, limits = LIMITS) => {
  assert.throws(
    () => events(source, limits),
    (error) => error instanceof NarratorError && error.code === 'item_invalid' && message.test(error.message),
    source.slice(0, 80),
  );
};

test('elements and texts come with their places', () => {
  assert.deepEqual(events('<?xml version="1.0"?>\n<a x="1">\n  <b:c/>é</a>'), [
    '2:1 <a x=1>',
    '2:10 "\\n  "',
    '3:3 <b:c>',
    '3:3 </b:c>',
    '3:9 "é"',
    '3:10 </a>',
  ]);
});

test('every character of a text has its place, behind entities, comments, instructions and character data too', () => {
  const source = '\ufeff<a>x&amp;y&#x1F600;z<!-- c - d -->p<?q r?>s\r\nt<![CDATA[<&amp;]]>u</a>';
  const places = new Map<number, string>();
  readXml(source, { open: () => {}, close: () => {}, text: (text, at) => places.set(at.offset, text) }, LIMITS);
  for (const [offset, text] of places) {
    const written = source.slice(offset, offset + text.length);
    if (text === '&' && written !== '&') assert.fail(`& at ${offset}`);
    if (text === '😀') assert.equal(source.slice(offset, offset + 9), '&#x1F600;');
    else if (text === '\n') assert.equal(source.slice(offset, offset + 2), '\r\n');
    else assert.equal(written, text);
  }
  assert.equal([...places.values()].join(''), 'x&y😀zps\nt<&amp;u');
});

test('a document type may be named, not defined', () => {
  const ncx =
    '<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd"><ncx/>';
  assert.equal(events(ncx).length, 2);
  refused('<!DOCTYPE a [<!ENTITY b "c">]>\n<a>&b;</a>', /^Line 1, column \d+ of the text ends a document type/);
});

test('what is not well-formed is refused with its place', () => {
  refused('<a>\n <b></a>', /^Line 2, column \d+ of the text is not well-formed/);
  refused('<a>&nbsp;</a>', /^Line 1, column 9 .*undefined entity/);
  for (const source of [
    '',
    ' ',
    'text',
    '<a',
    '<a>',
    '<a/><b/>',
    '<a x=1/>',
    '<a x="1" x="2"/>',
    '<a>&constructor;</a>',
    '<a>]]></a>',
  ]) {
    refused(source, /^Line 1, column \d+ of the text is not well-formed/);
  }
});

test('depth, elements, attributes and length have limits', () => {
  refused('<a>'.repeat(6), /^Line 1, column 16 of the text is 6 elements deep; the limit is 5/);
  refused(`<a>${'<b/>'.repeat(20)}</a>`, /past the limit of 20 elements/);
  refused(`<a ${Array.from({ length: 101 }, (_, n) => `a${n}="1"`).join(' ')}/>`, /more than 100 attributes/);
  refused(`<a>${'x'.repeat(10_000)}</a>`, /past the limit of 10000 characters; there are 10007/);
  refused('<a', /of OEBPS\/toc\.ncx is not/, { ...LIMITS, source: 'OEBPS/toc.ncx' });
});

test('a prefix is not part of the local name', () => {
  assert.deepEqual(['dc:title', 'title'].map(localName), ['title', 'title']);
});
