/** A book, whatever file it came in: chapters in the order in which they are read, as items of a manifest. */
import { NarratorError } from '../core/errors.ts';
import { type ManifestItemInput, MANIFEST_LIMITS } from '../core/manifest.ts';
import type { PartsRead } from './html-elements.ts';

export interface BookOptions extends PartsRead {
  /** documents that the book says are not part of its main order (`linear="no"`); left out by default */
  readonly nonLinear?: boolean;
}

export interface Chapter {
  readonly title: string;
  readonly text: string;
  readonly markup: 'none' | 'markdown';
}

/** Something of a book that is not read, and why. */
export interface LeftOut {
  /** file within the book, or its heading */
  readonly part: string;
  readonly why: 'front matter' | 'notes' | 'not in the reading order' | 'no text';
}

export interface Book {
  readonly title?: string;
  readonly authors: readonly string[];
  /** BCP 47 */
  readonly language?: string;
  /** none of them without a letter or digit */
  readonly chapters: readonly Chapter[];
  readonly leftOut: readonly LeftOut[];
}

/** An item may have as much; its line in a manifest holds its id and metadata besides, and escapes. */
const ITEM_LINE_BYTES = MANIFEST_LIMITS.lineBytesMax - 16 * 1024;
const SLUG_CHARACTERS_MAX = 40;
const METADATA_CHARACTERS_MAX = 512;
/** For other languages the rules differ: the book has to say so. English and Chinese are told apart sentence by sentence. */
const TOLD_BY_SCRIPT = ['en', 'zh'];

export interface ItemsOptions {
  /** what a book of a single chapter is called: the name of its file */
  readonly name: string;
  /** the caller has said which language it is */
  readonly hasLanguage?: boolean;
}

/**
 * One item a chapter, '01-the-beginning'; a chapter that is too long for one becomes several. The same book and options give the
 * same items.
 * @throws NarratorError book_invalid: there is nothing to read
 */
export function bookItems(book: Book, options: ItemsOptions): ManifestItemInput[] {
  const parts = book.chapters.flatMap(splitLong);
  if (parts.length === 0)
    throw bookError('has no text to be read', 'Nothing of it was left: look at what was left out.');
  const digits = Math.max(2, String(parts.length).length);
  return parts.map(({ title, text, markup }, index) => {
    const number = String(index + 1).padStart(digits, '0');
    const slug = slugOf(parts.length === 1 ? options.name : title);
    const id = parts.length > 1 || slug === '' ? [number, slug].filter(Boolean).join('-') : slug;
    return {
      id,
      text,
      // What a plain text is written in is for the caller to say.
      ...(markup !== 'none' && { markup }),
      ...languageOf(book, options),
      metadata: metadataOf(book, title, index + 1),
    };
  });
}

export function bookError(problem: string, hint?: string): NarratorError {
  return new NarratorError('book_invalid', `The book ${problem}.`, hint === undefined ? {} : { hint });
}

/** What is said of a text at least: a letter or a digit. */
export const hasWords = (text: string) => /[\p{L}\p{N}]/u.test(text);

function languageOf({ language }: Book, { hasLanguage }: ItemsOptions): { language?: string } {
  const primary = /^[A-Za-z]{2,3}(?=-|$)/.exec(language ?? '')?.[0].toLowerCase();
  return primary === undefined || hasLanguage === true || TOLD_BY_SCRIPT.includes(primary) ? {} : { language: primary };
}

function metadataOf(book: Book, title: string, number: number): Record<string, string> {
  const { authors, language } = book;
  const author = authors.length === 0 ? undefined : authors.join(', ');
  const all = { title, chapter: String(number), book: book.title, author, language };
  const given = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '');
  return Object.fromEntries(given.map(([name, value]) => [name, wholeCharacters(value, METADATA_CHARACTERS_MAX)]));
}

/** 'the-beginning' of 'The Beginning!'; letters of every script stay. */
function slugOf(title: string): string {
  const words =
    title
      .normalize('NFC')
      .toLowerCase()
      .replace(/['’]/g, '')
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  let slug = '';
  for (const word of words) {
    if (slug !== '' && slug.length + 1 + word.length > SLUG_CHARACTERS_MAX) break;
    slug += slug === '' ? wholeCharacters(word, SLUG_CHARACTERS_MAX) : `-${word}`;
  }
  return slug.replace(/^\p{M}+/u, '');
}

function wholeCharacters(text: string, length: number): string {
  return text.slice(0, length).replace(/[\ud800-\udbff]$/, '');
}

/** Between paragraphs; if one is too long by itself, it is the planner that says so. */
function splitLong(chapter: Chapter): Chapter[] {
  const lineBytes = (text: string) => Buffer.byteLength(JSON.stringify(text));
  if (fits(chapter.text, lineBytes(chapter.text))) return [chapter];
  const texts: string[] = [];
  let [text, bytes] = ['', 0];
  for (const paragraph of chapter.text.split(/(?<=\n)(?=\n*[^\n])/)) {
    const more = lineBytes(paragraph);
    if (text !== '' && !fits(text + paragraph, bytes + more)) {
      texts.push(text);
      [text, bytes] = ['', 0];
    }
    text += paragraph;
    bytes += more;
  }
  texts.push(text);
  return texts.filter(hasWords).map((part, index) => ({
    ...chapter,
    text: part,
    title: index === 0 ? chapter.title : `${chapter.title} (${index + 1})`,
  }));
}

function fits(text: string, bytes: number): boolean {
  return text.length <= MANIFEST_LIMITS.textCharactersMax && bytes <= ITEM_LINE_BYTES;
}
