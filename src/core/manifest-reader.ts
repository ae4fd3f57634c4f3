/** Reads a manifest as a stream: every record is an item or a named error, and one bad record harms no other. */
import type { z } from 'zod';
import { NarratorError } from './errors.ts';
import {
  MANIFEST_FIELDS,
  MANIFEST_LIMITS,
  type ManifestFormat,
  type ManifestItem,
  manifestItemSchema,
  type ManifestLimits,
} from './manifest.ts';
import { csvItem, parseCsvHeader, parseCsvRecord } from './manifest-csv.ts';
import { type ManifestRecord, readRecords } from './manifest-lines.ts';
import { nearestName } from './nearest-name.ts';

export type ManifestEntry =
  | { readonly line: number; readonly item: ManifestItem }
  | { readonly line: number; readonly error: NarratorError };

/**
 * Memory does not grow with the manifest.
 * @throws NarratorError manifest_invalid (UTF-16, an unusable CSV header, no items at all), manifest_too_large (too many items)
 */
export async function* readManifest(
  bytes: AsyncIterable<Uint8Array>,
  format: ManifestFormat,
  limits: ManifestLimits = MANIFEST_LIMITS,
): AsyncGenerator<ManifestEntry> {
  let columns: string[] | undefined;
  for await (const record of itemRecords(bytes, format, limits, (header) => (columns = header))) {
    yield entryOf(record, columns, limits);
  }
}

/**
 * Reads to the end without looking at the items: what makes the whole manifest unusable should be known before its first item is
 * spoken.
 * @throws NarratorError as readManifest
 */
export async function countItems(
  bytes: AsyncIterable<Uint8Array>,
  format: ManifestFormat,
  limits: ManifestLimits = MANIFEST_LIMITS,
): Promise<number> {
  let items = 0;
  for await (const _record of itemRecords(bytes, format, limits, () => undefined)) items += 1;
  return items;
}

/** The records that hold items, good or bad; `onHeader` hears the columns of CSV before the first of them. */
async function* itemRecords(
  bytes: AsyncIterable<Uint8Array>,
  format: ManifestFormat,
  limits: ManifestLimits,
  onHeader: (columns: string[]) => void,
): AsyncGenerator<ManifestRecord> {
  let items = format === 'csv' ? -1 : 0;
  let isFirst = true;
  for await (const record of readRecords(bytes, format, limits.lineBytesMax)) {
    if (isFirst) refuseWideCharacters(record);
    isFirst = false;
    items += 1;
    if (items === 0) onHeader(parseCsvHeader(headerText(record, limits), record.line));
    else {
      checkItemCount(items, record.line, limits);
      yield record;
    }
  }
  if (items <= 0) throw new NarratorError('manifest_invalid', 'The manifest holds no items.');
}

/** What some programs save as "Unicode": every line of it would be an error, and none would say why. */
function refuseWideCharacters({ bytes, line }: ManifestRecord): void {
  const [first, second] = bytes ?? [];
  const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (!hasMark && bytes?.includes(0) !== true) return;
  throw new NarratorError(
    'manifest_invalid',
    `Line ${line}: the manifest is not UTF-8 but UTF-16, or no text at all.`,
    {
      line,
      hint: 'Save the file as UTF-8.',
    },
  );
}

function checkItemCount(items: number, line: number, { itemsMax }: ManifestLimits): void {
  if (items <= itemsMax) return;
  throw new NarratorError('manifest_too_large', `Line ${line}: the manifest holds more than ${itemsMax} items.`, {
    line,
    limit: itemsMax,
  });
}

function headerText(record: ManifestRecord, limits: ManifestLimits): string {
  try {
    return textOf(record, limits);
  } catch (error) {
    throw error instanceof NarratorError ? new NarratorError('manifest_invalid', error.message, error.details) : error;
  }
}

function entryOf(record: ManifestRecord, columns: string[] | undefined, limits: ManifestLimits): ManifestEntry {
  const { line } = record;
  try {
    const text = textOf(record, limits);
    return {
      line,
      item: parseItem(columns === undefined ? jsonValue(text, line) : csvValue(text, columns, line), line),
    };
  } catch (error) {
    if (error instanceof NarratorError) return { line, error };
    throw error;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf({ bytes, line, length }: ManifestRecord, limits: ManifestLimits): string {
  if (bytes === undefined) {
    throw new NarratorError(
      'item_invalid',
      `Line ${line}: the record is ${length} bytes long, the limit is ${limits.lineBytesMax} bytes. In CSV a quote that is never closed can be the cause; long texts go into a textFile.`,
      { line, limit: limits.lineBytesMax },
    );
  }
  try {
    return decoder.decode(bytes);
  } catch {
    const at = firstInvalidByte(bytes);
    throw new NarratorError(
      'encoding_invalid',
      `Line ${line}: byte ${at + 1} of the line (0x${(bytes[at] as number).toString(16)}) is not valid UTF-8.`,
      { line },
    );
  }
}

/** Where decoding fails: the longest prefix that decodes, found by bisection. */
function firstInvalidByte(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.byteLength;
  while (good + 1 < bad) {
    const middle = (good + bad) >> 1;
    if (decodes(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

function decodes(prefix: Uint8Array): boolean {
  try {
    // `stream` forgives a character that the cut divides
    new TextDecoder('utf-8', { fatal: true }).decode(prefix, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function jsonValue(text: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No cause: the message of JSON.parse quotes the client's text, and errors are logged.
    throw new NarratorError('item_invalid', `Line ${line}: not a JSON object: ${jsonSymptom(text)}.`, { line });
  }
}

function jsonSymptom(text: string): string {
  const trimmed = text.trim();
  if (trimmed.startsWith('['))
    return 'it starts with "[" (a manifest has one object a line, without a list around them)';
  if (!trimmed.startsWith('{')) return 'it does not start with "{"';
  if (!trimmed.endsWith('}')) return 'it does not end with "}" (one object must stand on one line)';
  return 'it is not valid JSON';
}

function csvValue(text: string, columns: readonly string[], line: number): unknown {
  const cells = parseCsvRecord(text);
  if (cells === undefined) {
    throw new NarratorError(
      'item_invalid',
      `Line ${line}: not a valid CSV record: quote a text that holds commas or quotes, and double the quotes in it.`,
      { line },
    );
  }
  if (cells.length !== columns.length) {
    throw new NarratorError(
      'item_invalid',
      `Line ${line}: the record has ${cells.length} cells, the header has ${columns.length}: quote a text that holds commas.`,
      { line },
    );
  }
  return csvItem(columns, cells);
}

function parseItem(value: unknown, line: number): ManifestItem {
  const parsed = manifestItemSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 3);
  const field = issues[0] === undefined ? '' : fieldOf(issues[0]);
  const id = usableId(value);
  throw new NarratorError(
    'item_invalid',
    `Line ${line}: ${issues.map((issue) => describe(issue, value)).join('; ')}.`,
    {
      line,
      ...(id !== undefined && { item: id }),
      ...(field !== '' && { field }),
    },
  );
}

type Issue = z.core.$ZodIssue;

function fieldOf(issue: Issue): string {
  if (issue.code === 'unrecognized_keys') return issue.keys[0] ?? '';
  return issue.path.map(String).join('.');
}

function describe(issue: Issue, value: unknown): string {
  if (issue.code === 'unrecognized_keys') {
    const name = issue.keys[0] ?? '';
    return `there is no field ${JSON.stringify(name.slice(0, 80))}${nearestName(name, MANIFEST_FIELDS)}`;
  }
  const field = fieldOf(issue);
  return `${field === '' ? 'the entry' : field} ${issue.message} (found ${found(issue.path, value)})`;
}

/** What stands at `path`, briefly; of texts only the length, because messages are logged. */
function found(path: readonly PropertyKey[], value: unknown): string {
  let at: unknown = value;
  for (const name of path)
    at = typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[name] : undefined;
  if (at === undefined) return 'nothing';
  if (at === null) return 'null';
  if (Array.isArray(at)) return 'an array';
  if (typeof at === 'object') return path[0] === 'metadata' ? `${Object.keys(at).length} pairs` : 'an object';
  if (typeof at === 'string') {
    if (path[0] === 'text' || path[0] === 'metadata') return `a string of ${at.length} characters`;
    return JSON.stringify(at.length > 60 ? `${at.slice(0, 60)}…` : at);
  }
  return JSON.stringify(at);
}

function usableId(value: unknown): string | undefined {
  const id = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : undefined;
  return manifestItemSchema.safeParse({ id, text: '' }).success ? (id as string) : undefined;
}
