/** Books as manifests: EPUB, Markdown and plain text files, from which items are made that then go the way of all items. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { type ManifestFile, openManifestFile } from '../adapters/manifest-file.ts';
import { ZipFile } from '../adapters/read-zip.ts';
import { NarratorError } from '../core/errors.ts';
import type { ManifestItemInput } from '../core/manifest.ts';
import { type Book, bookItems, type BookOptions, type LeftOut } from '../text/book.ts';
import { decodePlainText } from '../text/decode-document.ts';
import { readEpub } from '../text/epub.ts';
import { readMarkdownBook } from '../text/markdown-book.ts';
import { readPlainBook } from '../text/plain-book.ts';

export type { BookOptions, LeftOut };

export interface BookItems {
  readonly title?: string;
  readonly authors: readonly string[];
  /** BCP 47, as the book has it */
  readonly language?: string;
  readonly items: readonly ManifestItemInput[];
  readonly leftOut: readonly LeftOut[];
}

export interface SourceOptions extends BookOptions {
  /** the language is chosen by the caller: what the book says of it does not count */
  readonly language?: string;
}

/** A manifest, and what is known of the book that it was made from. */
export type SourceFile = ManifestFile & { readonly book?: Omit<BookItems, 'items'> };

const TEXT_BYTES_MAX = 64 * 1024 ** 2;
const READERS: Readonly<Record<string, (path: string, options: BookOptions) => Promise<Book>>> = {
  '.epub': openEpub,
  '.md': async (path) => readMarkdownBook(await readText(path)),
  '.markdown': async (path) => readMarkdownBook(await readText(path)),
  '.txt': async (path) => readPlainBook(await readText(path), stemOf(path)),
};

/** Whether the name is that of a book: .epub, .md, .markdown or .txt. */
export const isBook = (path: string) => extname(path).toLowerCase() in READERS;

/** @throws NarratorError book_invalid, encoding_invalid: naming the file, what in it, and where */
export async function readBook(path: string, { language, ...options }: SourceOptions = {}): Promise<BookItems> {
  const read = READERS[extname(path).toLowerCase()];
  if (read === undefined) {
    throw new NarratorError('book_invalid', `${path} ends in none of ${Object.keys(READERS).join(', ')}.`, {
      hint: 'Name books .epub, .md or .txt.',
    });
  }
  try {
    const { chapters, ...about } = await read(path, options);
    const hasLanguage = language !== undefined;
    return { ...about, items: bookItems({ ...about, chapters }, { name: stemOf(path), hasLanguage }) };
  } catch (thrown) {
    throw placed(thrown, path);
  }
}

/** A manifest file, or a book as one. @throws as readBook and openManifestFile */
export async function openSourceFile(path: string, options: SourceOptions = {}): Promise<SourceFile> {
  if (!isBook(path)) return openManifestFile(path);
  const { items, ...book } = await readBook(path, options);
  const bytes = new TextEncoder().encode(items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  return {
    path: resolve(path),
    format: 'jsonl',
    bytes: bytes.byteLength,
    async *read() {
      yield bytes;
    },
    digest: () => Promise.resolve(createHash('sha256').update(bytes).digest('hex')),
    readTextFile: () => Promise.reject(new NarratorError('text_file_unreadable', 'A book has no text files.')),
    textFileStamp: () => Promise.resolve(undefined),
    book,
  };
}

async function openEpub(path: string, options: BookOptions): Promise<Book> {
  const zip = await ZipFile.open(path);
  try {
    return await readEpub(zip, options);
  } finally {
    await zip.close();
  }
}

async function readText(path: string): Promise<string> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new NarratorError('book_invalid', 'The book cannot be read.', { hint: 'Check the path.' }, { cause });
  });
  if (found.size > TEXT_BYTES_MAX) {
    throw new NarratorError('book_invalid', `The book has ${found.size} bytes; the limit is ${TEXT_BYTES_MAX}.`, {
      limit: TEXT_BYTES_MAX,
    });
  }
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new NarratorError('book_invalid', 'The book cannot be read.', { hint: 'Check the path.' }, { cause });
  });
  return decodePlainText(bytes, 'The book');
}

function stemOf(path: string): string {
  return basename(path, extname(path));
}

/** Errors of what is inside the book are errors of the book, and name it. */
function placed(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof NarratorError)) return thrown;
  const code = thrown.code === 'item_invalid' ? 'book_invalid' : thrown.code;
  return new NarratorError(code, `${path}: ${thrown.message}`, thrown.details, { cause: thrown });
}
