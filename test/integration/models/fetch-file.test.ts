import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fetchFile, type FetchedFile, type FetchFileRequest } from '../../../src/adapters/fetch-file.ts';
import { UnreliableServer } from './unreliable-server.ts';

const content = randomBytes(3_000_000);
const sha256 = createHash('sha256').update(content).digest('hex');
let folder: string;
let destination: string;
let server: UnreliableServer;

before(async () => {
  server = await UnreliableServer.start(new Map([['file', content]]));
});
after(() => server.close());
beforeEach(async () => {
  server.reset();
  server.replace('file', content);
  if (folder !== undefined) await rm(folder, { recursive: true });
  folder = await mkdtemp(join(tmpdir(), 'narrator-fetch-'));
  destination = join(folder, 'deep', 'file.bin');
});
after(() => rm(folder, { recursive: true, force: true }));

function fetchIt(options: Partial<FetchFileRequest> = {}): Promise<FetchedFile> {
  return fetchFile({
    url: `${server.url}/file`,
    destination,
    expectedSha256: sha256,
    maxBytes: 10_000_000,
    retryDelayMs: 1,
    ...options,
  });
}

async function assertWhole(): Promise<void> {
  assert.ok((await readFile(destination)).equals(content));
  assert.ok(!existsSync(`${destination}.part`) && !existsSync(`${destination}.part.json`), 'nothing else is left');
}

/** What a call that was killed leaves behind: the first bytes and the note. Returns how many bytes. */
async function leavePart(bytes: number): Promise<number> {
  server.behaviour = { breakAfterBytes: bytes };
  await assert.rejects(fetchIt({ attempts: 1 }), { code: 'download_failed' });
  server.reset();
  return (await stat(`${destination}.part`)).size;
}

test('fetches a file whole, reports progress, and does not ask again', async () => {
  const seen: number[] = [];
  const fetched = await fetchIt({
    onProgress: ({ receivedBytes, totalBytes }) => seen.push(receivedBytes, totalBytes ?? 0),
  });
  assert.deepEqual(fetched, { bytes: content.length, sha256, verifiedBy: 'caller' });
  assert.deepEqual(seen.slice(-2), [content.length, content.length]);
  await assertWhole();
  await fetchIt();
  assert.equal(server.requests.length, 1);
});

test('a connection that breaks again and again is taken up where it stopped', async () => {
  server.behaviour = { breakAfterBytes: 400_000, breaks: 5 };
  await fetchIt();
  await assertWhole();
  const starts = server.requests.slice(1).map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]));
  assert.equal(starts.length, 5);
  assert.ok(
    starts.every((start, i) => start > (starts[i - 1] ?? 0)),
    `each goes on further: ${starts.join()}`,
  );
});

test('a later call goes on with what an earlier one left', async () => {
  const bytes = await leavePart(1_000_000);
  await fetchIt();
  await assertWhole();
  assert.deepEqual(
    server.requests.map(({ range }) => range),
    [`bytes=${bytes}-`],
  );
});

test('it gives up after the given number of failures in a row', async () => {
  server.behaviour = { status: 503 };
  await assert.rejects(fetchIt({ attempts: 3 }), { code: 'download_failed', retryable: true, message: /answers 503/ });
  assert.equal(server.requests.length, 3);
});

test('a server that ignores Range is read from the start', async () => {
  await leavePart(1_000_000);
  server.behaviour = { ignoreRange: true };
  await fetchIt();
  await assertWhole();
});

test('a file that changed on the server is read from the start, with an ETag or without', async () => {
  for (const noEtag of [false, true]) {
    server.replace('file', Buffer.concat([randomBytes(8), content.subarray(8)]));
    await leavePart(1_000_000);
    server.replace('file', content);
    server.behaviour = { noEtag };
    await fetchIt();
    await assertWhole();
    await rm(destination);
  }
});

test('a part that is whole already, or longer than the file (416), does no harm', async () => {
  await leavePart(1_000_000);
  await writeFile(`${destination}.part`, content);
  await fetchIt();
  await assertWhole();

  await rm(destination);
  await leavePart(1_000_000);
  await writeFile(`${destination}.part`, Buffer.concat([content, content]));
  await fetchIt();
  await assertWhole();
});

test('a spoiled part costs one fresh start, not the download', async () => {
  await leavePart(1_000_000);
  await writeFile(`${destination}.part`, Buffer.alloc(1_000_000));
  await fetchIt();
  await assertWhole();
});

test('the wrong content is deleted and refused', async () => {
  server.replace('file', randomBytes(1000));
  await assert.rejects(fetchIt(), { code: 'checksum_mismatch', message: new RegExp(`expected is ${sha256}`) });
  assert.ok(!existsSync(destination) && !existsSync(`${destination}.part`));
});

test('a server that states another checksum or size is refused before anything is written', async () => {
  server.behaviour = { headers: { 'x-linked-etag': `"${'0'.repeat(64)}"` } };
  await assert.rejects(fetchIt(), { code: 'checksum_mismatch', message: /by its server/ });
  server.reset();
  await assert.rejects(fetchIt({ expectedBytes: 5 }), {
    code: 'checksum_mismatch',
    message: /3000000 bytes.*expected are 5/,
  });
  assert.equal(server.requests.length, 1);
});

test('without a checksum of the caller the server’s own is verified', async () => {
  const unpinned = (): Promise<FetchedFile> =>
    fetchFile({ url: `${server.url}/file`, destination, maxBytes: 10_000_000, retryDelayMs: 1 });
  assert.equal((await unpinned()).verifiedBy, 'nothing');
  server.behaviour = { headers: { etag: `"${'2'.repeat(64)}"` } }; // a storage's own digest, of another kind
  assert.equal((await unpinned()).verifiedBy, 'nothing');
  server.behaviour = { headers: { 'x-linked-etag': `"${sha256}"` } };
  assert.equal((await unpinned()).verifiedBy, 'server');
  server.behaviour = { headers: { 'x-linked-etag': `"${'1'.repeat(64)}"` } };
  await assert.rejects(unpinned(), { code: 'checksum_mismatch' });
});

test('redirects are followed, but the token stays with its origin and no circle is run', async () => {
  const storage = await UnreliableServer.start(new Map([['file', content]]));
  try {
    server.behaviour = { redirectTo: storage.url, headers: { 'x-linked-etag': `"${sha256}"` } };
    await fetchIt({ token: 'secret' });
    await assertWhole();
    assert.equal(server.requests[0]?.authorization, 'Bearer secret');
    assert.equal(storage.requests[0]?.authorization, undefined);
  } finally {
    await storage.close();
  }
  await rm(destination);
  server.reset({ redirectTo: server.url });
  await assert.rejects(fetchIt(), { code: 'download_failed', retryable: false, message: /redirects more than 5/ });
});

test('a refusal of the server is final, and neither token nor query is told', async () => {
  server.behaviour = { status: 403 };
  const url = `${server.url}/file?signature=hidden`;
  await assert.rejects(fetchIt({ url, token: 'secret' }), (error: Error & { retryable: boolean; hint: string }) => {
    assert.equal(error.retryable, false);
    assert.match(error.hint, /licence/);
    assert.doesNotMatch(`${error.message} ${error.hint}`, /secret|hidden/);
    return true;
  });
  assert.equal(server.requests.length, 1);
});

test('more than the limit is never written', async () => {
  await assert.rejects(fetchIt({ maxBytes: 1000 }), {
    code: 'download_failed',
    retryable: false,
    message: /at most 1000/,
  });
});

test('silence ends with an error, before the answer and in the middle', async () => {
  server.behaviour = { stallAfterBytes: 100_000 };
  await assert.rejects(fetchIt({ idleTimeoutMs: 100, attempts: 1 }), {
    code: 'download_failed',
    message: /no data within 100 ms/,
  });
  const gone = await UnreliableServer.start(new Map());
  const url = `${gone.url}/file`;
  await gone.close();
  await assert.rejects(fetchIt({ url, attempts: 1 }), { code: 'download_failed', message: /ECONNREFUSED/ });
});

test('cancelling keeps what is there for the next time', async () => {
  const controller = new AbortController();
  server.behaviour = { slowPieceBytes: 100_000 };
  const fetching = fetchIt({ signal: controller.signal, onProgress: () => controller.abort() });
  await assert.rejects(fetching, { code: 'cancelled' });
  server.reset();
  await fetchIt();
  await assertWhole();
  assert.ok(server.requests[0]?.range !== undefined);
});

test('an address that is none is a usage error', async () => {
  await assert.rejects(fetchIt({ url: 'file:///etc/passwd' }), { code: 'usage' });
});

test('a folder that cannot be written is the disk’s fault, not the network’s', async () => {
  await writeFile(join(folder, 'in-the-way'), '');
  await assert.rejects(fetchIt({ destination: join(folder, 'in-the-way', 'file') }), { code: 'store_unavailable' });
});
