import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3StoreOptions } from '../../../src/adapters/s3-bucket.ts';
import { openS3Store, type S3ArtifactStore } from '../../../src/adapters/store-s3.ts';
import type { NarratorError } from '../../../src/core/errors.ts';
import { type S3Emulator, startS3Emulator } from '../../support/s3-emulator.ts';
import { type ProxiedRequest, UnreliableProxy } from '../../support/unreliable-proxy.ts';

const PART_BYTES = 5 * 1024 * 1024;
const SECRET = 'a-secret-that-nobody-may-see';
const encode = (text: string) => new TextEncoder().encode(text);
const text = async (store: S3ArtifactStore, key: string) => new TextDecoder().decode((await store.get(key))?.bytes);

async function collected(stream: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream ?? assert.fail('there is no such object')) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const failure = async (promise: Promise<unknown>): Promise<NarratorError> =>
  promise.then(
    () => assert.fail('it succeeded'),
    (error: NarratorError) => error,
  );

describe('a bucket as a store', () => {
  let emulator: S3Emulator;
  let proxy: UnreliableProxy;
  let store: S3ArtifactStore;
  let options: S3StoreOptions;

  before(async () => {
    emulator = await startS3Emulator();
    proxy = await UnreliableProxy.start(emulator.endpoint);
    emulator.createBucket('bucket');
    options = {
      bucket: 'bucket',
      ...emulator.connection,
      endpoint: proxy.url,
      credentials: { accessKeyId: 'someone', secretAccessKey: SECRET },
      partBytes: PART_BYTES,
      attempts: 3,
    };
    store = await openS3Store(options);
  });
  beforeEach(() => proxy.reset());
  after(async () => {
    await store.close();
    await proxy.close();
    await emulator.close();
  });

  const isPart = ({ url }: ProxiedRequest) => url.includes('partNumber=');
  const isCompletion = ({ method, url }: ProxiedRequest) => method === 'POST' && url.includes('uploadId=');
  const isPut = ({ method }: ProxiedRequest) => method === 'PUT';
  const isGet = ({ method }: ProxiedRequest) => method === 'GET';

  async function* longBody(bytes: number, during: (yielded: number) => unknown = () => undefined) {
    const chunk = Buffer.alloc(256 * 1024, 'x');
    for (let yielded = 0; yielded < bytes; yielded += chunk.byteLength) {
      await during(yielded);
      yield chunk.subarray(0, Math.min(chunk.byteLength, bytes - yielded));
    }
  }

  describe('long objects', () => {
    const LONG_BYTES = 8 * PART_BYTES + 12_345;

    it('go up in parts while they are made, and never lie in memory whole', async () => {
      let ahead = 0;
      const body = longBody(LONG_BYTES, (yielded) => {
        ahead = Math.max(ahead, yielded - proxy.requests.filter(isPart).length * PART_BYTES);
      });
      await store.put('long', body, { contentType: 'audio/wav' });
      assert.equal(proxy.requests.filter(isPart).length, 9);
      // Four parts on their way, and one that is gathered.
      assert.ok(ahead <= 5.5 * PART_BYTES, `${ahead} bytes were made before they were sent`);
      const hash = createHash('sha256');
      for await (const chunk of (await store.read('long')) ?? []) hash.update(chunk);
      const expected = createHash('sha256').update(Buffer.alloc(LONG_BYTES, 'x')).digest('hex');
      assert.equal(hash.digest('hex'), expected);
    });

    it('leave nothing behind when their body breaks off', async () => {
      const broken = new RangeError('the source failed');
      const body = longBody(LONG_BYTES, (yielded) => {
        if (yielded > 3 * PART_BYTES) throw broken;
      });
      assert.equal(await failure(store.put('broken', body)), broken);
      assert.ok(proxy.requests.filter(isPart).length >= 2);
      assert.equal(await store.head('broken'), undefined);
      assert.equal(emulator.openUploads(), 0);
    });

    it('leave nothing behind when they are cancelled while their body says nothing', async () => {
      const stop = new AbortController();
      let returned = false;
      async function* stalling() {
        try {
          yield* longBody(2 * PART_BYTES + 1);
          setTimeout(() => stop.abort(), 10);
          await sleep(60_000, undefined, { signal: stop.signal, ref: false }).catch(() => sleep(20));
        } finally {
          returned = true;
        }
      }
      assert.equal((await failure(store.put('stalled', stalling(), { signal: stop.signal }))).code, 'cancelled');
      while (emulator.openUploads() > 0 || !returned) await sleep(5);
      assert.equal(await store.head('stalled'), undefined);
    });

    it('leave nothing behind when a part cannot be sent', async () => {
      proxy.reset((request) => (isPart(request) ? { kind: 'status', status: 403, code: 'AccessDenied' } : undefined));
      const error = await failure(store.put('denied', longBody(LONG_BYTES)));
      assert.deepEqual([error.code, error.retryable], ['store_unavailable', false]);
      assert.equal(emulator.openUploads(), 0);
    });

    it('are put under the same conditions as short ones', async () => {
      const put = (condition: object) => store.put('conditional', longBody(PART_BYTES + 1), condition);
      const first = await put({ ifAbsent: true });
      assert.equal(first.status, 'written');
      assert.deepEqual(await put({ ifAbsent: true }), { status: 'exists' });
      assert.deepEqual(await put({ ifMatch: '"0"' }), { status: 'changed' });
      assert.equal((await put({ ifMatch: first.status === 'written' ? first.etag : '' })).status, 'written');
      await store.delete('conditional');
      assert.deepEqual(await put({ ifMatch: '"0"' }), { status: 'changed' });
      assert.equal(emulator.openUploads(), 0);
    });
  });

  describe('reading', () => {
    it('gives ranges with an exclusive end, and nothing behind the end', async () => {
      await store.put('digits', encode('0123456789'));
      const range = async (start: number, end?: number) =>
        (await collected(await store.read('digits', end === undefined ? { start } : { start, end }))).toString();
      assert.equal(await range(0, 1), '0');
      assert.equal(await range(3, 7), '3456');
      assert.equal(await range(8, 100), '89');
      assert.equal(await range(9), '9');
      assert.equal(await range(10), '');
      assert.equal(await range(99, 100), '');
      assert.equal(await range(4, 4), '');
      assert.equal(await store.read('nothing', { start: 4, end: 4 }), undefined);
      assert.equal(await store.read('nothing', { start: 4 }), undefined);
    });

    it('goes on where a connection broke off', async () => {
      const content = randomBytes(900_000);
      await store.put('breaking', content);
      proxy.breakFirst(2, { kind: 'break-answer', afterBytes: 200_000 }, isGet);
      assert.deepEqual(
        await collected(await store.read('breaking', { start: 100, end: 800_000 })),
        content.subarray(100, 800_000),
      );
      assert.deepEqual(
        proxy.requests.map(({ headers }) => headers.range),
        ['bytes=100-799999', 'bytes=200100-799999', 'bytes=400100-799999'],
      );
      proxy.breakFirst(1, { kind: 'break-answer', afterBytes: 200_000 }, isGet);
      assert.deepEqual(Buffer.from((await store.get('breaking'))?.bytes ?? []), content);
    });

    it('never joins two versions of an object', async () => {
      await store.put('replaced', Buffer.alloc(300_000, 'a'));
      proxy.breakFirst(1, { kind: 'break-answer', afterBytes: 100_000 }, isGet);
      const stream = (await store.read('replaced')) ?? assert.fail();
      await store.put('replaced', Buffer.alloc(300_000, 'b'));
      const error = await failure(collected(stream));
      assert.deepEqual([error.code, error.retryable], ['store_unavailable', true]);
    });

    it('waits for a slow reader, even where the connection does not', async () => {
      const impatient = await openS3Store({ ...options, attempts: 5, timeouts: { idleMs: 250 } });
      const content = randomBytes(4_000_000);
      await store.put('slowly', content);
      const chunks: Uint8Array[] = [];
      for await (const chunk of (await impatient.read('slowly')) ?? []) {
        if (chunks.push(chunk) <= 3) await sleep(400);
      }
      assert.deepEqual(Buffer.concat(chunks), content);
      await impatient.close();
    });

    it('gives up when a connection breaks without a byte, again and again', async () => {
      await store.put('dead', Buffer.alloc(300_000));
      proxy.breakFirst(Infinity, { kind: 'break-answer', afterBytes: 0 }, isGet);
      const error = await failure(collected(await store.read('dead')));
      assert.deepEqual([error.code, error.retryable], ['store_unavailable', true]);
      assert.equal(proxy.requests.length, 3);
    });

    it('lists page by page, without the folders that consoles make', async () => {
      emulator.createBucket('pages');
      const keys = Array.from({ length: 2500 }, (_, index) => `p/${String(index).padStart(4, '0')}`);
      emulator.fill('pages', ['p/', ...keys, 'p/folder/']);
      const pages = await openS3Store({ ...options, bucket: 'pages', prefix: 'p' });
      proxy.reset();
      const listed: string[] = [];
      for await (const { key } of pages.list('')) listed.push(`p/${key}`);
      assert.deepEqual(listed, keys);
      assert.equal(proxy.requests.length, 3);
    });
  });

  describe('a signed URL', () => {
    it('downloads the object without credentials, under a name, from where clients reach the store', async () => {
      const signing = await openS3Store({ ...options, publicEndpoint: emulator.endpoint });
      await store.put('an item/ä.wav', encode('RIFF'));
      const name = 'Kapitel "1"\r\nx: y ä.wav';
      const url = new URL(await signing.presignGet('an item/ä.wav', { expiresSeconds: 60, downloadName: name }));
      assert.equal(url.origin, emulator.endpoint);
      assert.equal(url.searchParams.get('X-Amz-Expires'), '60');
      const disposition = url.searchParams.get('response-content-disposition') ?? '';
      assert.match(disposition, /^attachment; filename="[A-Za-z0-9 ._-]+"; filename\*=UTF-8''[A-Za-z0-9%._-]+$/);
      assert.equal(decodeURIComponent(disposition.split("UTF-8''")[1] ?? ''), name);
      const response = await fetch(url);
      assert.equal(await response.text(), 'RIFF');
      await signing.close();
    });

    it('is not made for longer than S3 allows, nor for a key that leaves the store', async () => {
      for (const expiresSeconds of [0, 1.5, 604_801])
        await assert.rejects(store.presignGet('k', { expiresSeconds }), RangeError);
      await assert.rejects(store.presignGet('../k', { expiresSeconds: 60 }), { code: 'key_invalid' });
    });
  });

  describe('what a request carries', () => {
    it('encryption, type and a signed digest of its body, and no checksum that other stores do not know', async () => {
      const serverSideEncryption = { algorithm: 'aws:kms', keyId: 'alias/narrator' } as const;
      const encrypted = await openS3Store({ ...options, serverSideEncryption });
      proxy.reset();
      await encrypted.put('k', encode('x'), { contentType: 'text/plain' });
      await encrypted.put('k', longBody(PART_BYTES + 1));
      const [put, create] = proxy.requests;
      for (const request of [put, create]) {
        assert.equal(request?.headers['x-amz-server-side-encryption'], 'aws:kms');
        assert.equal(request?.headers['x-amz-server-side-encryption-aws-kms-key-id'], 'alias/narrator');
      }
      assert.equal(put?.headers['content-type'], 'text/plain');
      assert.equal(put?.headers['x-amz-content-sha256'], createHash('sha256').update('x').digest('hex'));
      for (const { headers } of proxy.requests) {
        assert.deepEqual(
          Object.keys(headers).filter((name) => /checksum|trailer|expect/.test(name)),
          [],
        );
        if (headers['content-length'] !== '0') assert.match(String(headers['x-amz-content-sha256']), /^[0-9a-f]{64}$/);
      }
      await encrypted.close();
    });
  });

  describe('when the way to it is bad', () => {
    it('tries again after 503, a dropped connection and a lost answer', async () => {
      for (const fault of [
        { kind: 'status', status: 503, code: 'SlowDown' },
        { kind: 'status', status: 500, code: 'InternalError' },
        { kind: 'drop-request' },
        { kind: 'drop-answer' },
      ] as const) {
        proxy.breakFirst(1, fault);
        await store.put('tough', encode('x'));
        proxy.breakFirst(1, fault);
        assert.equal(await text(store, 'tough'), 'x');
        proxy.breakFirst(1, fault);
        assert.equal((await store.head('tough'))?.size, 1);
        proxy.breakFirst(1, fault);
        await store.delete('tough');
        assert.equal(await store.get('tough'), undefined);
      }
    });

    it('knows its own object again when the answer to a conditional write was lost', async () => {
      proxy.breakFirst(1, { kind: 'drop-answer' }, isPut);
      const put = await store.put('lost', encode('one'), { ifAbsent: true });
      assert.deepEqual(put, { status: 'written', etag: (await store.head('lost'))?.etag });
      proxy.breakFirst(1, { kind: 'drop-answer' }, isPut);
      const swapped = await store.put('lost', encode('two'), { ifMatch: put.status === 'written' ? put.etag : '' });
      assert.deepEqual(swapped, { status: 'written', etag: (await store.head('lost'))?.etag });
      proxy.breakFirst(1, { kind: 'drop-answer' }, isPut);
      assert.deepEqual(await store.put('lost', encode('three'), { ifAbsent: true }), { status: 'exists' });
      assert.equal(await text(store, 'lost'), 'two');
    });

    it('knows its own long object again, with and without a condition', async () => {
      for (const condition of [{ ifAbsent: true }, {}]) {
        await store.delete('lost-long');
        proxy.breakFirst(1, { kind: 'drop-answer' }, isCompletion);
        const put = await store.put('lost-long', longBody(PART_BYTES + 1), condition);
        assert.deepEqual(put, { status: 'written', etag: (await store.head('lost-long'))?.etag });
      }
    });

    it('writes again after a conflict, and stops when told to', async () => {
      const conflict = { kind: 'status', status: 409, code: 'ConditionalRequestConflict' } as const;
      proxy.breakFirst(2, conflict);
      assert.equal((await store.put('conflict', encode('x'), { ifAbsent: true })).status, 'written');
      proxy.breakFirst(Infinity, conflict);
      const error = await failure(store.put('conflict-2', encode('x'), { ifAbsent: true }));
      assert.deepEqual([error.code, error.retryable], ['store_unavailable', true]);
      assert.equal(proxy.requests.length, 3);
      const put = store.put('conflict-3', encode('x'), { ifAbsent: true, signal: AbortSignal.timeout(5) });
      assert.equal((await failure(put)).code, 'cancelled');
    });

    it('says after some attempts that it is unavailable for now', async () => {
      proxy.breakFirst(Infinity, { kind: 'status', status: 503, code: 'ServiceUnavailable' });
      const error = await failure(store.get('k'));
      assert.deepEqual([error.code, error.retryable], ['store_unavailable', true]);
      assert.match(
        error.message,
        /object k could not be read after 3 attempts .*ServiceUnavailable, HTTP 503; bucket bucket at http/,
      );
      assert.ok(error.cause instanceof Error);
      assert.equal(proxy.requests.filter(isGet).length, 3);
    });

    it('does not wait for ever for an answer, nor for a server that is not there', async () => {
      const impatient = await openS3Store({ ...options, attempts: 2, timeouts: { idleMs: 50 } });
      proxy.breakFirst(Infinity, { kind: 'hang' });
      const timedOut = await failure(impatient.get('k'));
      assert.deepEqual([timedOut.code, timedOut.retryable], ['store_unavailable', true]);
      const refused = await failure(openS3Store({ ...options, endpoint: 'http://127.0.0.1:1', attempts: 2 }));
      assert.deepEqual([refused.code, refused.retryable], ['store_unavailable', true]);
      assert.match(refused.message, /ECONNREFUSED/);
    });
  });

  describe('opening it', () => {
    it('says what is wrong with bucket, credentials and permissions, without the secret', async () => {
      const missing = await failure(openS3Store({ ...options, bucket: 'no-such-bucket' }));
      assert.deepEqual([missing.code, missing.retryable], ['store_unavailable', false]);
      assert.match(missing.hint, /Create the bucket no-such-bucket/);
      for (const [code, hint] of [
        ['AccessDenied', /s3:PutObject/],
        ['InvalidAccessKeyId', /access key/],
        ['SignatureDoesNotMatch', /secret/],
      ] as const) {
        proxy.breakFirst(Infinity, { kind: 'status', status: 403, code });
        const error = await failure(openS3Store(options));
        assert.deepEqual([error.code, error.retryable], ['store_unavailable', false]);
        assert.match(error.message, new RegExp(`${code}, HTTP 403`));
        assert.match(error.hint, hint);
        assert.ok(![error.message, error.hint, error.stack].join().includes(SECRET));
      }
    });

    it('finds out that it may write but not read, delete or list', async () => {
      const denied = { kind: 'status', status: 403, code: 'AccessDenied' } as const;
      for (const [concerns, hint] of [
        [(request: ProxiedRequest) => request.url.includes('list-type=2'), /Allow s3:ListBucket/],
        [isGet, /Allow s3:GetObject/],
        [
          ({ method, url }: ProxiedRequest) => method === 'DELETE' && !url.includes('uploadId'),
          /Allow s3:DeleteObject/,
        ],
        [(request: ProxiedRequest) => request.url.includes('uploadId'), /s3:AbortMultipartUpload/],
      ] as const) {
        proxy.reset((request) => (concerns(request) ? denied : undefined));
        assert.match((await failure(openS3Store(options))).hint, hint);
      }
    });

    it('refuses settings that cannot work', async () => {
      await assert.rejects(openS3Store({ ...options, partBytes: 1024 }), { code: 'config_invalid' });
      await assert.rejects(openS3Store({ ...options, prefix: '../other' }), { code: 'key_invalid' });
      await assert.rejects(openS3Store({ ...options, bucket: 'fast--use1-az4--x-s3' }), { code: 'store_unsafe' });
      for (const endpoint of [
        's3.example.com',
        `https://someone:${SECRET}@s3.example.com`,
        'https://s3.example.com/path',
      ]) {
        const error = await failure(openS3Store({ ...options, endpoint }));
        assert.equal(error.code, 'config_invalid');
        assert.ok(!error.message.includes(SECRET));
      }
    });

    for (const [conditions, what] of [
      [false, /ignores If-None-Match: \* of PutObject/],
      ['put', /ignores If-None-Match: \* of CompleteMultipartUpload/],
    ] as const) {
      it(`refuses a store that honours conditions ${conditions === 'put' ? 'on single requests only' : 'not at all'}`, async () => {
        const unsafe = await startS3Emulator({ conditions });
        unsafe.createBucket('bucket');
        const error = await failure(openS3Store({ bucket: 'bucket', ...unsafe.connection }));
        assert.deepEqual([error.code, error.retryable], ['store_unsafe', false]);
        assert.match(error.message, what);
        assert.deepEqual(unsafe.keysIn('bucket'), []);
        await unsafe.close();
      });
    }

    it('leaves nothing of the probe behind', async () => {
      emulator.createBucket('clean');
      const uploads = emulator.openUploads();
      await (await openS3Store({ ...options, bucket: 'clean' })).close();
      assert.deepEqual(emulator.keysIn('clean'), []);
      assert.equal(emulator.openUploads(), uploads);
    });
  });

  it('lets one of many creators in two processes win', async () => {
    const other = await openS3Store(options);
    for (let round = 0; round < 5; round++) {
      const puts = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? store : other).put(`race/${round}`, encode(`writer ${index}`), { ifAbsent: true }),
        ),
      );
      const winners = puts.flatMap(({ status }, index) => (status === 'written' ? [index] : []));
      assert.equal(winners.length, 1);
      assert.equal(await text(other, `race/${round}`), `writer ${winners[0]}`);
    }
    await other.close();
  });
});
