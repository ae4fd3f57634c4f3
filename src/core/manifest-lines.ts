/** Bytes of a manifest to its records: lines of JSON Lines, or CSV records, in which quoted line breaks do not count. */
import type { ManifestFormat } from './manifest.ts';

export interface ManifestRecord {
  /** 1-based number of the line on which it starts */
  readonly line: number;
  /** without the line break. Undefined when the record is longer than the limit: it is skipped, never held. */
  readonly bytes: Uint8Array | undefined;
  /** its full length, also when it was skipped */
  readonly length: number;
}

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;

/**
 * Reads with bounded memory: one chunk of the source and at most `recordBytesMax` of a record. A byte order mark and empty lines
 * are dropped; LF and CRLF end a line.
 */
export async function* readRecords(
  source: AsyncIterable<Uint8Array>,
  format: ManifestFormat,
  recordBytesMax: number,
): AsyncGenerator<ManifestRecord> {
  let findEnd = format === 'csv' ? csvRecordEnd() : lineEnd;
  let line = 1;
  let linesInRecord = 0;
  let held: Uint8Array[] = [];
  let length = 0;

  const hold = (piece: Uint8Array) => {
    length += piece.byteLength;
    if (length <= recordBytesMax) held.push(piece);
    else held = [];
    if (format === 'csv') linesInRecord += count(piece, LF);
  };
  const take = (): ManifestRecord => {
    const fits = length <= recordBytesMax;
    const record = { line, bytes: fits ? trimmed(join(held, length), line === 1) : undefined, length };
    line += linesInRecord + 1;
    linesInRecord = 0;
    held = [];
    length = 0;
    return record;
  };
  const isBlank = (record: ManifestRecord) => record.bytes?.every((byte) => byte === 0x20 || byte === 0x09) === true;

  for await (const chunk of source) {
    let from = 0;
    while (from < chunk.byteLength) {
      // A quote that is never closed must not swallow the rest of the manifest: past the limit, the next line break ends it.
      const isOpen = format === 'csv' && length <= recordBytesMax;
      if (format === 'csv' && !isOpen) findEnd = lineEnd;
      const to = isOpen ? Math.min(chunk.byteLength, from + recordBytesMax - length + 1) : chunk.byteLength;
      const end = findEnd(chunk.subarray(0, to), from);
      if (end < 0) {
        // The source may use its buffer again.
        hold(chunk.slice(from, to));
        from = to;
        continue;
      }
      hold(chunk.subarray(from, end));
      from = end + 1;
      if (format === 'csv' && findEnd === lineEnd) findEnd = csvRecordEnd();
      const record = take();
      if (!isBlank(record)) yield record;
    }
  }
  if (length > 0) {
    const record = take();
    if (!isBlank(record)) yield record;
  }
}

const lineEnd = (chunk: Uint8Array, from: number) => chunk.indexOf(LF, from);

/**
 * Finds the line break that ends a CSV record. A quote opens a field only at the field's start, so that a stray one
 * (12" pipe) spoils its own record and no other.
 */
function csvRecordEnd(): (chunk: Uint8Array, from: number) => number {
  let quoted = false;
  let atFieldStart = true;
  let afterClosingQuote = false;
  return (chunk, from) => {
    for (let at = from; at < chunk.byteLength; at++) {
      const byte = chunk[at];
      if (quoted) {
        if (byte === QUOTE) {
          quoted = false;
          afterClosingQuote = true;
        }
        continue;
      }
      if (byte === LF) {
        atFieldStart = true;
        afterClosingQuote = false;
        return at;
      }
      // Two quotes in a quoted field are one quote of its text.
      if (byte === QUOTE && (atFieldStart || afterClosingQuote)) quoted = true;
      atFieldStart = byte === COMMA;
      afterClosingQuote = false;
    }
    return -1;
  };
}

function count(bytes: Uint8Array, byte: number): number {
  let found = 0;
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) found++;
  return found;
}

function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.byteLength;
  }
  return joined;
}

function trimmed(bytes: Uint8Array, isFirst: boolean): Uint8Array {
  const start = isFirst && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const end = bytes.at(-1) === CR ? bytes.byteLength - 1 : bytes.byteLength;
  return bytes.subarray(start, Math.max(start, end));
}
