/**
 * A Markdown file as chapters: one for each heading of the highest level of which there are several, so that a single title above
 * them is no chapter of its own. What stands before the first one is a chapter if it says anything.
 */
import { type Book, type Chapter, hasWords, type LeftOut } from './book.ts';

interface Heading {
  readonly level: number;
  readonly title: string;
  /** of its line in the text */
  readonly start: number;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+(\S.*)$/;
const CLOSING_HASHES = /[ \t]+#+[ \t]*$/;
const UNDERLINE = /^ {0,3}(=+|-{2,})[ \t]*$/;
/** A line that a heading's underline may stand below: no quotation, list, table, fence or heading. */
const PARAGRAPH = /^ {0,3}(?![#>|`~]|[-*+][ \t]|\d{1,9}[.)][ \t])\S/;

export function readMarkdownBook(source: string): Book {
  const text = source.replace(/^\ufeff/, '');
  const headings = headingsOf(text);
  const level = chapterLevel(headings);
  const starts = headings.filter((heading) => heading.level === level);
  const [title] = headings.filter((heading) => level !== undefined && heading.level < level);
  const chapters: Chapter[] = [];
  const leftOut: LeftOut[] = [];
  const add = (name: string, part: string) => {
    if (hasWords(withoutFrontMatter(part))) chapters.push({ title: name, text: part, markup: 'markdown' });
    else if (part.trim() !== '') leftOut.push({ part: name, why: 'no text' });
  };
  add(title?.title ?? 'Beginning', text.slice(0, starts[0]?.start ?? text.length));
  for (const [index, start] of starts.entries()) add(start.title, text.slice(start.start, starts[index + 1]?.start));
  return { authors: [], chapters, leftOut, ...(title !== undefined && { title: title.title }) };
}

/** The highest level that has several headings, else the highest one there is. */
function chapterLevel(headings: readonly Heading[]): number | undefined {
  const levels = [1, 2, 3, 4, 5, 6];
  const count = (level: number) => headings.filter((heading) => heading.level === level).length;
  return levels.find((level) => count(level) > 1) ?? levels.find((level) => count(level) > 0);
}

function headingsOf(text: string): Heading[] {
  const headings: Heading[] = [];
  let fence: string | undefined;
  let isComment = false;
  let before: { line: string; start: number } | undefined;
  let start = frontMatterEnd(text);
  while (start < text.length) {
    const lineBreak = text.indexOf('\n', start);
    const end = lineBreak === -1 ? text.length : lineBreak + 1;
    const line = text.slice(start, end).trimEnd();
    const mark = FENCE.exec(line)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence) === true) fence = undefined;
    } else if (isComment || /^\s*<!--/.test(line)) {
      isComment = !line.includes('-->');
      before = undefined;
    } else if (mark !== undefined) fence = mark;
    else {
      const [, hashes, title] = HEADING.exec(line) ?? [];
      const underline = UNDERLINE.exec(line)?.[1];
      if (hashes !== undefined && title !== undefined)
        headings.push({ level: hashes.length, title: plain(title), start });
      else if (underline !== undefined && before !== undefined) {
        headings.push({ level: underline.startsWith('=') ? 1 : 2, title: plain(before.line), start: before.start });
      }
      before = PARAGRAPH.test(line) && underline === undefined && before === undefined ? { line, start } : undefined;
    }
    start = end;
  }
  return headings;
}

/** Longer ones are none. */
const FRONT_MATTER_CHARACTERS_MAX = 64 * 1024;

/** Metadata between two lines of dashes at the very beginning. */
function frontMatterEnd(text: string): number {
  const head = text.slice(0, FRONT_MATTER_CHARACTERS_MAX);
  if (!/^---[ \t]*\r?\n/.test(head)) return 0;
  const end = /\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/.exec(head);
  return end === null ? 0 : end.index + end[0].length;
}

/** What may be read of a text. */
function withoutFrontMatter(text: string): string {
  const [first = '', ...others] = text.slice(frontMatterEnd(text)).split('<!--');
  return first + others.map((part) => part.slice(part.includes('-->') ? part.indexOf('-->') : part.length)).join('');
}

/** A heading without its marks: for names of files, not for what is said. */
function plain(heading: string): string {
  return heading
    .replace(CLOSING_HASHES, '')
    .replace(/!?\[([^\]]{0,500})\]\([^)]{0,1000}\)/g, '$1')
    .replace(/\\([!-/:-@[-`{-~])/g, '$1')
    .replace(/[*`]+|(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu, '')
    .trim();
}
