/**
 * The artifact store in this process's memory: for short texts that are spoken at once and handed back, where a ledger on a
 * disk would outlive its purpose. Gone when the process is.
 */
import { NarratorError } from '../core/errors.ts';
import { checkKey } from '../core/keys.ts';
import type { ArtifactStore, ObjectHead, PutBody, PutOptions, PutResult, StoredObject } from '../core/ports.ts';

interface Entry {
  readonly bytes: Uint8Array;
  readonly etag: string;
  readonly modifiedAt: Date;
}

const READ_CHUNK_BYTES = 256 * 1024;

export class MemoryStore implements ArtifactStore {
  readonly #objects = new Map<string, Entry>();
  #versions = 0;

  async get(key: string): Promise<StoredObject | undefined> {
    checkKey(key);
    return this.#objects.get(key);
  }

  async read(
    key: string,
    { start = 0, end }: { start?: number; end?: number } = {},
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    checkKey(key);
    const bytes = this.#objects.get(key)?.bytes.subarray(start, end);
    return bytes && chunksOf(bytes);
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    checkKey(key);
    const entry = this.#objects.get(key);
    return entry && headOf(key, entry);
  }

  async put(key: string, body: PutBody, { ifAbsent, ifMatch, signal }: PutOptions = {}): Promise<PutResult> {
    checkKey(key);
    const bytes = await bytesOf(body, signal);
    const there = this.#objects.get(key);
    if (ifAbsent === true && there !== undefined) return { status: 'exists' };
    if (ifMatch !== undefined && there?.etag !== ifMatch) return { status: 'changed' };
    this.#versions += 1;
    const etag = String(this.#versions);
    this.#objects.set(key, { bytes, etag, modifiedAt: new Date() });
    return { status: 'written', etag };
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    this.#objects.delete(key);
  }

  async *list(prefix: string, { startAfter = '' }: { startAfter?: string } = {}): AsyncIterable<ObjectHead> {
    for (const key of this.keys(prefix)) {
      const entry = this.#objects.get(key);
      if (entry !== undefined && byBytes(key, startAfter) > 0) yield headOf(key, entry);
    }
  }

  protected peek(key: string): Uint8Array | undefined {
    return this.#objects.get(key)?.bytes;
  }

  /** All keys that start with `prefix`, in the order of `list`. */
  protected keys(prefix: string): string[] {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort(byBytes);
  }
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

async function bytesOf(body: PutBody, signal: AbortSignal | undefined): Promise<Uint8Array> {
  // A copy: what the caller does with its array afterwards must not change what is stored.
  if (body instanceof Uint8Array) return Uint8Array.from(body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) {
    if (signal?.aborted === true) throw new NarratorError('cancelled', 'Writing to the store was interrupted.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += READ_CHUNK_BYTES) yield bytes.subarray(at, at + READ_CHUNK_BYTES);
}

const headOf = (key: string, { bytes, etag, modifiedAt }: Entry): ObjectHead => ({
  key,
  size: bytes.byteLength,
  etag,
  modifiedAt,
});
