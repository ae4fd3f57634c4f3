/**
 * Markdown as narrators read it: headings, paragraphs, lists and tables are pauses, emphasis and links are text, code blocks,
 * front matter and comments are not read. `[pause 800ms]` is a pause of that length. What is left is plain text with a way back.
 */
import { NarratorError } from '../core/errors.ts';

/** Silence behind what is more than a paragraph, or less, in milliseconds. */
export const MARKDOWN_PAUSE_MS = { heading: 900, listItem: 450, rule: 1100 } as const;
export const PAUSE_MS_MAX = 10_000;
/** of a '[pause]' that does not say how long */
const PAUSE_MS_DEFAULT = 700;

export interface PlainText {
  /** paragraphs of one line each, with empty lines between them */
  readonly text: string;
  /** Silence to be kept behind the text before `offset` (of `text`), where it is not that of a paragraph. Ascending. */
  readonly pauses: readonly { readonly offset: number; readonly ms: number }[];
  /** the place in the source of a place in `text` */
  sourceOffset(offset: number): number;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}#{1,6}(?:[ \t]+|$)/;
const CLOSING_HASHES = /[ \t]+#+[ \t]*$/;
const UNDERLINE = /^ {0,3}(?:=+|-{2,})[ \t]*$/;
const THEMATIC_BREAK = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const TABLE_RULE = /^ {0,3}\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*){0,200}\|?[ \t]*$/;
const QUOTE = /^ {0,3}(?:>[ \t]?)+/;
/** the number of a numbered item is read, a bullet is not */
const BULLET = /^[ \t]*(?:[-*+][ \t]+)(?:\[[ xX]\][ \t]+)?/;
const NUMBER = /^[ \t]*\d{1,9}[.)][ \t]+/;
const LINK_DEFINITION = /^ {0,3}\[[^\]]{1,200}\]:[ \t]*\S/;

/**
 * Inline marks. Each alternative is bounded, so that a text full of brackets takes linear time.
 * 1 escaped mark, 2 pause, 3 text of a link or an image, 4 what may stand in angle brackets, 5 mark of emphasis or code
 */
const INLINE =
  /\\([!-/:-@[-`{-~])|\[pause([^\]\n]{0,40})\]|!?\[([^[\]\n]{0,500})\](?:\([^()\s]{0,1000}(?:[ \t]+"[^"\n]{0,200}")?\)|\[[^[\]\n]{0,200}\])|\[\^[^\]\s]{1,50}\]|<(https?:\/\/[^<>\s]{1,1000}|\/?[A-Za-z][^<>\n]{0,300})>|(\*{1,3}|~~|`{1,3}|(?<![\p{L}\p{N}])_{1,3}|_{1,3}(?![\p{L}\p{N}]))/gu;

/** @throws NarratorError item_invalid, with line and column, for a pause that cannot be understood or is longer than 10 s */
export function readMarkdown(source: string): PlainText {
  const writer = new PlainTextWriter(source);
  let fence: string | undefined;
  let isComment = false;
  const lines = linesOf(source);
  let first = 0;
  if (lines[0]?.text.trimEnd() === '---') {
    const end = lines.findIndex(({ text }, index) => index > 0 && /^(?:---|\.\.\.)\s*$/.test(text));
    first = end + 1;
  }
  for (let index = first; index < lines.length; index += 1) {
    const line = lines[index];
    if (line === undefined) break;
    const { text } = line;
    writer.lineStart = line.start;
    const mark = FENCE.exec(text)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence) === true) fence = undefined;
      continue;
    }
    if (isComment) {
      isComment = !text.includes('-->');
      continue;
    }
    if (mark !== undefined) {
      fence = mark;
      writer.endBlock();
      continue;
    }
    if (/^\s*<!--/.test(text)) {
      isComment = !text.includes('-->');
      continue;
    }
    if (text.trim() === '') writer.endBlock();
    else if (HEADING.test(text)) {
      const start = HEADING.exec(text)?.[0].length ?? 0;
      writer.endBlock();
      inline(writer, line, start, text.replace(CLOSING_HASHES, '').length);
      writer.endBlock(MARKDOWN_PAUSE_MS.heading);
    } else if (writer.isInBlock && UNDERLINE.test(text)) writer.endBlock(MARKDOWN_PAUSE_MS.heading);
    else if (THEMATIC_BREAK.test(text)) {
      writer.endBlock();
      writer.pause(MARKDOWN_PAUSE_MS.rule);
    } else if (TABLE_RULE.test(text) && text.includes('-')) continue;
    else if (!LINK_DEFINITION.test(text)) block(writer, line);
  }
  writer.endBlock();
  return writer.finish();
}

interface Line {
  readonly text: string;
  readonly start: number;
  /** from 1 */
  readonly number: number;
}

function linesOf(source: string): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (const { 0: lineBreak, index } of source.matchAll(/\r\n|\n|\r|$/g)) {
    lines.push({ text: source.slice(start, index), start, number: lines.length + 1 });
    start = index + lineBreak.length;
  }
  return lines;
}

/** A line of a paragraph, a list, a quotation or a table. */
function block(writer: PlainTextWriter, line: Line): void {
  const quoted = QUOTE.exec(line.text)?.[0].length ?? 0;
  const rest = line.text.slice(quoted);
  const bullet = BULLET.exec(rest)?.[0].length;
  const isItem = bullet !== undefined || NUMBER.test(rest);
  const row = /^([ \t]*\|[ \t]*)(.*?)\|?[ \t]*$/.exec(rest);
  if (isItem || row !== null) writer.endBlock(MARKDOWN_PAUSE_MS.listItem);
  if (row !== null) {
    const start = quoted + (row[1]?.length ?? 0);
    inline(writer, line, start, start + (row[2]?.length ?? 0));
    writer.endBlock(MARKDOWN_PAUSE_MS.listItem);
  } else inline(writer, line, quoted + (bullet ?? 0), line.text.length);
  writer.softBreak(line.start + line.text.length);
}

function inline(writer: PlainTextWriter, line: Line, from: number, to: number): void {
  const { start } = line;
  const text = line.text.slice(0, to);
  let at = from;
  INLINE.lastIndex = 0;
  for (const match of text.slice(from).matchAll(INLINE)) {
    const [whole, escaped, pause, label, angle] = match;
    const index = from + match.index;
    writer.write(start + at, start + index);
    at = index + whole.length;
    if (escaped !== undefined) writer.write(start + at - escaped.length, start + at);
    else if (pause !== undefined) writer.pauseHere(pauseMs(pause, line.number, index + 1));
    else if (label !== undefined) {
      const inner = index + whole.indexOf('[') + 1;
      inline(writer, { ...line, text: line.text.slice(0, inner + label.length) }, inner, inner + label.length);
    } else if (angle !== undefined && angle.startsWith('http')) writer.write(start + index + 1, start + at - 1);
  }
  writer.write(start + at, start + text.length);
}

function pauseMs(written: string, line: number, column: number): number {
  const where = `Line ${line} of the text, column ${column}: [pause${written}]`;
  const [, amount, unit] = /^ +(\d{1,6}(?:\.\d{1,3})?) ?(ms|s)$/.exec(written) ?? [];
  if (written.trim() === '') return PAUSE_MS_DEFAULT;
  if (amount === undefined) {
    throw new NarratorError('item_invalid', `${where} is no pause.`, {
      field: 'text',
      hint: 'Write it as [pause], [pause 800ms] or [pause 1.5s].',
    });
  }
  const ms = Math.round(Number(amount) * (unit === 's' ? 1000 : 1));
  if (ms > PAUSE_MS_MAX) {
    throw new NarratorError('item_invalid', `${where} is ${ms} ms long; the limit is ${PAUSE_MS_MAX} ms.`, {
      field: 'text',
      limit: PAUSE_MS_MAX,
    });
  }
  return ms;
}

/** Collects the text and remembers where each part of it was. */
class PlainTextWriter {
  isInBlock = false;
  /** of the line that is being read */
  lineStart = 0;
  readonly #source: string;
  readonly #parts: string[] = [];
  /** ascending: the part that begins at `offset` of the text stood at `source` */
  readonly #origins: { offset: number; source: number; block: number | undefined }[] = [];
  readonly #pauses: { offset: number; ms: number }[] = [];
  #length = 0;
  #sourceEnd = 0;

  constructor(source: string) {
    this.#source = source;
  }

  write(start: number, end: number): void {
    if (end <= start) return;
    // the marks of its line belong to a block
    const block = this.isInBlock ? undefined : Math.max(this.lineStart, this.#sourceEnd);
    this.#append(this.#source.slice(start, end), start, block);
    this.#sourceEnd = end;
    this.isInBlock = true;
  }

  softBreak(source: number): void {
    if (this.isInBlock) this.#append(' ', source);
  }

  /** Ends a paragraph, if there is one; with a pause of its own if that is given. */
  endBlock(ms?: number): void {
    if (!this.isInBlock) return;
    if (ms !== undefined) this.pause(ms);
    this.#append('\n\n', this.#sourceEnd);
    this.isInBlock = false;
  }

  pause(ms: number): void {
    this.#pauses.push({ offset: this.#length, ms });
  }

  /** A pause inside a paragraph parts it. */
  pauseHere(ms: number): void {
    if (this.isInBlock) this.endBlock(ms);
    else this.pause(ms);
  }

  finish(): PlainText {
    const origins = this.#origins;
    return {
      text: this.#parts.join(''),
      pauses: this.#pauses,
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
        if (origin.block !== undefined && origin.offset === offset) return origin.block;
        // what was put in (an empty line) may be longer than what it stands for
        return Math.min(origin.source + offset - origin.offset, origins[low]?.source ?? this.#source.length);
      },
    };
  }

  #append(text: string, source: number, block?: number): void {
    this.#origins.push({ offset: this.#length, source, block });
    this.#parts.push(text);
    this.#length += text.length;
  }
}
