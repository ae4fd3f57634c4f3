/** The store in memory, with a look inside and a way to make it fail. */
import { MemoryStore as Store } from '../../../src/adapters/store-memory.ts';
import type { PutBody, PutOptions, PutResult } from '../../../src/core/ports.ts';

export class MemoryStore extends Store {
  /** called before every put: a test may throw from it */
  beforePut: (key: string) => void = () => undefined;

  override async put(key: string, body: PutBody, options: PutOptions = {}): Promise<PutResult> {
    this.beforePut(key);
    return super.put(key, body, options);
  }

  override keys(prefix = ''): string[] {
    return super.keys(prefix);
  }

  text(key: string): string {
    const bytes = this.peek(key);
    if (bytes === undefined) throw new Error(`no object ${key}; there are ${this.keys().join(', ')}`);
    return new TextDecoder().decode(bytes);
  }

  json(key: string): unknown {
    return JSON.parse(this.text(key));
  }
}
