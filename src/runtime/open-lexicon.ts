/** Lexicons from files: the deployment's, a job's, a voice's. */
import { open } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import { decodeDocument, decodePlainText } from '../text/decode-document.ts';
import {
  LEXICON_CHARACTERS_MAX,
  LEXICON_FORMATS,
  type LexiconFormat,
  parseLexicon,
  type ParsedLexicon,
} from '../text/parse-lexicon.ts';

export type { ParsedLexicon };

/** UTF-8 of the longest file. */
const LEXICON_BYTES_MAX = 3 * LEXICON_CHARACTERS_MAX;

/** @throws NarratorError config_invalid: it cannot be read, is none of .json, .csv and .pls, or has a bad entry */
export async function readLexicon(path: string): Promise<ParsedLexicon> {
  const format = formatOf(path);
  return parseLexicon(textOf(await readWhole(path), path, format), format, path);
}

/** A file that a client handed in. @throws NarratorError request_invalid, for what readLexicon says of files */
export function readLexiconBytes(bytes: Uint8Array, name: string): ParsedLexicon {
  const shown = basename(name).slice(-100);
  try {
    const format = formatOf(shown);
    return parseLexicon(textOf(bytes, shown, format), format, shown);
  } catch (thrown) {
    const { message, hint } = toNarratorError(thrown);
    throw new NarratorError('request_invalid', message, { field: 'lexicon', hint }, { cause: thrown });
  }
}

/** XML says of itself in which encoding it is. */
function textOf(bytes: Uint8Array, name: string, format: LexiconFormat): string {
  try {
    return format === 'pls' ? decodeDocument(bytes, name) : decodePlainText(bytes, name);
  } catch (cause) {
    throw invalid(`${name} is not valid UTF-8`, 'Save it as UTF-8.', cause);
  }
}

/** Words that are named where some are skipped. */
const NAMED_MAX = 5;

/** What is said of words that a lexicon has in no alphabet that is read; undefined if there are none. */
export function skippedMessage(skipped: ParsedLexicon['skipped']): string | undefined {
  if (skipped.length === 0) return undefined;
  const more = skipped.length > NAMED_MAX ? ` and ${skipped.length - NAMED_MAX} more` : '';
  const named = skipped.slice(0, NAMED_MAX).join(', ');
  return `The lexicon has words without an alias, in alphabets that are not read; they are left to the usual rules: ${named}${more}.`;
}

async function readWhole(path: string): Promise<Uint8Array> {
  const file = await open(path).catch((cause: unknown) => {
    throw invalid(`${path} cannot be read`, 'Check the path.', cause);
  });
  try {
    const { size } = await file.stat();
    if (size > LEXICON_BYTES_MAX) throw invalid(`${path} has ${size} bytes; the limit is ${LEXICON_BYTES_MAX}`);
    return await file.readFile();
  } catch (cause) {
    throw cause instanceof NarratorError ? cause : invalid(`${path} cannot be read`, 'Check the path.', cause);
  } finally {
    await file.close();
  }
}

function formatOf(name: string): LexiconFormat {
  const extension = extname(name).toLowerCase().slice(1);
  const format = LEXICON_FORMATS.find((one) => one === extension);
  if (format !== undefined) return format;
  throw invalid(`${name} is none of ${LEXICON_FORMATS.map((one) => `.${one}`).join(', ')}`);
}

function invalid(problem: string, hint = 'Give a lexicon as docs/lexicons.md has it.', cause?: unknown): NarratorError {
  return new NarratorError('config_invalid', `The lexicon ${problem}.`, { hint }, { cause });
}
