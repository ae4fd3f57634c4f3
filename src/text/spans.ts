/**
 * Text that was freed of its markup, with what the markup says of it. Markdown, tags and SSML all come to this, and everything
 * behind it (paragraphs, languages, normalisation, segments) knows nothing of how it was written.
 */
import { NarratorError } from '../core/errors.ts';
import type { SayAs } from './say-as.ts';

export const PAUSE_MS_MAX = 10_000;
/** Pauses, switches and spans of one text. */
const MARKS_MAX = 100_000;

/** How a stretch of text is spoken, where it is not as the item says. */
export interface Manner {
  readonly voice?: string;
  /** 1 is as fast as the voice's reference */
  readonly speed?: number;
  /** BCP-47 tag */
  readonly language?: string;
}

interface MannerChange {
  /** into the text */
  readonly offset: number;
  readonly manner: Manner;
  /** where the source says so */
  readonly source: number;
}

/** Characters that are said by a rule of their own, whatever they look like. On one line, of one manner. */
export interface Span {
  /** offsets into the text */
  readonly start: number;
  readonly end: number;
  readonly as: SayAs;
  /** where the source says so */
  readonly source: number;
}

export interface MarkedText {
  /** plain text: see splitParagraphs */
  readonly text: string;
  /** Silence to be kept behind the text before `offset` (of `text`), where it is not that of a paragraph. Ascending. */
  readonly pauses: readonly { readonly offset: number; readonly ms: number }[];
  /** How the text is spoken from `offset` on. Ascending; what stands before the first is spoken as the item says. */
  readonly manners: readonly MannerChange[];
  /** Ascending, without overlap. */
  readonly spans: readonly Span[];
  /** the place in the source of a place in `text`: never descending */
  sourceOffset(offset: number): number;
}

/** @param problem goes on from 'Line 3, column 7 of the text …', without a full stop */
export function markupError(
  source: string,
  offset: number,
  problem: string,
  details: { hint: string; limit?: number },
): NarratorError {
  const { line, column } = placeIn(source, offset);
  return new NarratorError('item_invalid', `Line ${line}, column ${column} of the text ${problem}.`, {
    field: 'text',
    ...details,
  });
}

/** Line and column, both from 1, the column in UTF-16 units. */
export function placeIn(source: string, offset: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (const { 0: lineBreak, index } of source.slice(0, offset).matchAll(/\r\n|\n|\r/g)) {
    line += 1;
    start = index + lineBreak.length;
  }
  return { line, column: offset - start + 1 };
}

/** Plain text is what it is. */
export function unmarked(text: string): MarkedText {
  return { text, pauses: [], manners: [], spans: [], sourceOffset: (offset) => offset };
}

/** Where a part of the text came from. */
interface Origin {
  /** where it begins in the text */
  readonly offset: number;
  /** where it begins in the source */
  readonly source: number;
  /** where the marks that belong to it begin, if it has some */
  readonly marks: number | undefined;
  /** white space that it begins with */
  readonly lead: number;
  /** its characters are not those of the source: a place inside it is that of its end */
  readonly isReplaced: boolean;
}

/** Collects the text from left to right, and remembers where each part of it was. */
export class MarkedTextWriter {
  isInBlock = false;
  /** from here on, marks belong to the block that begins next */
  blockStart = 0;
  readonly #source: string;
  readonly #parts: string[] = [];
  readonly #origins: Origin[] = [];
  readonly #pauses: { offset: number; ms: number }[] = [];
  readonly #manners: MannerChange[] = [];
  readonly #spans: Span[] = [];
  #length = 0;
  #sourceEnd = 0;
  #marks: number | undefined;

  constructor(source: string) {
    this.#source = source;
  }

  /** of the text so far */
  get length(): number {
    return this.#length;
  }

  /** These characters of the source are text. */
  write(start: number, end: number): void {
    if (end > start) this.#write(this.#source.slice(start, end), { start, end, isReplaced: false });
  }

  /** The text has `text` where the source has these characters. */
  replace(text: string, start: number, end: number): void {
    if (text !== '') this.#write(text, { start, end, isReplaced: true });
  }

  /** A space that stands for white space or marks at `source`, inside a block. */
  space(source: number): void {
    if (this.isInBlock) this.#append(' ', { source, marks: undefined, isReplaced: false });
  }

  /** A mark at `source`: it belongs to the text that follows. @returns whether it is the first one there */
  mark(source: number): boolean {
    const isFirst = this.#marks === undefined;
    this.#marks ??= source;
    return isFirst;
  }

  /** Marks up to here belong to the text before them. */
  skip(sourceEnd: number): void {
    this.#sourceEnd = Math.max(this.#sourceEnd, sourceEnd);
  }

  /** Ends a paragraph, if there is one; with a pause of its own if that is given. */
  endBlock(ms?: number): void {
    if (!this.isInBlock) return;
    if (ms !== undefined) this.pause(ms);
    this.#append('\n\n', { source: this.#sourceEnd, marks: undefined, isReplaced: false });
    this.isInBlock = false;
  }

  pause(ms: number): void {
    this.#pauses.push({ offset: this.#length, ms });
    this.#count();
  }

  /** A pause inside a paragraph parts it. */
  pauseHere(ms: number): void {
    if (this.isInBlock) this.endBlock(ms);
    else this.pause(ms);
  }

  /** What follows is spoken like this, because of the mark at `source`. */
  speak(manner: Manner, source: number): void {
    if (this.#manners.at(-1)?.offset === this.#length) this.#manners.pop();
    this.#manners.push({ offset: this.#length, manner, source });
    this.#count();
  }

  /** The text from `start` to here is said by a rule of its own, because of the mark at `source`. */
  span(start: number, as: SayAs, source: number): void {
    this.#spans.push({ start, end: this.#length, as, source });
    this.#count();
  }

  finish(): MarkedText {
    const origins = this.#origins;
    const sourceLength = this.#source.length;
    return {
      text: this.#parts.join(''),
      pauses: this.#pauses,
      manners: this.#manners,
      spans: this.#spans,
      sourceOffset: (offset) => {
        let low = 0;
        let high = origins.length;
        while (low < high) {
          const middle = (low + high) >>> 1;
          if ((origins[middle]?.offset ?? 0) <= offset) low = middle + 1;
          else high = middle;
        }
        const origin = origins[low - 1];
        if (origin === undefined) return 0;
        if (origin.marks !== undefined && offset <= origin.offset + origin.lead) return origin.marks;
        const next = origins[low];
        const end = next === undefined ? sourceLength : (next.marks ?? next.source);
        // what was put in (an empty line) may be longer than what it stands for
        return origin.isReplaced && offset > origin.offset
          ? end
          : Math.min(origin.source + offset - origin.offset, end);
      },
    };
  }

  #write(text: string, { start, end, isReplaced }: { start: number; end: number; isReplaced: boolean }): void {
    // the marks of its line belong to a block
    const marks = this.isInBlock ? this.#marks : Math.max(this.blockStart, this.#sourceEnd);
    this.#append(text, { source: start, marks, isReplaced });
    this.#marks = undefined;
    this.#sourceEnd = end;
    this.isInBlock = true;
  }

  #append(text: string, origin: Omit<Origin, 'offset' | 'lead'>): void {
    this.#origins.push({ offset: this.#length, lead: text.length - text.trimStart().length, ...origin });
    this.#parts.push(text);
    this.#length += text.length;
  }

  #count(): void {
    if (this.#pauses.length + this.#manners.length + this.#spans.length <= MARKS_MAX) return;
    throw markupError(this.#source, this.#sourceEnd, `is past the limit of ${MARKS_MAX} pauses, switches and spans`, {
      hint: 'Split the text into several items.',
      limit: MARKS_MAX,
    });
  }
}
