/** CSV manifests: a header of field names, one item a record. Metadata stands in columns `metadata.<name>`. */
import { parse } from 'csv-parse/sync';
import { NarratorError } from './errors.ts';
import { MANIFEST_FIELDS } from './manifest.ts';
import { nearestName } from './nearest-name.ts';

const METADATA = 'metadata.';
/** Items have at most 16 pairs of metadata each, but need not have the same ones. */
const COLUMNS_MAX = 256;

/** @throws NarratorError manifest_invalid, for the manifest as a whole: without its header no line can be read */
export function parseCsvHeader(text: string, line: number): string[] {
  const columns = parseCsvRecord(text)?.map((name) => name.trim());
  const problem = columns === undefined ? 'is not valid CSV' : headerProblem(columns);
  if (columns === undefined || problem !== undefined) {
    throw new NarratorError('manifest_invalid', `Line ${line}: the CSV header ${problem}.`, { line });
  }
  return columns;
}

function headerProblem(columns: readonly string[]): string | undefined {
  const known: readonly string[] = MANIFEST_FIELDS.filter((field) => field !== 'metadata');
  if (columns.length > COLUMNS_MAX) return `has ${columns.length} columns; the limit is ${COLUMNS_MAX}`;
  for (const [index, column] of columns.entries()) {
    const isMetadata = column.startsWith(METADATA) && column.length > METADATA.length;
    if (!isMetadata && !known.includes(column)) {
      return `has an unknown column ${JSON.stringify(column.slice(0, 80))}${nearestName(column, known)}; columns are ${known.join(', ')} and metadata.<name>`;
    }
    if (columns.indexOf(column) !== index) return `names the column '${column}' twice`;
  }
  return columns.includes('id') ? undefined : "has no column 'id'";
}

/** @returns undefined if that is not one valid CSV record */
export function parseCsvRecord(text: string): string[] | undefined {
  try {
    const records: string[][] = parse(text, { relax_column_count: true });
    return records.length === 1 ? records[0] : undefined;
  } catch {
    return undefined;
  }
}

/** The record as a JSON manifest would have it: empty cells are absent, numbers are numbers. */
export function csvItem(columns: readonly string[], cells: readonly string[]): Record<string, unknown> {
  const item: Record<string, unknown> = {};
  const metadata: [string, string][] = [];
  for (const [index, column] of columns.entries()) {
    const cell = cells[index] as string;
    if (cell === '') continue;
    if (column.startsWith(METADATA)) metadata.push([column.slice(METADATA.length), cell]);
    else item[column] = column === 'speed' ? numeric(cell) : cell;
  }
  if (metadata.length > 0) item.metadata = Object.fromEntries(metadata);
  // A cell cannot tell an empty text from none: the column says that it was meant.
  if (item.text === undefined && item.textFile === undefined && columns.includes('text')) item.text = '';
  return item;
}

/** What is no number stays text, for the schema to refuse with what was found. */
function numeric(cell: string): number | string {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)\s*$/.test(cell) ? Number(cell) : cell;
}
