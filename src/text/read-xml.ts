/**
 * XML as a run of events with their places in the source. Well-formedness is enforced; nothing outside the text is ever read:
 * a document type may be named but not defined, and there are no entities but the five of XML itself and characters by number.
 */
import { SaxesParser } from 'saxes';
import { NarratorError } from '../core/errors.ts';

export interface XmlPlace {
  /** from 1 */
  readonly line: number;
  /** in UTF-16 units, from 1 */
  readonly column: number;
  /** in the source, in UTF-16 units, from 0 */
  readonly offset: number;
}

/** By name as written, with its prefix ('xml:lang'). Has no prototype. */
export type XmlAttributes = Readonly<Record<string, string>>;

/** What is thrown by a handler ends the reading. Names are as written, with their prefix; see localName. */
export interface XmlHandler {
  /** @param at of its '<' */
  open(name: string, attributes: XmlAttributes, at: XmlPlace): void;
  /**
   * A run inside the root element. One call or several for a text: character i of `text` stands at `at.offset + i` of the source,
   * but an entity, a character by number and a line break of two characters are calls of their own.
   */
  text(text: string, at: XmlPlace): void;
  /** @param at of the '<' of the closing tag, or of an empty element's own */
  close(name: string, at: XmlPlace): void;
}

export interface XmlLimits {
  readonly charactersMax: number;
  /** elements within each other */
  readonly depthMax: number;
  readonly elementsMax: number;
  /** what messages call the source: 'the text', 'OEBPS/toc.ncx' */
  readonly source?: string;
}

const ATTRIBUTES_MAX = 100;
const CDATA_START = '<![CDATA['.length;
const CDATA_END = ']]>'.length;
/** Source characters that stand for one character. Within CDATA an '&' is itself. */
const NOT_ONE_FOR_ONE = { text: /&[^;]*;|\r\n/g, cdata: /\r\n/g };

/** @throws NarratorError item_invalid that names line and column: not well-formed, past a limit, or a document type with definitions */
export function readXml(source: string, handler: XmlHandler, limits: XmlLimits): void {
  const { charactersMax, depthMax, elementsMax, source: name = 'the text' } = limits;
  const fail = (offset: number, problem: string): never => {
    throw xmlError(places.at(offset), problem, name);
  };
  const places = new Places(source);
  if (source.length > charactersMax) {
    fail(charactersMax, `is past the limit of ${charactersMax} characters; there are ${source.length}`);
  }
  const parser = new SaxesParser({ xmlns: false, position: false, forceXMLVersion: true, defaultXMLVersion: '1.0' });
  let depth = 0;
  let elements = 0;
  let attributes = 0;
  /** where the element that is being opened begins */
  let start = 0;
  /** of what was reported last */
  let end = 0;

  const text = (decoded: string, from: number, to: number, kind: 'text' | 'cdata'): void => {
    if (depth === 0) return;
    let at = 0;
    let origin = from;
    const run = (length: number): void => {
      if (length > 0) handler.text(decoded.slice(at, at + length), places.at(origin));
      at += length;
      origin += length;
    };
    for (const { 0: written, index } of source.slice(from, to).matchAll(NOT_ONE_FOR_ONE[kind])) {
      run(from + index - origin);
      const character = String.fromCodePoint(decoded.codePointAt(at) ?? 0xfffd);
      handler.text(character, places.at(origin));
      at += character.length;
      origin += written.length;
    }
    run(to - origin);
  };

  parser.on('error', (error) => fail(parser.position - 1, `is not well-formed XML: ${error.message}`));
  parser.on('doctype', (definition) => {
    if (definition.includes('['))
      fail(parser.position - 1, 'ends a document type with definitions, which are not read');
  });
  parser.on('opentagstart', () => {
    start = source.lastIndexOf('<', parser.position - 1);
    attributes = 0;
    depth += 1;
    elements += 1;
    if (depth > depthMax) fail(start, `is ${depth} elements deep; the limit is ${depthMax}`);
    if (elements > elementsMax) fail(start, `is past the limit of ${elementsMax} elements`);
  });
  parser.on('attribute', () => {
    attributes += 1;
    if (attributes > ATTRIBUTES_MAX) fail(start, `has an element with more than ${ATTRIBUTES_MAX} attributes`);
  });
  parser.on('opentag', (tag) => {
    end = parser.position;
    handler.open(tag.name, tag.attributes, places.at(start));
  });
  parser.on('closetag', (tag) => {
    end = parser.position;
    handler.close(tag.name, places.at(source.lastIndexOf('<', end - 1)));
    depth -= 1;
  });
  // The parser has read the '<' behind a text, and the first two of the three characters that end a comment.
  parser.on('text', (decoded) => {
    const from = end;
    end = parser.position - 1;
    text(decoded, from, end, 'text');
  });
  parser.on('comment', () => {
    end = parser.position + 1;
  });
  parser.on('processinginstruction', () => {
    end = parser.position;
  });
  parser.on('cdata', (decoded) => {
    const from = end + CDATA_START;
    end = parser.position;
    text(decoded, from, end - CDATA_END, 'cdata');
  });
  parser.write(source).close();
}

/** 'title' of 'dc:title' */
export function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** An error at a place of an XML text: 'Line 3, column 7 of the text …'. */
export function xmlError(at: XmlPlace, problem: string, source = 'the text', hint?: string): NarratorError {
  return new NarratorError('item_invalid', `Line ${at.line}, column ${at.column} of ${source} ${problem}.`, {
    hint: hint ?? 'Correct it at that place.',
  });
}

/** Lines and columns of offsets that mostly ascend, counted from the last one. */
class Places {
  readonly #source: string;
  #line = 1;
  #lineStart = 0;
  #offset = 0;

  constructor(source: string) {
    this.#source = source;
  }

  at(wanted: number): XmlPlace {
    const offset = Math.min(Math.max(wanted, 0), this.#source.length);
    if (offset < this.#offset) {
      this.#line = 1;
      this.#lineStart = 0;
      this.#offset = 0;
    }
    for (; this.#offset < offset; this.#offset += 1) {
      const unit = this.#source.charCodeAt(this.#offset);
      if (unit === 0x0a || (unit === 0x0d && this.#source.charCodeAt(this.#offset + 1) !== 0x0a)) {
        this.#line += 1;
        this.#lineStart = this.#offset + 1;
      }
    }
    return { line: this.#line, column: offset - this.#lineStart + 1, offset };
  }
}
