/** Paragraphs of plain text. */

export interface Paragraph {
  /** offsets into the text; what lies between paragraphs is white space */
  readonly start: number;
  readonly end: number;
}

/** Lines shorter than this are not wrapped text (verse, lists), longer than that neither: paragraphs of one line each. */
const WRAP_COLUMNS = { min: 40, max: 120 } as const;

/**
 * An empty line ends a paragraph. A single line break does too, unless the text is wrapped there: the line is between 40
 * and 120 characters long and the first word of the next one would not have fitted into the longest line of the block.
 */
export function splitParagraphs(text: string): Paragraph[] {
  const paragraphs: Paragraph[] = [];
  let block: Paragraph[] = [];
  for (const line of lines(text)) {
    if (line.start === line.end) {
      joinWrapped(text, block, paragraphs);
      block = [];
    } else {
      block.push(line);
    }
  }
  joinWrapped(text, block, paragraphs);
  return paragraphs;
}

const LINE_BREAK = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/g;

/** Lines without the white space at their ends; an empty line is one with start === end. */
function* lines(text: string): Generator<Paragraph> {
  let start = 0;
  for (const { index, 0: lineBreak } of text.matchAll(LINE_BREAK)) {
    yield trimmed(text, start, index);
    start = index + lineBreak.length;
  }
  yield trimmed(text, start, text.length);
}

/** The range without the white space at its ends. */
export function trimmed(text: string, start: number, end: number): Paragraph {
  let first = start;
  let last = end;
  while (first < last && isSpace(text.charAt(first))) first += 1;
  while (last > first && isSpace(text.charAt(last - 1))) last -= 1;
  return { start: first, end: last };
}

function isSpace(character: string): boolean {
  return /\s/.test(character);
}

function joinWrapped(text: string, block: readonly Paragraph[], into: Paragraph[]): void {
  const width = block.reduce((longest, { start, end }) => Math.max(longest, end - start), 0);
  let open: Paragraph | undefined;
  block.forEach((line, index) => {
    open = { start: open?.start ?? line.start, end: line.end };
    const next = block[index + 1];
    if (next !== undefined && isWrapped(text, line, next, width)) return;
    into.push(open);
    open = undefined;
  });
}

function isWrapped(text: string, line: Paragraph, next: Paragraph, width: number): boolean {
  const length = line.end - line.start;
  if (length < WRAP_COLUMNS.min || width > WRAP_COLUMNS.max) return false;
  const rest = text.slice(next.start, Math.min(next.end, next.start + width));
  const firstWord = /^\p{Script=Han}|^\S+/u.exec(rest)?.[0].length ?? 0;
  return length + 1 + firstWord > width;
}
