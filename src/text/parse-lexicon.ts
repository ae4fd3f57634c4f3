/** Files of lexicons: JSON, CSV and PLS. */
import { CsvError, parse } from 'csv-parse/sync';
import { NarratorError } from '../core/errors.ts';
import { LEXICON_FIELDS, LEXICON_LIMITS, type LexiconEntry, lexiconEntrySchema } from '../core/lexicon.ts';
import { readPls } from './read-pls.ts';

export const LEXICON_FORMATS = ['json', 'csv', 'pls'] as const;
export type LexiconFormat = (typeof LEXICON_FORMATS)[number];

/** Longest file in characters. */
export const LEXICON_CHARACTERS_MAX = 20_000_000;

export interface ParsedLexicon {
  readonly entries: LexiconEntry[];
  /** of PLS: words that are there in an alphabet only that no model here reads */
  readonly skipped: readonly string[];
}

/**
 * JSON: an object of written to spoken ({"SQL": "sequel"}), or an array of objects with written, spoken, and if need be language and
 * matchCase. CSV: a header with those names, comma-separated, quoted as usual. PLS: see read-pls.ts. Entries of a language other than
 * the text's are not used in it.
 *
 * @param name of the file, for messages
 * @throws NarratorError config_invalid with the file, the entry (JSON: its number from 1; CSV and PLS: its line), the field and what
 * was found
 */
export function parseLexicon(text: string, format: LexiconFormat, name?: string): ParsedLexicon {
  const invalid = refusal(name);
  if (text.length > LEXICON_CHARACTERS_MAX) {
    throw invalid(`has ${text.length} characters; the limit is ${LEXICON_CHARACTERS_MAX}`);
  }
  const source = text.replace(/^\ufeff/, '');
  const { rows, skipped = [] } =
    format === 'pls' ? readPls(source, invalid) : { rows: (format === 'json' ? jsonRows : csvRows)(source, invalid) };
  if (rows.length > LEXICON_LIMITS.entriesMax) {
    throw invalid(`has ${rows.length} entries; the limit is ${LEXICON_LIMITS.entriesMax}`);
  }
  return { entries: rows.map((row) => entryOf(row, invalid)), skipped };
}

/** An entry as it is in its file. */
export interface PlacedRow {
  /** 'entry 3', 'line 17' */
  readonly place: string;
  readonly row: Readonly<Record<string, unknown>>;
}

/** Makes the error of a problem of this file. */
export type Refusal = (problem: string, options?: { hint?: string; cause?: unknown }) => NarratorError;

function jsonRows(source: string, invalid: Refusal): PlacedRow[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch (cause) {
    throw invalid(`is not JSON: ${cause instanceof Error ? cause.message : ''}`, { cause });
  }
  if (Array.isArray(parsed)) {
    return parsed.map((row: unknown, index) => {
      if (!isObject(row)) throw invalid(`entry ${index + 1} is not an object`);
      return { place: `entry ${index + 1}`, row };
    });
  }
  if (!isObject(parsed)) throw invalid('is neither an object nor an array');
  return Object.entries(parsed).map(([written, spoken], index) => ({
    place: `entry ${index + 1}`,
    row: { written, spoken },
  }));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function csvRows(source: string, invalid: Refusal): PlacedRow[] {
  let records: { info: { lines: number }; record: Record<string, string> }[];
  try {
    records = parse(source, {
      columns: true,
      info: true,
      skip_empty_lines: true,
      comment: '#',
      comment_no_infix: true,
    });
  } catch (cause) {
    const line = cause instanceof CsvError ? ` in line ${String(cause['lines'])}` : '';
    throw invalid(`cannot be read as CSV${line}: ${cause instanceof Error ? cause.message : ''}`, { cause });
  }
  return records.map(({ info, record }) => {
    const row: Record<string, unknown> = Object.fromEntries(Object.entries(record).filter(([, cell]) => cell !== ''));
    if (record['matchCase'] === 'true' || record['matchCase'] === 'false')
      row['matchCase'] = record['matchCase'] === 'true';
    return { place: `line ${info.lines}`, row };
  });
}

function entryOf({ place, row }: PlacedRow, invalid: Refusal): LexiconEntry {
  const parsed = lexiconEntrySchema.safeParse(row);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    const name = JSON.stringify(issue.keys[0]?.slice(0, 80));
    throw invalid(`${place} has a field ${name}; there are ${LEXICON_FIELDS.join(', ')}`);
  }
  throw invalid(`${place}: ${issue?.path.join('.') ?? 'it'} ${issue?.message ?? 'is wrong'}`);
}

function refusal(name: string | undefined): Refusal {
  const subject = name === undefined ? 'The lexicon' : `The lexicon ${name}:`;
  return (problem, { hint = 'Correct the lexicon; docs/lexicons.md has its forms.', cause } = {}) =>
    new NarratorError('config_invalid', `${subject} ${problem}.`, { hint }, { cause });
}
