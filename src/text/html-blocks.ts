/** Collects the text of a chapter as blocks of Markdown, in which nothing but what is meant is a mark. */

export interface TextBlock {
  readonly kind: 'heading' | 'text' | 'item' | 'row' | 'rule' | 'code';
  readonly markdown: string;
  /** as it was, without marks and escapes */
  readonly plain: string;
}

/** A paragraph of nothing but marks is a break between scenes: '* * *', '⁂', '…'. */
const SCENE_BREAK = /^(?=[^\p{L}\p{N}]*$)[\p{P}\p{S}\s]{1,40}$/u;
const SCENE_BREAK_BLOCK: TextBlock = { kind: 'rule', markdown: '***', plain: '' };
/** As HTML has it: a no-break space is none of these. */
const WHITE_SPACE = /[ \t\n\f\r]+/g;

/** What is kept of a long line so that one may look back at it. */
const TAIL = { from: 4096, kept: 16 } as const;

export class BlockWriter {
  readonly blocks: TextBlock[] = [];
  /** changes whenever a place in `text` means nothing any more */
  generation = 0;
  readonly #anchors = new Map<string, number>();
  /** of the block: its lines before the last one; and of that what is further back than anybody looks */
  #lines: string[] = [];
  #before = '';
  #text = '';
  #endsInSpace = true;
  /** of the next block: '# ', '- ' */
  #mark = '';
  #kind: 'heading' | 'text' | 'item' = 'text';

  /** The end of the line that is being written. */
  get text(): string {
    return this.#text;
  }

  /** The number of the block in which, or before which, the element with this id begins. */
  get anchors(): ReadonlyMap<string, number> {
    return this.#anchors;
  }

  write(text: string): void {
    let added = text.replace(WHITE_SPACE, ' ').replaceAll('\u00ad', '');
    if (this.#endsInSpace && added.startsWith(' ')) added = added.slice(1);
    if (added === '') return;
    this.#text += added;
    this.#endsInSpace = added.endsWith(' ');
  }

  /** The place in `text` that is reached, to come back to. Takes constant time, however long the line is. */
  place(): { start: number; generation: number } {
    if (this.#text.length > TAIL.from) {
      this.#before += this.#text.slice(0, -TAIL.kept);
      this.#text = this.#text.slice(-TAIL.kept);
      this.generation += 1;
    }
    return { start: this.#text.length, generation: this.generation };
  }

  /** Takes back what was written behind a place in `text`. */
  cut(start: number): void {
    this.#text = this.#text.slice(0, start);
    this.#endsInSpace = this.#text === '' ? this.#before === '' : this.#text.endsWith(' ');
  }

  /** A line break within a block, two of them end it; in a heading one parts two headings. */
  lineBreak(): void {
    const isBlank = (this.#before + this.#text).trim() === '';
    const [kind, mark] = [this.#kind, this.#mark];
    if (isBlank || kind === 'heading') {
      if (this.#lines.length > 0 || kind === 'heading') this.end();
      if (kind === 'heading') [this.#kind, this.#mark] = [kind, mark];
    } else this.#endLine();
  }

  anchor(id: string): void {
    if (!this.#anchors.has(id)) this.#anchors.set(id, this.blocks.length);
  }

  /** Ends the block before; the next one that has a text is of this kind. */
  begin(kind: 'heading' | 'item' | 'text', mark = ''): void {
    this.end();
    this.#kind = kind;
    this.#mark = mark;
  }

  /** Ends the block, if there is one. */
  end(): void {
    this.#endLine();
    const lines = this.#lines.map((line) => line.trim()).filter((line) => line !== '');
    this.#lines = [];
    if (lines.length === 0) return;
    const [kind, mark, plain] = [this.#kind, this.#mark, lines.join('\n')];
    this.#kind = 'text';
    this.#mark = '';
    if (SCENE_BREAK.test(plain)) return this.rule();
    const markdown = lines.map((line, index) => escaped(line, index === 0 ? mark : '')).join('\n');
    this.blocks.push({ kind, markdown, plain });
  }

  #endLine(): void {
    this.#lines.push(this.#before + this.#text);
    this.#before = '';
    this.#text = '';
    this.#endsInSpace = true;
    this.generation += 1;
  }

  rule(): void {
    this.end();
    if (this.blocks.at(-1)?.kind !== 'rule') this.blocks.push(SCENE_BREAK_BLOCK);
  }

  /** One row of a table. A row of one cell is no row: tables are made for the looks, too. */
  row(cells: readonly (readonly TextBlock[])[]): void {
    this.end();
    const filled = cells.filter((cell) => cell.some(({ plain }) => plain !== ''));
    const [only] = filled;
    if (only === undefined) return;
    if (filled.length === 1) {
      for (const block of only) this.blocks.push(block);
      return;
    }
    const texts = filled.map((cell) => cell.map(({ plain }) => plain.replace(/\s+/g, ' ')).join(' '));
    const markdown = `| ${texts.map((text) => escaped(text)).join(' | ')} |`;
    this.blocks.push({ kind: 'row', markdown, plain: texts.join(', ') });
  }

  /** Preformatted: code as a block of code, anything else line by line. */
  preformatted(text: string, isCode: boolean): void {
    this.end();
    if (!isCode) {
      for (const line of text.split('\n')) {
        this.write(line);
        this.lineBreak();
      }
      return this.end();
    }
    if (text.trim() === '') return;
    const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
    const fence = '`'.repeat(longest + 1);
    this.blocks.push({ kind: 'code', markdown: `${fence}\n${text.replace(/^\n|\n+$/g, '')}\n${fence}`, plain: text });
  }
}

/** Items of a list and rows of a table follow each other without an empty line: their pauses are shorter. */
export function joinBlocks(blocks: readonly TextBlock[]): string {
  let text = '';
  let before: TextBlock | undefined;
  for (const block of blocks) {
    const isRun = before?.kind === block.kind && (block.kind === 'item' || block.kind === 'row');
    text += before === undefined ? '' : isRun ? '\n' : '\n\n';
    text += block.markdown;
    before = block;
  }
  return text;
}

/** A line whose characters are themselves, whatever Markdown would make of them. `mark` is one. */
export function escaped(line: string, mark = ''): string {
  const inline = line.replace(/[\\`*_~[\]<>|#]/g, '\\$&');
  return mark + inline.replace(/^([-+=:])/, '\\$1').replace(/^(\d{1,9})([.)])(?=\s)/, '$1\\$2');
}
