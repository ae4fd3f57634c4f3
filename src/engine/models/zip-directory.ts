/**
 * The table of contents of a ZIP file whose entries are stored, not compressed: what PyTorch writes. Only the central
 * directory is believed, never a local header's sizes, and every entry must lie in the file without touching another.
 * Format: PKWARE APPNOTE 6.3.10, sections 4.3.7 to 4.3.16 and 4.5.3 (zip64).
 */
import type { FileHandle } from 'node:fs/promises';
import { NarratorError } from '../../core/errors.ts';

/** Where an entry's bytes lie in the file. */
export interface ZipEntry {
  readonly offset: number;
  readonly bytes: number;
}

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
const END_ZIP64 = 0x06064b50;
const END_ZIP64_LOCATOR = 0x07064b50;
const ZIP64_EXTRA = 0x0001;

const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const END_ZIP64_BYTES = 56;
const LOCAL_HEADER_BYTES = 30;
const CENTRAL_HEADER_BYTES = 46;
const LONGEST_COMMENT = 0xffff;

/** A state dictionary has one entry a tensor: F5-TTS has some 400, its optimiser three times as many. */
const MAX_ENTRIES = 65_535;
const MAX_DIRECTORY_BYTES = 32 * 1024 * 1024;

/** @throws NarratorError model_invalid: not such a ZIP file, cut off, compressed, encrypted or with overlapping entries */
export async function readZipDirectory(file: FileHandle, path: string): Promise<Map<string, ZipEntry>> {
  const refuse = (what: string): NarratorError => new NarratorError('model_invalid', `${path}: ${what}`);
  const { size } = await file.stat();

  const read = async (offset: number, bytes: number): Promise<Buffer> => {
    if (offset < 0 || bytes < 0 || offset + bytes > size) {
      throw refuse(`cut off: ${bytes} bytes at ${offset} lie beyond its ${size} bytes`);
    }
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await file.read(buffer, 0, bytes, offset);
    if (bytesRead !== bytes) throw refuse(`cut off: only ${bytesRead} of ${bytes} bytes at ${offset} could be read`);
    return buffer;
  };

  const tailOffset = Math.max(0, size - END_BYTES - LONGEST_COMMENT);
  const tail = await read(tailOffset, size - tailOffset);
  const end = findEnd(tail);
  if (end === undefined) throw refuse('not a whole ZIP file: it has no end of central directory (cut off?)');

  let count = tail.readUInt16LE(end + 10);
  let directoryBytes = tail.readUInt32LE(end + 12);
  let directoryOffset = tail.readUInt32LE(end + 16);
  if (count === 0xffff || directoryBytes === 0xffffffff || directoryOffset === 0xffffffff) {
    const locator = await read(tailOffset + end - LOCATOR_BYTES, LOCATOR_BYTES);
    if (locator.readUInt32LE(0) !== END_ZIP64_LOCATOR) throw refuse('the zip64 locator is missing');
    const end64 = await read(toNumber(locator, 8, refuse), END_ZIP64_BYTES);
    if (end64.readUInt32LE(0) !== END_ZIP64) throw refuse('the zip64 end of central directory is missing');
    count = toNumber(end64, 32, refuse);
    directoryBytes = toNumber(end64, 40, refuse);
    directoryOffset = toNumber(end64, 48, refuse);
  }
  if (count > MAX_ENTRIES) throw refuse(`${count} entries; at most ${MAX_ENTRIES} are read`);
  if (directoryBytes > MAX_DIRECTORY_BYTES) {
    throw refuse(`a directory of ${directoryBytes} bytes; at most ${MAX_DIRECTORY_BYTES} are read`);
  }

  const directory = await read(directoryOffset, directoryBytes);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_HEADER_BYTES > directory.length || directory.readUInt32LE(at) !== CENTRAL_HEADER) {
      throw refuse(`entry ${i + 1} of ${count} is missing in the central directory`);
    }
    const nameBytes = directory.readUInt16LE(at + 28);
    const extraBytes = directory.readUInt16LE(at + 30);
    const next = at + CENTRAL_HEADER_BYTES + nameBytes + extraBytes + directory.readUInt16LE(at + 32);
    if (next > directory.length) throw refuse(`entry ${i + 1} of ${count} runs beyond the central directory`);
    const nameAt = at + CENTRAL_HEADER_BYTES;
    const name = directory.toString('utf8', nameAt, nameAt + nameBytes);
    if (entries.has(name)) throw refuse(`the entry ${JSON.stringify(name)} occurs twice`);
    if ((directory.readUInt16LE(at + 8) & 1) !== 0) throw refuse(`the entry ${JSON.stringify(name)} is encrypted`);
    if (directory.readUInt16LE(at + 10) !== 0) throw refuse(`the entry ${JSON.stringify(name)} is compressed`);

    const extra = directory.subarray(nameAt + nameBytes, nameAt + nameBytes + extraBytes);
    const [unpacked, packed, localOffset] = zip64Values(
      [directory.readUInt32LE(at + 24), directory.readUInt32LE(at + 20), directory.readUInt32LE(at + 42)],
      extra,
      refuse,
    );
    if (packed !== unpacked) throw refuse(`the entry ${JSON.stringify(name)} states two sizes: ${packed}, ${unpacked}`);

    const local = await read(localOffset, LOCAL_HEADER_BYTES);
    if (local.readUInt32LE(0) !== LOCAL_HEADER)
      throw refuse(`the entry ${JSON.stringify(name)} is not where it should be`);
    const offset = localOffset + LOCAL_HEADER_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (offset + unpacked > directoryOffset) {
      throw refuse(
        `the entry ${JSON.stringify(name)} (${unpacked} bytes at ${offset}) runs into the central directory`,
      );
    }
    entries.set(name, { offset, bytes: unpacked });
    at = next;
  }
  refuseOverlaps(entries, refuse);
  return entries;
}

/** The last signature of an end record in the file's tail. */
function findEnd(tail: Buffer): number | undefined {
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    if (tail.readUInt32LE(at) === END) return at;
  }
  return undefined;
}

/** Replaces each field that says 'see zip64' (all ones) with its 64-bit value, which are stored in the same order. */
function zip64Values(
  fields: [number, number, number],
  extra: Buffer,
  refuse: (what: string) => NarratorError,
): [number, number, number] {
  if (!fields.includes(0xffffffff)) return fields;
  let at = 0;
  while (at + 4 <= extra.length && extra.readUInt16LE(at) !== ZIP64_EXTRA) at += 4 + extra.readUInt16LE(at + 2);
  at += 4;
  return fields.map((field) => {
    if (field !== 0xffffffff) return field;
    if (at + 8 > extra.length) throw refuse('an entry lacks its zip64 sizes');
    at += 8;
    return toNumber(extra, at - 8, refuse);
  }) as [number, number, number];
}

function toNumber(buffer: Buffer, at: number, refuse: (what: string) => NarratorError): number {
  const value = buffer.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw refuse(`a size of ${value} bytes`);
  return Number(value);
}

/** Entries that share bytes are how a small ZIP file claims to hold terabytes. */
function refuseOverlaps(entries: Map<string, ZipEntry>, refuse: (what: string) => NarratorError): void {
  let previous: [string, ZipEntry] | undefined;
  for (const current of [...entries].sort((a, b) => a[1].offset - b[1].offset)) {
    if (previous !== undefined && previous[1].offset + previous[1].bytes > current[1].offset) {
      throw refuse(`the entries ${JSON.stringify(previous[0])} and ${JSON.stringify(current[0])} overlap`);
    }
    previous = current;
  }
}
