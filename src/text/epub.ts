/**
 * An EPUB as chapters. The spine says in which order it is read, the table of contents where chapters begin and what they are called:
 * a document that the table names begins one, one that it does not name goes on with the chapter before, and one that it names
 * several times on the same level is cut there. A book without a table has a chapter for each document.
 */
import { type Book, bookError, type BookOptions, type Chapter, hasWords, type LeftOut } from './book.ts';
import { decodeDocument } from './decode-document.ts';
import {
  type BookFiles,
  type EpubPackage,
  type PackageFile,
  readPackage,
  type SpineItem,
  xmlOf,
} from './epub-package.ts';
import { readNav, readNcx, type Toc, type TocEntry } from './epub-toc.ts';
import { escaped, joinBlocks, type TextBlock } from './html-blocks.ts';
import { leftOutAs } from './html-elements.ts';
import { htmlToMarkdown } from './html-to-markdown.ts';

/** Of Markdown: more is no book, and would be held in memory. */
const CHARACTERS_MAX = 64_000_000;
const DOCUMENTS = ['application/xhtml+xml', 'text/html', 'application/html', 'text/x-oeb1-document'];

/** @throws NarratorError book_invalid; encoding_invalid, item_invalid naming the file inside the book, XML with line and column */
export async function readEpub(files: BookFiles, options: BookOptions = {}): Promise<Book> {
  const book = await readPackage(files);
  const toc = byPath(await readToc(files, book));
  const chapters = new ChapterList(toc, options);
  for (const item of book.spine) {
    const file = documentOf(item.file, book.files);
    const why = leftOutWhole(item, file, { book, toc, options });
    if (why !== undefined || file === undefined) chapters.leaveOut(item.file.path, why ?? 'no text');
    else chapters.add(file.path, await sourceOf(files, file, book));
  }
  const { title, authors, language } = book;
  return {
    ...(title !== undefined && { title }),
    ...(language !== undefined && { language }),
    authors,
    ...chapters.finish(),
  };
}

/** A table of contents by the files that it names. */
interface FileToc {
  readonly entries: ReadonlyMap<string, readonly TocEntry[]>;
  readonly landmarks: Toc['landmarks'];
}

function byPath({ entries, landmarks }: Toc): FileToc {
  const files = new Map<string, TocEntry[]>();
  for (const entry of entries) {
    const ofFile = files.get(entry.path);
    if (ofFile === undefined) files.set(entry.path, [entry]);
    else ofFile.push(entry);
  }
  return { entries: files, landmarks };
}

async function readToc(files: BookFiles, { nav, ncx }: EpubPackage): Promise<Toc> {
  const navSource = nav && (await xmlOf(files, nav.path));
  const fromNav = nav && navSource !== undefined ? readNav(navSource, nav.path) : undefined;
  if (fromNav !== undefined && fromNav.entries.length > 0) return fromNav;
  const ncxSource = ncx && (await xmlOf(files, ncx.path));
  const landmarks = fromNav?.landmarks ?? new Map<string, string[]>();
  if (ncx === undefined || ncxSource === undefined) return { entries: [], landmarks };
  return { ...readNcx(ncxSource, ncx.path), landmarks };
}

/** The file itself, or the one that is there for readers which cannot show it. */
function documentOf(file: PackageFile, files: EpubPackage['files']): PackageFile | undefined {
  const seen = new Set<PackageFile>();
  let one: PackageFile | undefined = file;
  while (one !== undefined && !seen.has(one)) {
    if (DOCUMENTS.includes(one.mediaType)) return one;
    seen.add(one);
    one = one.fallback === undefined ? undefined : files.get(one.fallback);
  }
  return undefined;
}

async function sourceOf(files: BookFiles, { path }: PackageFile, book: EpubPackage): Promise<string> {
  const bytes = await files.read(path);
  if (bytes === undefined) throw bookError(`has no ${path}, which its reading order in ${book.path} names`);
  return decodeDocument(bytes, path);
}

/** Where nothing in the book says what a file is, its name and its title in the table of contents do. */
const FRONT_MATTER_NAME =
  /^(?:book[-_]?)?(?:cover(?:[-_]?page)?|title[-_]?page|toc|contents|table[-_ ]?of[-_ ]?contents|copyright(?:[-_]?page)?|imprint)$/i;
const FRONT_MATTER_TITLE =
  /^(?:cover(?: page)?|title[ -]?page|(?:table of )?contents|copyright(?: page| notice)?|imprint|index|封面|扉页|书名页|目录|目錄|版权(?:页|信息)?|版權(?:頁)?|索引)$/i;

function leftOutWhole(
  { file: { path, properties }, isLinear }: SpineItem,
  file: PackageFile | undefined,
  { book, toc, options }: { book: EpubPackage; toc: FileToc; options: BookOptions },
): LeftOut['why'] | undefined {
  if (!isLinear && options.nonLinear !== true) return 'not in the reading order';
  const types = [...(toc.landmarks.get(path) ?? []), ...(book.guide.get(path) ?? [])];
  const declared = leftOutAs(properties.includes('nav') ? [...types, 'toc'] : types, options);
  if (declared !== undefined || file === undefined || options.frontMatter === true || types.length > 0) return declared;
  const stem = path.replace(/^.*\//, '').replace(/\.[^.]*$/, '');
  const title = toc.entries.get(path)?.[0]?.title ?? '';
  return FRONT_MATTER_NAME.test(stem) || FRONT_MATTER_TITLE.test(title) ? 'front matter' : undefined;
}

interface OpenChapter {
  readonly title: string;
  /** in the table of contents: what a document is called otherwise is not meant to be heard */
  readonly isNamed: boolean;
  readonly path: string;
  readonly blocks: TextBlock[];
}

/** Puts the documents' texts together as chapters. */
class ChapterList {
  readonly #toc: FileToc;
  readonly #options: BookOptions;
  readonly #chapters: OpenChapter[] = [];
  readonly #leftOut: LeftOut[] = [];
  /** what comes next may go on with the last chapter: nothing between them was left out */
  #goesOn = false;
  #characters = 0;

  constructor(toc: FileToc, options: BookOptions) {
    this.#toc = toc;
    this.#options = options;
  }

  leaveOut(part: string, why: LeftOut['why']): void {
    this.#leftOut.push({ part, why });
    this.#goesOn = false;
  }

  add(path: string, source: string): void {
    const { blocks, anchors, title, leftOut } = htmlToMarkdown(source, path, this.#options);
    this.#count(blocks);
    if (!blocks.some(({ plain }) => hasWords(plain))) return this.leaveOut(path, leftOut[0] ?? 'no text');
    for (const why of leftOut) this.#leftOut.push({ part: path, why });
    const starts = chapterStarts(this.#toc.entries.get(path) ?? [], anchors);
    const first = starts[0]?.block ?? blocks.length;
    if (first > 0) this.#addUnnamed(path, blocks.slice(0, first), title);
    for (const [index, { block, title: name }] of starts.entries()) {
      const chapterBlocks = blocks.slice(block, starts[index + 1]?.block);
      if (name === '') this.#addUnnamed(path, chapterBlocks, title);
      else this.#chapters.push({ title: name, isNamed: true, path, blocks: chapterBlocks });
    }
    this.#goesOn = true;
  }

  finish(): Pick<Book, 'chapters' | 'leftOut'> {
    const chapters: Chapter[] = [];
    for (const { title, isNamed, path, blocks } of this.#chapters) {
      const text = isNamed ? withTitle(blocks, title) : joinBlocks(blocks);
      if (blocks.some(({ plain }) => hasWords(plain))) chapters.push({ title, text, markup: 'markdown' });
      else this.#leftOut.push({ part: `${title} (${path})`, why: 'no text' });
    }
    return { chapters, leftOut: this.#leftOut };
  }

  /** A document, or the beginning of one, that the table of contents does not name. */
  #addUnnamed(path: string, blocks: readonly TextBlock[], documentTitle: string): void {
    const last = this.#chapters.at(-1);
    const [firstBlock] = blocks;
    const isHeaded = firstBlock?.kind === 'heading' && /^##? /.test(firstBlock.markdown);
    if (last !== undefined && this.#goesOn && this.#toc.entries.size > 0 && !isHeaded) {
      for (const block of blocks) last.blocks.push(block);
      return;
    }
    const heading = blocks.find(({ kind }) => kind === 'heading')?.plain;
    const title = heading ?? (documentTitle === '' ? `Part ${this.#chapters.length + 1}` : documentTitle);
    this.#chapters.push({ title: title.replace(/\s+/g, ' '), isNamed: false, path, blocks: [...blocks] });
  }

  #count(blocks: readonly TextBlock[]): void {
    for (const { markdown } of blocks) this.#characters += markdown.length;
    if (this.#characters > CHARACTERS_MAX) throw bookError(`has more than ${CHARACTERS_MAX} characters of text`);
  }
}

/**
 * Where chapters begin in a document: at the first entry of the table that names it, and at those beside or above that one. What
 * stands within it are sections.
 */
function chapterStarts(
  named: readonly TocEntry[],
  anchors: ReadonlyMap<string, number>,
): { block: number; title: string }[] {
  const depth = named[0]?.depth ?? 0;
  const starts = new Map<number, string>();
  for (const { fragment, title, depth: at } of named) {
    const block = fragment === undefined ? 0 : (anchors.get(fragment) ?? (starts.size === 0 ? 0 : undefined));
    if (at <= depth && block !== undefined && !starts.has(block)) starts.set(block, title);
  }
  return [...starts].sort(([a], [b]) => a - b).map(([block, title]) => ({ block, title }));
}

/** Where its title is looked for. */
const OPENING_CHARACTERS = 600;

/** A chapter whose title is a picture, or stands in the table only, is told by it all the same. */
function withTitle(blocks: readonly TextBlock[], title: string): string {
  const text = joinBlocks(blocks);
  const [first] = blocks;
  const opening = blocks
    .slice(0, 8)
    .map(({ plain }) => plain)
    .join(' ')
    .slice(0, OPENING_CHARACTERS);
  const isTold = first?.kind === 'heading' || lettersOf(opening).includes(lettersOf(title));
  return isTold || !hasWords(title) ? text : `# ${escaped(title)}\n\n${text}`;
}

function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}
