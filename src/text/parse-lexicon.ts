/** Files of lexicons: JSON and CSV. */
import { CsvError, parse } from 'csv-parse/sync';
import { NarratorError } from '../core/errors.ts';
import { Lexicon, LEXICON_LIMITS, type LexiconEntry } from './lexicon.ts';

export type LexiconFormat = 'json' | 'csv';

/** Longest file in characters. */
export const LEXICON_CHARACTERS_MAX = 20_000_000;

const FIELDS = ['written', 'spoken', 'language', 'matchCase'] as const;

/**
 * JSON: an object of written to spoken ({"SQL": "sequel"}), or an array of objects with written, spoken, and if need be language and
 * matchCase. CSV: a header with those names, comma-separated, quoted as usual. Entries of a language other than the text's are
 * not used in it.
 *
 * @throws NarratorError config_invalid with the entry (JSON: its number from 1; CSV: its line), the field and what was found
 */
export function parseLexicon(text: string, format: LexiconFormat): Lexicon {
  if (text.length > LEXICON_CHARACTERS_MAX) {
    throw invalid(`has ${text.length} characters; the limit is ${LEXICON_CHARACTERS_MAX}`);
  }
  const source = text.replace(/^\ufeff/, '');
  const rows = format === 'json' ? jsonRows(source) : csvRows(source);
  if (rows.length > LEXICON_LIMITS.entriesMax) {
    throw invalid(`has ${rows.length} entries; the limit is ${LEXICON_LIMITS.entriesMax}`);
  }
  return new Lexicon(rows.map(({ place, row }) => entryOf(row, place)));
}

interface PlacedRow {
  readonly place: string;
  readonly row: Readonly<Record<string, unknown>>;
}

function jsonRows(source: string): PlacedRow[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch (cause) {
    throw invalid(`is not JSON: ${cause instanceof Error ? cause.message : ''}`);
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

function csvRows(source: string): PlacedRow[] {
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
    throw invalid(`cannot be read as CSV${line}: ${cause instanceof Error ? cause.message : ''}`);
  }
  return records.map(({ info, record }) => {
    const row: Record<string, unknown> = Object.fromEntries(Object.entries(record).filter(([, cell]) => cell !== ''));
    if (record['matchCase'] === 'true' || record['matchCase'] === 'false')
      row['matchCase'] = record['matchCase'] === 'true';
    return { place: `line ${info.lines}`, row };
  });
}

function entryOf(row: Readonly<Record<string, unknown>>, place: string): LexiconEntry {
  const unknown = Object.keys(row).find((name) => !(FIELDS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw invalid(`${place} has a field ${JSON.stringify(unknown.slice(0, 80))}; there are ${FIELDS.join(', ')}`);
  }
  const written = words(row, 'written', place, LEXICON_LIMITS.writtenCharactersMax);
  const spoken = words(row, 'spoken', place, LEXICON_LIMITS.spokenCharactersMax);
  const { language, matchCase } = row;
  if (language !== undefined && (typeof language !== 'string' || !/^[A-Za-z]{2,3}(?:-|$)/.test(language))) {
    throw invalid(`${place}: language must be a tag such as "en"`);
  }
  if (matchCase !== undefined && typeof matchCase !== 'boolean')
    throw invalid(`${place}: matchCase must be true or false`);
  return {
    written,
    spoken,
    ...(language !== undefined && { language: language.split('-', 1)[0]?.toLowerCase() ?? language }),
    ...(matchCase !== undefined && { matchCase }),
  };
}

function words(
  row: Readonly<Record<string, unknown>>,
  field: 'written' | 'spoken',
  place: string,
  limit: number,
): string {
  const value = row[field];
  if (typeof value !== 'string') throw invalid(`${place}: ${field} must be a string`);
  const text = value.normalize('NFC').replace(/\s+/g, ' ').trim();
  if (text === '' && field === 'written') throw invalid(`${place}: written is empty`);
  if (text.length > limit) throw invalid(`${place}: ${field} has ${text.length} characters; the limit is ${limit}`);
  return text;
}

function invalid(problem: string): NarratorError {
  return new NarratorError('config_invalid', `The lexicon ${problem}.`, {
    hint: 'Correct the lexicon; docs/text.md has its forms.',
  });
}
