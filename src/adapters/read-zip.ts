/**
 * Entries of a ZIP archive (PKWARE APPNOTE 6.3) one at a time: only what is asked for is read from the disk and unpacked, and what was
 * built to unpack to gigabytes is found out while it is unpacked, whatever its headers say.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { Inflate } from 'fflate';
import { NarratorError } from '../core/errors.ts';

export interface ZipLimits {
  readonly entriesMax: number;
  /** unpacked, of one entry */
  readonly entryBytesMax: number;
  /** unpacked, of everything that is read */
  readonly totalBytesMax: number;
}

const LIMITS: ZipLimits = { entriesMax: 20_000, entryBytesMax: 32 * 1024 ** 2, totalBytesMax: 512 * 1024 ** 2 };
/** Text is packed to a third or a tenth; Deflate's own limit, 1032, is what bombs use. Small entries may be anything. */
const RATIO_MAX = 200;
const RATIO_FREE_BYTES = 1024 ** 2;
const DIRECTORY_BYTES_MAX = 16 * 1024 ** 2;
/** What one step unpacks at most is 1032 times as much. */
const CHUNK_BYTES = 16 * 1024;

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const COMMENT_BYTES_MAX = 0xffff;
const DIRECTORY_SIGNATURE = 0x02014b50;
const DIRECTORY_ENTRY_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
/** General purpose bits: encrypted, name in UTF-8. */
const ENCRYPTED_BIT = 1;
const UTF8_BIT = 1 << 11;

interface ZipEntry {
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly offset: number;
}

export class ZipFile {
  readonly #file: FileHandle;
  readonly #entries: ReadonlyMap<string, ZipEntry>;
  readonly #limits: ZipLimits;
  #unpackedBytes = 0;

  private constructor(file: FileHandle, entries: ReadonlyMap<string, ZipEntry>, limits: ZipLimits) {
    this.#file = file;
    this.#entries = entries;
    this.#limits = limits;
  }

  /** Reads the directory only. @throws NarratorError book_invalid: no such file, no ZIP archive, past a limit, unsafe or double names */
  static async open(path: string, limits: Partial<ZipLimits> = {}): Promise<ZipFile> {
    const file = await open(path).catch((cause: unknown) => {
      throw invalid('cannot be read', { hint: 'Check the path.' }, cause);
    });
    try {
      const all = { ...LIMITS, ...limits };
      return new ZipFile(file, await readDirectory(file, all), all);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** @returns undefined if there is no such entry @throws NarratorError book_invalid: encrypted, damaged, packed otherwise, past a limit */
  async read(name: string): Promise<Uint8Array | undefined> {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const shown = shownName(name);
    if ((entry.flags & ENCRYPTED_BIT) !== 0) throw invalid(`has ${shown} encrypted`, PROTECTED);
    if (entry.method !== STORED && entry.method !== DEFLATED) {
      throw invalid(`has ${shown} packed by method ${entry.method}; only Deflate and none are read`);
    }
    const unpacked = await this.#unpack(entry, shown);
    if (unpacked.byteLength !== entry.bytes || crc32(unpacked) !== entry.crc) throw invalid(`has ${shown} damaged`);
    return unpacked;
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#file.close();
  }

  async #unpack(entry: ZipEntry, shown: string): Promise<Uint8Array> {
    const { entryBytesMax, totalBytesMax } = this.#limits;
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    let packedBytes = 0;
    const take = (chunk: Uint8Array) => {
      bytes += chunk.byteLength;
      this.#unpackedBytes += chunk.byteLength;
      if (bytes > entryBytesMax) throw invalid(`has ${shown}, which unpacks to more than ${entryBytesMax} bytes`);
      if (bytes > RATIO_FREE_BYTES && bytes > RATIO_MAX * packedBytes) {
        throw invalid(`has ${shown}, which unpacks to more than ${RATIO_MAX} times its size`);
      }
      if (this.#unpackedBytes > totalBytesMax) throw invalid(`unpacks to more than ${totalBytesMax} bytes`);
      chunks.push(chunk);
    };
    const inflate = new Inflate(take);
    let at = await dataOffset(this.#file, entry, shown);
    while (packedBytes < entry.packedBytes) {
      const chunk = await readExactly(this.#file, at, Math.min(CHUNK_BYTES, entry.packedBytes - packedBytes), shown);
      at += chunk.byteLength;
      packedBytes += chunk.byteLength;
      if (entry.method === STORED) take(chunk);
      else pushTo(inflate, chunk, packedBytes === entry.packedBytes, shown);
    }
    return Buffer.concat(chunks);
  }
}

/** What fflate finds wrong it throws as an error of its own; limits pass through. */
function pushTo(inflate: Inflate, chunk: Uint8Array, isLast: boolean, shown: string): void {
  try {
    inflate.push(chunk, isLast);
  } catch (cause) {
    throw cause instanceof NarratorError ? cause : invalid(`has ${shown} damaged`, {}, cause);
  }
}

async function readDirectory(file: FileHandle, { entriesMax }: ZipLimits): Promise<Map<string, ZipEntry>> {
  const found = await file.stat();
  if (!found.isFile()) throw invalid('is no file');
  const { size } = found;
  const tailBytes = Math.min(size, END_BYTES + COMMENT_BYTES_MAX);
  const tail = await readExactly(file, size - tailBytes, tailBytes);
  const end = findEnd(tail);
  if (end === undefined) throw invalid('is no ZIP archive, as every EPUB is');
  const count = end.getUint16(10, true);
  const bytes = end.getUint32(12, true);
  const offset = end.getUint32(16, true);
  if (count === 0xffff || offset === 0xffffffff) throw invalid('is a ZIP64 archive, which is not read');
  if (end.getUint16(4, true) !== 0 || end.getUint16(8, true) !== count) throw invalid('is a part of a ZIP archive');
  if (count > entriesMax) throw invalid(`has ${count} entries; the limit is ${entriesMax}`, { limit: entriesMax });
  if (bytes > DIRECTORY_BYTES_MAX) throw invalid(`has a directory of ${bytes} bytes`, { limit: DIRECTORY_BYTES_MAX });
  return entriesOf(await readExactly(file, offset, bytes), count);
}

function entriesOf(directory: Uint8Array, count: number): Map<string, ZipEntry> {
  const view = viewOf(directory);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    const isWhole = at + DIRECTORY_ENTRY_BYTES <= directory.byteLength;
    if (!isWhole || view.getUint32(at, true) !== DIRECTORY_SIGNATURE) throw invalid('has a damaged directory');
    const short = (field: number) => view.getUint16(at + field, true);
    const long = (field: number) => view.getUint32(at + field, true);
    const nameStart = at + DIRECTORY_ENTRY_BYTES;
    const name = nameOf(directory.subarray(nameStart, nameStart + short(28)), short(8));
    const entry = {
      flags: short(8),
      method: short(10),
      crc: long(16),
      packedBytes: long(20),
      bytes: long(24),
      offset: long(42),
    };
    at = nameStart + short(28) + short(30) + short(32);
    if (name.endsWith('/')) continue;
    if (/^\/|^[A-Za-z]:|[\\\0]|(?:^|\/)\.\.?(?:\/|$)/.test(name)) {
      throw invalid(`has an entry with the name ${shownName(name)}, which leads out of it`);
    }
    if (entries.has(name)) throw invalid(`has ${shownName(name)} twice`);
    entries.set(name, entry);
  }
  return entries;
}

/** The record at the end, behind which a comment may stand. */
function findEnd(tail: Uint8Array): DataView | undefined {
  const view = viewOf(tail);
  for (let at = tail.byteLength - END_BYTES; at >= 0; at -= 1) {
    const isEnd = view.getUint32(at, true) === END_SIGNATURE;
    if (isEnd && at + END_BYTES + view.getUint16(at + 20, true) === tail.byteLength) {
      return viewOf(tail.subarray(at));
    }
  }
  return undefined;
}

async function dataOffset(file: FileHandle, { offset }: ZipEntry, shown: string): Promise<number> {
  const view = viewOf(await readExactly(file, offset, LOCAL_BYTES, shown));
  if (view.getUint32(0, true) !== LOCAL_SIGNATURE) throw invalid(`has ${shown} damaged`);
  return offset + LOCAL_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
}

/** Without the bit the name is in code page 437, of which ASCII is all that books use; many write UTF-8 and do not say so. */
function nameOf(bytes: Uint8Array, flags: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    if ((flags & UTF8_BIT) !== 0) throw invalid('has an entry whose name is not UTF-8');
    return new TextDecoder('latin1').decode(bytes);
  }
}

async function readExactly(file: FileHandle, position: number, length: number, shown?: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) throw invalid(shown === undefined ? 'breaks off' : `breaks off within ${shown}`);
    filled += bytesRead;
  }
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function shownName(name: string): string {
  return /^[\w./ -]{1,200}$/.test(name) ? name : JSON.stringify(name.slice(0, 200));
}

const PROTECTED = { hint: 'A protected book cannot be read: use a copy without protection.' };

function invalid(problem: string, details: { hint?: string; limit?: number } = {}, cause?: unknown): NarratorError {
  return new NarratorError('book_invalid', `The book ${problem}.`, details, { cause });
}
