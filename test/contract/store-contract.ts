/** What every ArtifactStore promises. Each adapter runs it against itself. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { NarratorError } from '../../src/core/errors.ts';
import type { ArtifactStore, PutResult } from '../../src/core/ports.ts';

export interface StoreUnderTest {
  readonly store: ArtifactStore;
  readonly close: () => Promise<void>;
}

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : new TextDecoder().decode(bytes));

async function keysOf(store: ArtifactStore, prefix: string, options?: { startAfter?: string }): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix, options)) keys.push(key);
  return keys;
}

async function collected(stream: AsyncIterable<Uint8Array> | undefined): Promise<Buffer | undefined> {
  if (stream === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const etagOf = (put: PutResult) => (put.status === 'written' ? put.etag : assert.fail(`not written: ${put.status}`));

export function testStoreContract(name: string, openStore: () => Promise<StoreUnderTest>): void {
  const withStore = (run: (store: ArtifactStore) => Promise<void>) => async () => {
    const { store, close } = await openStore();
    try {
      await run(store);
    } finally {
      await close();
    }
  };

  describe(`${name}: what every artifact store promises`, () => {
    it(
      'gives back the bytes that were put, whole, as a stream, and by range',
      withStore(async (store) => {
        const content = randomBytes(700_001);
        await store.put('a/b/c.bin', content);
        assert.deepEqual(Buffer.from((await store.get('a/b/c.bin'))?.bytes ?? []), content);
        assert.deepEqual(await collected(await store.read('a/b/c.bin')), content);
        const range = await collected(await store.read('a/b/c.bin', { start: 300_000, end: 600_001 }));
        assert.deepEqual(range, content.subarray(300_000, 600_001));
        assert.deepEqual(await collected(await store.read('a/b/c.bin', { start: 700_000 })), content.subarray(700_000));
        assert.equal((await store.head('a/b/c.bin'))?.size, 700_001);
      }),
    );

    it(
      'stores a stream of chunks of any size, and an empty object',
      withStore(async (store) => {
        const hash = createHash('sha256');
        async function* chunks() {
          for (const size of [0, 1, 65_537, 300_000, 3]) {
            const chunk = randomBytes(size);
            hash.update(chunk);
            yield chunk;
          }
        }
        await store.put('stream', chunks());
        const stored = await store.get('stream');
        assert.equal(
          createHash('sha256')
            .update(stored?.bytes ?? '')
            .digest('hex'),
          hash.digest('hex'),
        );
        await store.put('empty', new Uint8Array());
        assert.equal((await store.get('empty'))?.bytes.byteLength, 0);
        assert.equal((await collected(await store.read('empty')))?.byteLength, 0);
      }),
    );

    it(
      'knows nothing of what was never put, and deletes it without complaint',
      withStore(async (store) => {
        await store.put('there/object', encode('x'));
        for (const key of ['nothing', 'there', 'there/object/below', 'there/nothing']) {
          assert.equal(await store.get(key), undefined, key);
          assert.equal(await store.read(key), undefined, key);
          assert.equal(await store.head(key), undefined, key);
          await store.delete(key);
        }
        assert.equal(decode((await store.get('there/object'))?.bytes), 'x');
      }),
    );

    it(
      'replaces without a condition, and deletes',
      withStore(async (store) => {
        const first = etagOf(await store.put('k', encode('one')));
        const second = etagOf(await store.put('k', encode('two')));
        assert.notEqual(first, second);
        assert.equal((await store.get('k'))?.etag, second);
        assert.equal((await store.head('k'))?.etag, second);
        assert.equal(decode((await store.get('k'))?.bytes), 'two');
        await store.delete('k');
        assert.equal(await store.get('k'), undefined);
        assert.deepEqual(await keysOf(store, ''), []);
      }),
    );

    it(
      'lets exactly one of twenty concurrent put-if-absent win, and keeps the winner',
      withStore(async (store) => {
        for (let round = 0; round < 5; round++) {
          const key = `race/deep/${round}`;
          const puts = await Promise.all(
            Array.from({ length: 20 }, (_, index) => store.put(key, encode(`writer ${index}`), { ifAbsent: true })),
          );
          const winners = puts.flatMap((put, index) => (put.status === 'written' ? [index] : []));
          assert.equal(winners.length, 1);
          assert.ok(puts.every(({ status }) => status === 'written' || status === 'exists'));
          assert.equal(decode((await store.get(key))?.bytes), `writer ${winners[0]}`);
        }
      }),
    );

    it(
      'swaps only the version that was read: twenty concurrent increments are all counted',
      withStore(async (store) => {
        await store.put('counter', encode('0'), { ifAbsent: true });
        const increment = async () => {
          for (;;) {
            const there = await store.get('counter');
            assert.ok(there);
            const next = encode(String(Number(decode(there.bytes)) + 1));
            const put = await store.put('counter', next, { ifMatch: there.etag });
            if (put.status === 'written') return;
            assert.equal(put.status, 'changed');
          }
        };
        await Promise.all(Array.from({ length: 20 }, increment));
        assert.equal(decode((await store.get('counter'))?.bytes), '20');
      }),
    );

    it(
      'does not swap what is gone or another version',
      withStore(async (store) => {
        const first = etagOf(await store.put('k', encode('one')));
        await store.put('k', encode('two'));
        assert.equal((await store.put('k', encode('three'), { ifMatch: first })).status, 'changed');
        assert.equal(decode((await store.get('k'))?.bytes), 'two');
        await store.delete('k');
        assert.equal((await store.put('k', encode('four'), { ifMatch: first })).status, 'changed');
        assert.equal(await store.get('k'), undefined);
      }),
    );

    it(
      'shows nothing of a stream that is half-written or that fails, and throws its error',
      withStore(async (store) => {
        const failure = new RangeError('the source failed');
        async function* failing() {
          yield encode('half');
          assert.equal(await store.get('half'), undefined);
          assert.deepEqual(await keysOf(store, ''), []);
          throw failure;
        }
        await assert.rejects(store.put('half', failing()), (error) => error === failure);
        assert.equal(await store.get('half'), undefined);
        assert.deepEqual(await keysOf(store, ''), []);
      }),
    );

    it(
      'keeps the old object while a new one is written, and when that fails',
      withStore(async (store) => {
        await store.put('k', encode('old'));
        async function* slow() {
          yield encode('new');
          assert.equal(decode((await store.get('k'))?.bytes), 'old');
          yield encode('er');
        }
        await store.put('k', slow());
        assert.equal(decode((await store.get('k'))?.bytes), 'newer');
      }),
    );

    it(
      'stops writing when its signal aborts',
      withStore(async (store) => {
        const stop = new AbortController();
        async function* endless() {
          for (let chunk = 0; ; chunk++) {
            if (chunk === 3) stop.abort();
            yield encode('x');
          }
        }
        await assert.rejects(store.put('k', endless(), { signal: stop.signal }), { code: 'cancelled' });
        assert.equal(await store.get('k'), undefined);
      }),
    );

    it(
      'lists in the order of UTF-8 bytes, by any prefix, after any key',
      withStore(async (store) => {
        const keys = [
          'a',
          'a!',
          'a-b',
          'a.b/x',
          'a/b',
          'a/b-c',
          'a/b.c/d',
          'a/b/c',
          'a0',
          'ä',
          'z/ﬀ',
          'z/𝄞',
          'Z',
          'b/1/2',
        ].filter(
          // A file system cannot have an object and objects below it.
          (key) => !['a', 'a/b'].includes(key),
        );
        for (const key of keys) await store.put(key, encode(key));
        const ordered = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        for (const prefix of ['', 'a', 'a/', 'a/b', 'a/b/', 'a.b/x', 'z/', 'z/𝄞', 'nothing', '/', '../', 'a//']) {
          const expected = ordered.filter((key) => key.startsWith(prefix));
          assert.deepEqual(await keysOf(store, prefix), expected, prefix);
          for (const startAfter of ['', ...keys, 'a/', 'a/b', 'a/zzz', '~']) {
            const after = expected.filter((key) => Buffer.compare(Buffer.from(key), Buffer.from(startAfter)) > 0);
            assert.deepEqual(await keysOf(store, prefix, { startAfter }), after, `${prefix} after ${startAfter}`);
          }
        }
      }),
    );

    it(
      'lists what a get of the same key says',
      withStore(async (store) => {
        await store.put('x/y', encode('12345'));
        for await (const head of store.list('x')) {
          assert.equal(head.size, 5);
          assert.equal(head.etag, (await store.get('x/y'))?.etag);
          assert.ok(Math.abs(Date.now() - head.modifiedAt.getTime()) < 3_600_000);
        }
      }),
    );

    it(
      'refuses every key that could leave its root, in every method',
      withStore(async (store) => {
        const lone = String.fromCharCode(0xd800);
        for (const key of [
          '',
          '/',
          '/etc/passwd',
          '..',
          '../x',
          'a/../../x',
          'a/..',
          './a',
          'a/./b',
          'a//b',
          'a/',
          'a\\b',
          'a\0b',
          'a\nb',
          lone,
          'x'.repeat(256),
          'y/'.repeat(600),
        ]) {
          const refused = (error: unknown) => error instanceof NarratorError && error.code === 'key_invalid';
          await assert.rejects(store.put(key, encode('x')), refused, key);
          await assert.rejects(store.get(key), refused, key);
          await assert.rejects(store.read(key), refused, key);
          await assert.rejects(store.head(key), refused, key);
          await assert.rejects(store.delete(key), refused, key);
        }
        assert.deepEqual(await keysOf(store, ''), []);
      }),
    );
  });
}
