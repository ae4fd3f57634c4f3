/** A store that counts what is asked of the one behind it. */
import type { ArtifactStore, PutBody } from '../src/core/ports.ts';

/** get, head and delete of an object without content, puts with their bytes */
export interface StoreRequest {
  readonly kind: 'get' | 'head' | 'put' | 'list' | 'delete';
  /** sent or received; 0 where there was nothing */
  readonly bytes: number;
}

export function metered(store: ArtifactStore, requests: StoreRequest[]): ArtifactStore {
  const note = (kind: StoreRequest['kind'], bytes = 0) => requests.push({ kind, bytes });
  return {
    get: async (key) => {
      const object = await store.get(key);
      note('get', object?.bytes.byteLength);
      return object;
    },
    read: async (key, range) => {
      const head = await store.head(key);
      note('get', head?.size);
      return store.read(key, range);
    },
    head: (key) => {
      note('head');
      return store.head(key);
    },
    put: async (key, body, options) => {
      const counted = { bytes: 0 };
      const result = await store.put(key, countedBody(body, counted), options);
      note('put', counted.bytes);
      return result;
    },
    delete: (key) => {
      note('delete');
      return store.delete(key);
    },
    list: (prefix, options) => {
      note('list');
      return store.list(prefix, options);
    },
  };
}

function countedBody(body: PutBody, counted: { bytes: number }): PutBody {
  if (body instanceof Uint8Array) {
    counted.bytes = body.byteLength;
    return body;
  }
  return (async function* () {
    for await (const chunk of body) {
      counted.bytes += chunk.byteLength;
      yield chunk;
    }
  })();
}
