/**
 * The part of a download that is on the disk already: bytes in `<destination>.part`, and in `<destination>.part.json` what
 * they are part of. The file gets its own name only when it is whole and flushed.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NarratorError } from '../core/errors.ts';

/** What a partial file is part of. */
export interface PartNote {
  readonly url: string;
  readonly etag: string | undefined;
  readonly statedSha256: string | undefined;
}

/** The hash always covers exactly the bytes that are in the file. All methods throw store_full or store_unavailable. */
export class PartFile {
  readonly #destination: string;
  readonly #path: string;
  readonly #notePath: string;
  readonly #file: FileHandle;
  #closed = false;
  #hash: Hash;
  #bytes: number;
  #note: PartNote | undefined;

  private constructor(destination: string, file: FileHandle, bytes: number, hash: Hash, note: PartNote | undefined) {
    this.#destination = destination;
    this.#path = partPath(destination);
    this.#notePath = notePath(destination);
    this.#file = file;
    this.#bytes = bytes;
    this.#hash = hash;
    this.#note = note;
  }

  /** Goes on with what an earlier call left, if that was of the same URL. */
  static async open(destination: string, url: string): Promise<PartFile> {
    const path = partPath(destination);
    return onDisk(path, async () => {
      await mkdir(dirname(destination), { recursive: true });
      const note = await readNote(notePath(destination));
      const sameUrl = note?.url === url;
      const file = await open(path, sameUrl ? 'a' : 'w');
      const { size } = await file.stat();
      const hash = size > 0 ? await hashFile(path) : createHash('sha256');
      return new PartFile(destination, file, size, hash, sameUrl ? note : undefined);
    });
  }

  get bytes(): number {
    return this.#bytes;
  }

  get note(): PartNote | undefined {
    return this.#note;
  }

  sha256(): string {
    return this.#hash.copy().digest('hex');
  }

  async append(chunk: Uint8Array): Promise<void> {
    await onDisk(this.#path, async () => {
      for (let written = 0; written < chunk.length; ) {
        written += (await this.#file.write(chunk, written, chunk.length - written)).bytesWritten;
      }
    });
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  async describe(note: PartNote): Promise<void> {
    this.#note = note;
    await onDisk(this.#notePath, () => writeFile(this.#notePath, JSON.stringify(note)));
  }

  /** Forgets all bytes. */
  async restart(): Promise<void> {
    await onDisk(this.#path, () => this.#file.truncate(0));
    this.#hash = createHash('sha256');
    this.#bytes = 0;
    this.#note = undefined;
  }

  /** Gives the whole file its name, for good: it outlives a power cut from here on. */
  async publish(): Promise<void> {
    await onDisk(this.#destination, async () => {
      await this.#file.sync();
      await this.close();
      await rename(this.#path, this.#destination);
      await syncFolder(dirname(this.#destination));
      await rm(this.#notePath, { force: true });
    });
  }

  /** The checksum was wrong: nothing of it may be gone on with. */
  async discard(): Promise<void> {
    await this.close();
    await onDisk(this.#path, () => Promise.all([rm(this.#path, { force: true }), rm(this.#notePath, { force: true })]));
  }

  /** Idempotent; what was received stays for the next call. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }
}

function partPath(destination: string): string {
  return `${destination}.part`;
}

function notePath(destination: string): string {
  return `${destination}.part.json`;
}

async function readNote(path: string): Promise<PartNote | undefined> {
  try {
    const note = JSON.parse(await readFile(path, 'utf8')) as Partial<Record<keyof PartNote, unknown>>;
    const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
    const url = text(note.url);
    return url === undefined ? undefined : { url, etag: text(note.etag), statedSha256: text(note.statedSha256) };
  } catch {
    return undefined; // none, or cut off by a crash: the part is fetched anew
  }
}

export async function hashFile(path: string): Promise<Hash> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash;
}

/** A rename survives a power cut only once its folder is flushed. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NarratorError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    const message = full ? `No space left to write ${path}` : `${path} cannot be read or written (${code})`;
    throw new NarratorError(full ? 'store_full' : 'store_unavailable', message, {}, { cause: error });
  }
}
