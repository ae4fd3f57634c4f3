/**
 * A chapter in XHTML as Markdown: headings, paragraphs, lists, tables and breaks between scenes keep their pauses. What is seen and
 * not said is left out: images, readings over characters (ruby), scripts, marks that lead to notes, numbers of printed pages.
 */
import { BlockWriter, type TextBlock } from './html-blocks.ts';
import {
  isBlock,
  isCode,
  isHidden,
  isMark,
  isSilent,
  type LeftOutAs,
  leftOutAs,
  type PartsRead,
  typesOf,
} from './html-elements.ts';
import { type HtmlAttributes, type HtmlHandler, readHtml } from './read-html.ts';

export interface ChapterText {
  readonly blocks: readonly TextBlock[];
  /** id of an element → number of the block in which or before which it begins */
  readonly anchors: ReadonlyMap<string, number>;
  /** of <title> */
  readonly title: string;
  /** parts that were left out, each once */
  readonly leftOut: readonly LeftOutAs[];
}

/** @param name of the document, for messages @throws NarratorError item_invalid (see readHtml) */
export function htmlToMarkdown(source: string, name: string, read: PartsRead = {}): ChapterText {
  const reader = new ChapterReader(read);
  readHtml(source, reader, name);
  return reader.finish();
}

/** Numbers, letters and signs that mark a note, with or without brackets, and the ways back from one. */
const NOTE_MARK = /^[[({]?(?:\d{1,4}|[*†‡§¶‖#]{1,4}|[a-z]|[ivxlcdm]{1,7}|[↩↑^]\ufe0e?)[\])}]?\.?$/iu;
const BRACKETED_OR_SIGN = /^[[({*†‡§¶‖#↩↑^]/u;
/** A raised number is a note behind a word or a sentence; behind a short one it is a power (m², km³). */
const BEFORE_NOTE = /(?:\p{L}{3}|[.,;:!?"'”’)\]…。！？，；：」』）])$/u;
const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** A link or a raised text that is open. */
interface Run {
  readonly name: string;
  readonly writer: BlockWriter;
  readonly start: number;
  readonly generation: number;
  /** leads to a place in a document */
  readonly isLink: boolean;
}

class ChapterReader implements HtmlHandler {
  readonly #read: PartsRead;
  readonly #leftOut = new Set<LeftOutAs>();
  /** of the chapter, and of the cells of tables that are open */
  readonly #writers = [new BlockWriter()];
  /** cells of the rows that are open */
  readonly #rows: (readonly TextBlock[])[][] = [];
  readonly #runs: Run[] = [];
  /** numbers of the next items; undefined in a list without numbers */
  readonly #lists: (number | undefined)[] = [];
  /** open elements within the outermost one that is not read, with it */
  #skipped = 0;
  #preformatted: { text: string; isCode: boolean } | undefined;
  #title: string | undefined;
  #isTitle = false;

  constructor(read: PartsRead) {
    this.#read = read;
  }

  get #writer(): BlockWriter {
    return this.#writers.at(-1) as BlockWriter;
  }

  finish(): ChapterText {
    const writer = this.#writer;
    writer.end();
    const title = (this.#title ?? '').replace(/\s+/g, ' ').trim();
    return { blocks: writer.blocks, anchors: writer.anchors, title, leftOut: [...this.#leftOut] };
  }

  open(name: string, attributes: HtmlAttributes): void {
    if (name === 'title' && this.#title === undefined) this.#isTitle = true;
    if (this.#skipped > 0) this.#skipped += 1;
    else if (this.#preformatted !== undefined) {
      if (name === 'br') this.#preformatted.text += '\n';
      if (name === 'code') this.#preformatted.isCode = true;
    } else {
      // The block before ends here, so that an anchor belongs to the one that begins.
      if (startsBlock(name)) this.#writer.end();
      const id = attributes.get('id') ?? (name === 'a' ? attributes.get('name') : undefined);
      if (id !== undefined) this.#writer.anchor(id);
      if (this.#isLeftOut(name, attributes)) this.#skipped = 1;
      else this.#begin(name, attributes);
    }
  }

  text(text: string): void {
    if (this.#isTitle) this.#title = (this.#title ?? '') + text;
    if (this.#skipped > 0) return;
    if (this.#preformatted === undefined) this.#writer.write(text);
    else this.#preformatted.text += text;
  }

  close(name: string): void {
    if (name === 'title') this.#isTitle = false;
    if (this.#skipped > 0) this.#skipped -= 1;
    else if (this.#preformatted === undefined) this.#end(name);
    else if (name === 'pre') {
      const { text, isCode: asCode } = this.#preformatted;
      this.#preformatted = undefined;
      this.#writer.preformatted(text, asCode);
    }
  }

  #isLeftOut(name: string, attributes: HtmlAttributes): boolean {
    if (isSilent(name) || isHidden(attributes)) return true;
    const types = typesOf(attributes);
    const as = leftOutAs(types, this.#read);
    if (as !== undefined) this.#leftOut.add(as);
    return as !== undefined || isMark(types);
  }

  #begin(name: string, attributes: HtmlAttributes): void {
    const writer = this.#writer;
    const level = HEADING.exec(name)?.[1];
    if (level !== undefined) writer.begin('heading', `${'#'.repeat(Number(level))} `);
    else if (name === 'li') writer.begin('item', this.#itemMark());
    else if (name === 'a' || name === 'sup') {
      const isLink = attributes.get('href')?.includes('#') ?? false;
      this.#runs.push({ name, writer, ...writer.place(), isLink });
    } else if (name === 'br') writer.lineBreak();
    else if (name === 'hr') writer.rule();
    else if (name === 'q') writer.write('“');
    else if (name === 'math') {
      writer.write(attributes.get('alttext') ?? '');
      this.#skipped = 1;
    } else if (name === 'pre') this.#preformatted = { text: '', isCode: isCode(attributes) };
    else if (name === 'ul') this.#lists.push(undefined);
    else if (name === 'ol') this.#lists.push(Number.parseInt(attributes.get('start') ?? '1', 10) || 1);
    else if (name === 'tr') this.#rows.push([]);
    else if (isCell(name)) this.#writers.push(new BlockWriter());
  }

  #end(name: string): void {
    const writer = this.#writer;
    if (name === 'a' || name === 'sup') this.#endRun();
    else if (name === 'q') writer.write('”');
    else if (name === 'ul' || name === 'ol') this.#lists.pop();
    else if (name === 'tr') writer.row(this.#rows.pop() ?? []);
    else if (isCell(name)) this.#endCell();
    // Also one that had no text: what follows is no heading, and no item.
    else if (name === 'li' || HEADING.test(name)) writer.begin('text');
    else if (startsBlock(name)) writer.end();
  }

  #itemMark(): string {
    const number = this.#lists.at(-1);
    if (number === undefined) return '- ';
    this.#lists[this.#lists.length - 1] = number + 1;
    return `${number}. `;
  }

  #endCell(): void {
    if (this.#writers.length === 1) return;
    const cell = this.#writer;
    cell.end();
    this.#writers.pop();
    for (const id of cell.anchors.keys()) this.#writer.anchor(id);
    const row = this.#rows.at(-1);
    if (row === undefined) this.#writer.row([cell.blocks]);
    else row.push(cell.blocks);
  }

  /** Takes a mark of a note back; a number that is a power gets the characters of one. */
  #endRun(): void {
    const run = this.#runs.pop();
    const writer = this.#writer;
    if (run?.writer !== writer || run.generation !== writer.generation) return;
    const before = writer.text.slice(0, run.start);
    const text = writer.text.slice(run.start).trim();
    if (!NOTE_MARK.test(text)) return;
    const around = [run, ...this.#runs];
    const isRaised = around.some(({ name }) => name === 'sup');
    const isSign = BRACKETED_OR_SIGN.test(text);
    if (around.some(({ isLink }) => isLink)) {
      if (isRaised || isSign) writer.cut(run.start);
    } else if (isRaised && (isSign || (/^\d+$/.test(text) && BEFORE_NOTE.test(before)))) writer.cut(run.start);
    else if (isRaised && /^\d+$/.test(text)) {
      writer.cut(run.start);
      writer.write(text.replace(/\d/g, (digit) => SUPERSCRIPTS.charAt(Number(digit))));
    }
  }
}

const HEADING = /^h([1-6])$/;
const OTHER_BLOCKS = new Set('li table thead tbody tfoot tr td th pre hr'.split(' '));
const startsBlock = (name: string) => isBlock(name) || OTHER_BLOCKS.has(name) || HEADING.test(name);
const isCell = (name: string) => name === 'td' || name === 'th';
