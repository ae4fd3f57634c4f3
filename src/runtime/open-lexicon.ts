/** The deployment's lexicon: a file that the configuration names. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { NarratorError } from '../core/errors.ts';
import type { Lexicon } from '../text/lexicon.ts';
import { parseLexicon } from '../text/parse-lexicon.ts';

/** @throws NarratorError config_invalid: it cannot be read, is neither .json nor .csv, or has a bad entry */
export async function openLexicon(path: string): Promise<Lexicon> {
  const format = extname(path).toLowerCase().slice(1);
  if (format !== 'json' && format !== 'csv') {
    throw new NarratorError('config_invalid', `The lexicon ${path} is neither a .json nor a .csv file.`, {
      hint: 'Give the lexicon as JSON or CSV; docs/text.md has the forms.',
    });
  }
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new NarratorError(
      'config_invalid',
      `The lexicon ${path} cannot be read.`,
      { hint: 'Check the path.' },
      { cause },
    );
  });
  return parseLexicon(text, format);
}
