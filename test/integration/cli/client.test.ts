import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../../src/core/errors.ts';
import { json, serving } from './server.ts';

const problem = {
  type: 'urn:f5-narrator:error:item_invalid',
  title: 'item_invalid',
  status: 400,
  detail: 'Line 3: speed must be at most 2.',
  hint: 'Correct it.',
  code: 'item_invalid',
  retryable: false,
  line: 3,
  field: 'speed',
  instance: 'request',
};

test('what the server says is wrong is the error that was thrown there, and is not tried again', async (t) => {
  const { client, asked } = await serving(t, (_asked, response) => json(response, 400, problem));
  await assert.rejects(client().send('/v1/jobs', { method: 'POST', json: {} }), (error: NarratorError) => {
    assert.ok(error instanceof NarratorError);
    assert.deepEqual(error.toRecord(), {
      code: 'item_invalid',
      message: problem.detail,
      hint: 'Correct it.',
      retryable: false,
      line: 3,
      field: 'speed',
    });
    return true;
  });
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.request.headers.authorization, 'Bearer the-key');
});

test('an upload that is cut, refused for now or answered by a proxy is sent again whole, under the same name', async (t) => {
  const { client, asked } = await serving(t, ({ request }, response, before) => {
    if (before === 0) request.socket.destroy();
    else if (before === 1)
      json(response, 503, { ...problem, code: 'store_unavailable', retryable: true }, { 'retry-after': '0' });
    else if (before === 2) response.writeHead(502).end('<html>');
    else json(response, 202, { id: 'job' });
  });
  let opened = 0;
  const open = async function* () {
    opened += 1;
    for (const piece of ['{"id":"a",', '"text":"Rain."}\n']) yield new TextEncoder().encode(piece);
  };
  const retried: string[] = [];
  const upload = { contentType: 'application/x-ndjson', open };
  const headers = { 'idempotency-key': 'one' };
  const job = await client({ onRetry: ({ code }) => retried.push(code) }).json('/v1/jobs', {
    method: 'POST',
    upload,
    headers,
  });
  assert.deepEqual(job, { id: 'job' });
  assert.deepEqual(retried, ['server_unreachable', 'store_unavailable', 'server_unreachable']);
  assert.equal(opened, 4);
  assert.deepEqual(new Set(asked.map(({ body }) => body)), new Set(['{"id":"a","text":"Rain."}\n']));
  assert.deepEqual(new Set(asked.map(({ request }) => request.headers['idempotency-key'])), new Set(['one']));
});

test('a server that hangs, one that is not there and one that is none of ours are named', async (t) => {
  const { client, url } = await serving(t, ({ request }, response) => {
    if (request.url === '/page') response.writeHead(404).end('<html>');
  });
  const attempts = 2;
  await assert.rejects(client({ attempts }).send('/', { timeoutMs: 50 }), /did not answer within 0.05 s/);
  await assert.rejects(client().send('/page'), { code: 'server_unreachable', retryable: false });
  await assert.rejects(client({ attempts, url: 'http://127.0.0.1:1' }).send('/'), {
    code: 'server_unreachable',
    message: /127\.0\.0\.1:1 cannot be reached/,
  });
  const interrupt = new AbortController();
  const waiting = client({ signal: interrupt.signal }).send('/');
  interrupt.abort();
  await assert.rejects(waiting, { code: 'cancelled' }, url);
});

test('the key goes to the server alone, neither to another address nor where a redirect leads', async (t) => {
  const other = await serving(t, (_asked, response) => json(response, 200, {}));
  const { client } = await serving(t, (_asked, response) => response.writeHead(302, { location: other.url }).end());
  await client().send(`${other.url}/signed?signature=x`);
  assert.equal(other.asked[0]?.request.headers.authorization, undefined);
  await assert.rejects(client({ attempts: 1 }).send('/v1/jobs'), { code: 'server_unreachable' });
  assert.equal(other.asked.length, 1);
});
