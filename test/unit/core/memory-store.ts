/** An artifact store in memory, for tests of the core. It passes the contract suite like every other. */
import { NarratorError } from '../../../src/core/errors.ts';
import { checkKey } from '../../../src/core/keys.ts';
import type {
  ArtifactStore,
  ObjectHead,
  PutBody,
  PutOptions,
  PutResult,
  StoredObject,
} from '../../../src/core/ports.ts';

interface Entry {
  readonly bytes: Uint8Array;
  readonly etag: string;
  readonly modifiedAt: Date;
}

export class MemoryStore implements ArtifactStore {
  readonly #objects = new Map<string, Entry>();
  #versions = 0;
  /** called before every put: a test may throw from it */
  beforePut: (key: string) => void = () => undefined;

  async get(key: string): Promise<StoredObject | undefined> {
    checkKey(key);
    return this.#objects.get(key);
  }

  async read(key: string, range: { start: number; end?: number } = { start: 0 }) {
    checkKey(key);
    const bytes = this.#objects.get(key)?.bytes.subarray(range.start, range.end);
    if (bytes === undefined) return undefined;
    return (async function* () {
      for (let at = 0; at < bytes.byteLength; at += 1000) yield bytes.subarray(at, at + 1000);
    })();
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    checkKey(key);
    const entry = this.#objects.get(key);
    return entry === undefined ? undefined : headOf(key, entry);
  }

  async put(key: string, body: PutBody, options: PutOptions = {}): Promise<PutResult> {
    checkKey(key);
    this.beforePut(key);
    const chunks: Uint8Array[] = [];
    if (body instanceof Uint8Array) chunks.push(body);
    else
      for await (const chunk of body) {
        if (options.signal?.aborted === true) throw new NarratorError('cancelled', 'interrupted');
        chunks.push(chunk);
      }
    const there = this.#objects.get(key);
    if (options.ifAbsent === true && there !== undefined) return { status: 'exists' };
    if (options.ifMatch !== undefined && there?.etag !== options.ifMatch) return { status: 'changed' };
    const etag = String(++this.#versions);
    this.#objects.set(key, { bytes: Buffer.concat(chunks), etag, modifiedAt: new Date() });
    return { status: 'written', etag };
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    this.#objects.delete(key);
  }

  async *list(prefix: string, { startAfter = '' }: { startAfter?: string } = {}): AsyncIterable<ObjectHead> {
    const order = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
    for (const key of [...this.#objects.keys()].sort(order)) {
      const entry = this.#objects.get(key);
      if (key.startsWith(prefix) && order(key, startAfter) > 0 && entry !== undefined) yield headOf(key, entry);
    }
  }

  keys(prefix = ''): string[] {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  text(key: string): string {
    const entry = this.#objects.get(key);
    if (entry === undefined) throw new Error(`no object ${key}; there are ${this.keys().join(', ')}`);
    return new TextDecoder().decode(entry.bytes);
  }

  json(key: string): unknown {
    return JSON.parse(this.text(key));
  }
}

const headOf = (key: string, { bytes, etag, modifiedAt }: Entry): ObjectHead => ({
  key,
  size: bytes.byteLength,
  etag,
  modifiedAt,
});
