import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type JobServer, NDJSON, startJobServer } from './job-server.ts';

const MB = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The fetch of Node 20 holds the whole of a streamed body. */
async function upload(chunks: AsyncIterable<Uint8Array>): Promise<number | undefined> {
  const headers = { ...NDJSON, authorization: 'Bearer anna' };
  const request = httpRequest(`${server.url}/v1/jobs/large`, { method: 'PUT', headers });
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  await pipeline(Readable.from(chunks), request);
  const [response] = await answered;
  response.resume();
  return response.statusCode;
}

/** Bytes that are in use, and not only not yet collected. */
function held(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

let server: JobServer;
before(async () => (server = await startJobServer({ bodyLimitBytes: 256 * MB })));
after(() => server.close());

test('a manifest of 100,000 lines passes through as it comes, and is never held', async () => {
  const lines = 100_000;
  const text = 'All of it is said by one voice, and none of it is held. '.repeat(10);
  let sent = 0;
  async function* manifest(): AsyncGenerator<Uint8Array> {
    for (let from = 0; from < lines; from += 500) {
      const chunk = Array.from({ length: 500 }, (_, n) => `${JSON.stringify({ id: `line-${from + n}`, text })}\n`).join(
        '',
      );
      sent += chunk.length;
      yield new TextEncoder().encode(chunk);
    }
  }
  // Nothing of it is spoken: intake is what this is about.
  server.engine.before = (_request, signal) =>
    new Promise((resolve) => signal?.addEventListener('abort', () => resolve()));
  const before = held();
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, held())), 200);
  assert.equal(await upload(manifest()), 201);
  clearInterval(watch);
  assert.ok(sent > 50 * MB, `${sent}`);
  // Client and server are this one process: it would be there if either held it.
  assert.ok(peak - before < sent / 3, `${Math.round((peak - before) / MB)} MB more for ${Math.round(sent / MB)} MB`);
  const stored = await server.store.get('jobs/large/job.json');
  assert.equal(
    (JSON.parse(Buffer.from(stored?.bytes ?? []).toString()) as { manifest: { bytes: number } }).manifest.bytes,
    sent,
  );
});
