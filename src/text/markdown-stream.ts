/**
 * Markdown that is still being written, as plain text: what readMarkdown makes of a whole document, piece by piece. A language
 * model writes a paragraph as one long line, so lines are not waited for where what stands in them is certain already.
 */
import { readMarkdown } from './markdown.ts';

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const COMMENT = /^\s*<!--/;
const UNDERLINE = /^ {0,3}(?:=+|-{2,})[ \t]*$/;
/** Nothing but marks and numbers: what the line is, its next characters tell. */
const UNDECIDED = /^[-*+_=#>|:`~\d.)[\]xX \t]*$/;
/** Rows of tables, definitions of links, comments and tags are read as a whole. */
const READ_WHOLE = /^[ \t]*[|[<]/;
/** What a line is, and so where paragraphs end; another one is text. */
const KINDS = [
  ['heading', /^ {0,3}#{1,6}(?:[ \t]|$)/],
  ['item', /^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]/],
  ['row', /^[ \t]*\|/],
] as const;
type Kind = (typeof KINDS)[number][0] | 'text';
const PARAGRAPH_END = '\n\n';

export class MarkdownStream {
  /** of the line that is being written: what was not given yet */
  #line = '';
  /** of that line; undefined while nothing of it was given */
  #kind: Kind | undefined;
  #fence: string | undefined;
  #isComment = false;

  /** @returns the plain text that has become certain: paragraphs with empty lines between them */
  push(chunk: string): string {
    const lines = (this.#line + chunk).split('\n');
    this.#line = lines.pop() ?? '';
    return lines.map((line) => this.#endLine(line)).join('') + this.#givePart();
  }

  /** @returns the rest */
  end(): string {
    const plain = this.#endLine(this.#line);
    this.#line = '';
    return plain;
  }

  #endLine(rest: string): string {
    if (this.#kind !== undefined) return withoutMarks(rest, 'inside') + this.#close(this.#kind);
    const fence = FENCE.exec(rest)?.[1];
    if (this.#fence !== undefined) {
      if (fence?.startsWith(this.#fence) === true) this.#fence = undefined;
      return '';
    }
    if (this.#isComment || COMMENT.test(rest)) {
      this.#isComment = !rest.includes('-->');
      return '';
    }
    this.#fence = fence;
    if (fence !== undefined || rest.trim() === '' || UNDERLINE.test(rest)) return PARAGRAPH_END;
    const kind = kindOf(rest);
    return this.#open(kind, rest) + this.#close(kind);
  }

  #givePart(): string {
    if (this.#fence !== undefined) {
      this.#line = this.#line.slice(0, HELD_CHARACTERS_MAX);
      return '';
    }
    if (this.#isComment) {
      this.#line = this.#line.slice(-HELD_CHARACTERS_MAX);
      return '';
    }
    const line = this.#line;
    if (this.#kind === undefined) {
      if (FENCE.test(line)) return '';
      if (line.length < HELD_CHARACTERS_MAX && (UNDECIDED.test(line) || READ_WHOLE.test(line))) return '';
    }
    const end = certainEnd(line);
    if (end === 0) return '';
    this.#line = line.slice(end);
    const part = line.slice(0, end);
    return this.#kind === undefined ? this.#open(kindOf(part), part) : withoutMarks(part, 'inside');
  }

  #open(kind: Kind, part: string): string {
    this.#kind = kind;
    return (kind === 'text' ? '' : PARAGRAPH_END) + withoutMarks(part, 'line');
  }

  #close(kind: Kind): string {
    this.#kind = undefined;
    return kind === 'heading' || kind === 'row' ? PARAGRAPH_END : ' ';
  }
}

function kindOf(line: string): Kind {
  return KINDS.find(([, pattern]) => pattern.test(line))?.[0] ?? 'text';
}

/** A mark that never closes holds back no more than this. */
const HELD_CHARACTERS_MAX = 1_000;
/** An inline mark with all that belongs to it: a link, a tag. */
const CLOSED =
  /\[[^[\]\n]{0,500}\](?:\([^()\n]{0,1000}\)|\[[^[\]\n]{0,200}\]|(?=[^([]))|<(?:https?:|\/?[A-Za-z])[^<>\n]{0,1000}>/g;
const OPEN = /!?\[|<(?=[A-Za-z/]|$)|[!\\]$/;
/** Behind white space, and behind characters that are written without it, no mark can change its meaning any more. */
const BOUNDARY = /[\s\p{Script=Han}。！？…，、；：”’」）]/u;

/** How much of a line that is being written will be read the same way whatever follows. */
function certainEnd(line: string): number {
  const isTooLong = line.length >= HELD_CHARACTERS_MAX;
  // What belongs to a mark is not parted either.
  const masked = isTooLong ? line : line.replace(CLOSED, (mark) => '.'.repeat(mark.length));
  const open = isTooLong ? -1 : masked.search(OPEN);
  for (let end = open < 0 ? masked.length : open; end > 0; end -= 1) {
    if (BOUNDARY.test(masked.charAt(end - 1))) return end;
  }
  return isTooLong ? line.length : 0;
}

/**
 * @param place 'line': the part begins its line; 'inside': what looks like the mark of a line there is none
 */
function withoutMarks(part: string, place: 'line' | 'inside'): string {
  // An empty line before it: what begins with '---' is no front matter.
  const before = place === 'line' ? '\n' : INSIDE;
  const space = /\s*$/.exec(part)?.[0] ?? '';
  const plain = plainText(before + part).trimEnd();
  return (place === 'line' ? plain : plain.slice(INSIDE.length)) + space;
}

/** stands before what is inside a line; no letter, behind which underscores would be part of a word */
const INSIDE = '.';

function plainText(markdown: string): string {
  // Pauses are those of sentences and paragraphs here; '[pause for effect]', of which models are fond, is not to be said.
  return readMarkdown(markdown.replaceAll(/\[pause[^\]\n]{0,40}\]/g, ' ')).text;
}
