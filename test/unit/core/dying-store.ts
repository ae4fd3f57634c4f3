/** Stores of a process that is killed before its n-th write. */
import { NarratorError } from '../../../src/core/errors.ts';
import type { MemoryStore } from './memory-store.ts';

/** Whatever is written or deleted after `writesLeft` fails. @returns ends that, and says how many writes there were */
export function dying(writesLeft: number, ...stores: readonly MemoryStore[]): () => number {
  let writes = 0;
  for (const store of stores) {
    for (const method of ['put', 'delete'] as const) {
      const write = store[method].bind(store) as (...parameters: unknown[]) => Promise<unknown>;
      const mortal = async (...parameters: unknown[]) => {
        if (writes >= writesLeft) throw new NarratorError('store_unavailable', 'killed');
        writes += 1;
        return write(...parameters);
      };
      Object.defineProperty(store, method, { value: mortal, configurable: true });
    }
  }
  return () => {
    for (const store of stores) for (const method of ['put', 'delete']) Reflect.deleteProperty(store, method);
    return writes;
  };
}
