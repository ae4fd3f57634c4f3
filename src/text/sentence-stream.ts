/**
 * A text that is still being written, cut into what can be spoken already. Sentences end where segmentText would end them
 * (abbreviations, numbers and initials are words by then) and short ones are joined by its rule; nothing is given before what
 * follows can no longer change it. How the text was cut into chunks makes no difference.
 */
import { detectLanguage } from './detect-language.ts';
import { MarkdownStream } from './markdown-stream.ts';
import { speak } from './normalise.ts';
import { PAUSE_MS } from './pauses.ts';
import { JOIN_BYTES } from './segment-text.ts';
import { sentenceEnds } from './split-sentences.ts';

/** A sentence, several short ones, or a part of one that is very long. */
export interface Sentence {
  /** as it was written, less marks of Markdown and white space at its ends; white space inside is single */
  readonly text: string;
  /** silence that should follow it, in milliseconds; 0 behind the last one, and behind a cut that the text does not ask for */
  readonly pauseAfterMs: number;
}

export interface SentenceStreamOptions {
  /** 'markdown': marks are left out, code blocks and comments are not given. Default 'none' */
  readonly markup?: 'none' | 'markdown';
  /** longest sentence; a longer one is cut, behind a clause where there is one. Default 400, at least 40 */
  readonly maxCharacters?: number;
}

const MAX_CHARACTERS = { default: 400, least: 40 } as const;
/** A stream that gives no end to a sentence is looked at so far beyond the longest one. */
const LOOKAHEAD_CHARACTERS = 60;
/** A word behind the end, whole: 'No. ' ends a sentence, but not before '5', nor 'Dr. ' before a name. Han characters need one. */
const NEXT_WORD =
  /^\s*\S+\s|^\s*[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]*[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;
const SPEAKABLE = /[\p{L}\p{N}]/u;

interface Cut {
  /** behind what is given, and the white space that follows */
  readonly end: number;
  readonly pauseMs: number;
}

export class SentenceStream {
  readonly #markdown: MarkdownStream | undefined;
  readonly #maxCharacters: number;
  /** plain text that was not given yet */
  #rest = '';
  /** characters of its line that were given */
  #column = 0;
  /** '\r' may be half of a line break */
  #carriageReturn = '';

  /** @throws RangeError for `maxCharacters` below 40 */
  constructor({ markup = 'none', maxCharacters = MAX_CHARACTERS.default }: SentenceStreamOptions = {}) {
    if (!(maxCharacters >= MAX_CHARACTERS.least)) {
      throw new RangeError(`maxCharacters is ${maxCharacters}; it must be at least ${MAX_CHARACTERS.least}.`);
    }
    this.#markdown = markup === 'markdown' ? new MarkdownStream() : undefined;
    this.#maxCharacters = maxCharacters;
  }

  /** Is there something to say that waits for the end of its sentence? */
  get isHolding(): boolean {
    return SPEAKABLE.test(this.#rest);
  }

  /** @returns the sentences that are certain now */
  push(chunk: string): Sentence[] {
    const text = this.#carriageReturn + chunk;
    this.#carriageReturn = text.endsWith('\r') ? '\r' : '';
    const lines = text.slice(0, text.length - this.#carriageReturn.length).replaceAll(/\r\n?/g, '\n');
    this.#rest += this.#markdown?.push(lines) ?? lines;
    return this.#giveCertain(false);
  }

  /** What is held has waited long enough. @returns it, up to the last place for a cut; nothing if there is none */
  giveUp(): Sentence[] {
    const cut = lastPlace(this.#rest, 0);
    return cut === undefined ? [] : this.#take(cut);
  }

  /** @returns the rest */
  end(): Sentence[] {
    this.#rest += this.#markdown?.end() ?? '';
    const given = this.#giveCertain(true);
    const last = given.pop();
    return last === undefined ? [] : [...given, { ...last, pauseAfterMs: 0 }];
  }

  #giveCertain(isEnd: boolean): Sentence[] {
    const given: Sentence[] = [];
    for (;;) {
      const cut = this.#nextCut(isEnd);
      if (cut === undefined) return given;
      given.push(...this.#take(cut));
    }
  }

  #take({ end, pauseMs }: Cut): Sentence[] {
    const taken = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end);
    const lineStart = taken.lastIndexOf('\n') + 1;
    this.#column = taken.length - lineStart + (lineStart === 0 ? this.#column : 0);
    if (!SPEAKABLE.test(taken)) return [];
    return [{ text: taken.trim().replaceAll(/\s+/g, ' '), pauseAfterMs: pauseMs }];
  }

  /** Looks at a bounded part of what is held, so that the whole takes time linear in its length. */
  #nextCut(isEnd: boolean): Cut | undefined {
    const windowMax = this.#maxCharacters + LOOKAHEAD_CHARACTERS;
    const window = this.#rest.slice(0, windowMax);
    if (window === '') return undefined;
    const paragraph = paragraphEnd(window, this.#column, isEnd && window.length === this.#rest.length);
    const text = window.slice(0, paragraph?.textEnd);
    if (paragraph !== undefined && !SPEAKABLE.test(text)) return { end: paragraph.end, pauseMs: PAUSE_MS.paragraph };
    const end = joinedEnd(text, certainEnds(text, paragraph !== undefined), this.#maxCharacters);
    if (end !== undefined && end <= this.#maxCharacters) {
      const isLast = paragraph !== undefined && !SPEAKABLE.test(text.slice(end));
      return isLast ? { end: paragraph.end, pauseMs: PAUSE_MS.paragraph } : { end, pauseMs: PAUSE_MS.sentence };
    }
    if (paragraph === undefined && window.length < windowMax) return undefined;
    return longestPart(text, this.#maxCharacters);
  }
}

/** Lines between these lengths may be wrapped text, see split-paragraphs.ts; here the next line is not known as a whole. */
const WRAPPED_COLUMNS = { min: 40, max: 120 } as const;
const ENDS_SENTENCE = /[\p{Sentence_Terminal}:]["'\p{Pe}\p{Pf}]*$/u;
const STARTS_IN_LOWER_CASE = /^["'\p{Ps}\p{Pi}]*\p{Ll}/u;

/**
 * @param column characters of the first line that stood before
 * @returns where the text of the first paragraph ends, and the line break behind it; undefined if it may go on
 */
function paragraphEnd(text: string, column: number, isEnd: boolean): { textEnd: number; end: number } | undefined {
  let lineStart = -column;
  for (const { index, 0: space } of text.matchAll(/\n[^\S\n]*/g)) {
    const next = index + space.length;
    if (next === text.length) break;
    const columns = index - lineStart;
    const isWrapped =
      text.charAt(next) !== '\n' &&
      columns >= WRAPPED_COLUMNS.min &&
      columns <= WRAPPED_COLUMNS.max &&
      (!ENDS_SENTENCE.test(text.slice(Math.max(0, index - 4), index)) || STARTS_IN_LOWER_CASE.test(text.slice(next)));
    if (!isWrapped) return { textEnd: index, end: next };
    lineStart = index + 1;
  }
  return isEnd ? { textEnd: text.length, end: text.length } : undefined;
}

/** Sentence ends of a paragraph that nothing can change any more. */
function* certainEnds(text: string, isComplete: boolean): Generator<number> {
  const spoken = speak(text, detectLanguage(text) ?? 'en');
  for (const end of sentenceEnds(spoken.text)) {
    const isLast = end === spoken.text.length;
    const written = isLast ? text.length : spoken.writtenOffset(end, text);
    if (!isComplete && (isLast || !NEXT_WORD.test(text.slice(written)))) return;
    yield written;
  }
}

/** The end of the first sentence and those that are joined to it; undefined if another may have to be. */
function joinedEnd(text: string, ends: Iterable<number>, maxCharacters: number): number | undefined {
  const below = Math.min(JOIN_BYTES.below, maxCharacters / 2);
  const upTo = Math.min(JOIN_BYTES.upTo, maxCharacters);
  let short: number | undefined;
  for (const end of ends) {
    const bytes = Buffer.byteLength(text.slice(0, end).trimEnd());
    if (short !== undefined && bytes > upTo) return short;
    if (bytes >= below || end === text.length) return end;
    short = end;
  }
  return undefined;
}

const PLACE =
  /(\p{Sentence_Terminal}["'\p{Pe}\p{Pf}]*(?:\s+|$)|[。！？｡][”’」）]*)|[,;:\u2013\u2014]["')\]]*\s+|[，；：、][”’」）]*/gu;

/** The last place in `text`, behind `from`, where a cut is least heard: the end of a sentence, a clause, a word. */
function lastPlace(text: string, from: number): Cut | undefined {
  let last: Cut | undefined;
  for (const { index, 0: place, 1: terminator } of text.matchAll(PLACE)) {
    const end = index + place.length;
    if (end > from) last = { end, pauseMs: terminator === undefined ? PAUSE_MS.clause : PAUSE_MS.sentence };
  }
  if (last !== undefined) return last;
  const words = /^.*\s/su.exec(text)?.[0].length ?? 0;
  return words > from ? { end: words, pauseMs: PAUSE_MS.cut } : undefined;
}

/** Shorter parts than this share of the longest are avoided. */
const LEAST_SHARE = 0.4;

function longestPart(text: string, maxCharacters: number): Cut {
  const part = text.slice(0, maxCharacters);
  const place = lastPlace(part, LEAST_SHARE * maxCharacters);
  if (place !== undefined) return place;
  const isHalfCharacter = /[\ud800-\udbff]$/.test(part);
  return { end: part.length - (isHalfCharacter ? 1 : 0), pauseMs: PAUSE_MS.cut };
}
