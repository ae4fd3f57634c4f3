import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import OpenAI from 'openai';
import { MemoryStore } from '../../../src/adapters/store-memory.ts';
import { ApiKeyVerifier, createApiKey, type Scope } from '../../../src/core/api-keys.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import { type Problem, type ServedApp, serveApp } from '../../support/api-app.ts';

const ADMIN_KEY = 'an-admin-key-of-the-operator';
const ORIGIN = 'https://studio.example';

let store: MemoryStore;
let served: ServedApp;
let storeIsAway = false;
const now = () => new Date();
const keyFor = async (...scopes: Scope[]) =>
  (await createApiKey({ name: 'test', scopes }, { store, now, randomBytes })).key;
const get = (path: string, headers: Record<string, string> = {}) => fetch(served.url + path, { headers });
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function problem(response: Response, status: number, code: string): Promise<Problem> {
  const body = (await response.json()) as Problem;
  assert.deepEqual([response.status, body.code], [status, code]);
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
  return body;
}

describe('with keys', () => {
  before(async () => {
    store = new MemoryStore();
    const verifier = new ApiKeyVerifier({ store, now, adminKey: ADMIN_KEY });
    served = await serveApp({
      keys: {
        required: true,
        verify: (key) =>
          storeIsAway ? Promise.reject(new NarratorError('store_unavailable', 'away')) : verifier.verify(key),
      },
      corsOrigins: [ORIGIN],
      metrics: {
        contentType: 'text/plain',
        render: () => Promise.resolve('up 1\n'),
        observeRequest: () => undefined,
      },
    });
  });
  after(() => served.close());
  beforeEach(() => {
    storeIsAway = false;
  });

  test('a request without a key, or with a wrong one, is told so, and how to log in', async () => {
    const missing = await get('/v1/voices');
    assert.equal(missing.headers.get('www-authenticate'), 'Bearer realm="f5-narrator"');
    await problem(missing, 401, 'api_key_missing');
    for (const headers of [bearer('nk_0_0'), { 'x-api-key': 'x' }, bearer('x'.repeat(5_000))]) {
      const wrong = await get('/v1/voices', headers);
      assert.match(wrong.headers.get('www-authenticate') ?? '', /error="invalid_token"/);
      await problem(wrong, 401, 'api_key_invalid');
    }
    await problem(await get('/v1/voices', { authorization: 'Basic YTpi' }), 401, 'api_key_missing');
  });

  test('nobody without a key learns which paths there are', async () => {
    await problem(await get('/v1/nothing'), 401, 'api_key_missing');
    await problem(await get('/v1/nothing', bearer(ADMIN_KEY)), 404, 'route_not_found');
  });

  test('a key goes in either header', async () => {
    const key = await keyFor('read');
    assert.equal((await get('/v1/voices', bearer(key))).status, 200);
    assert.equal((await get('/v1/voices', { 'x-api-key': key })).status, 200);
  });

  test('a scope opens what it is for, and nothing else', async () => {
    const read = bearer(await keyFor('read'));
    assert.equal((await get('/v1/models', read)).status, 200);
    const refused = await fetch(`${served.url}/tts`, { method: 'POST', headers: read, body: 'never read' });
    assert.match((await problem(refused, 403, 'scope_missing')).detail, /"submit"/);
    await problem(await get('/metrics', read), 403, 'scope_missing');
    await problem(await get('/v1/models', bearer(await keyFor('submit'))), 403, 'scope_missing');
    assert.equal(await (await get('/metrics', bearer(ADMIN_KEY))).text(), 'up 1\n');
  });

  test('health, readiness and the documentation ask for no key', async () => {
    for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs', '/docs/start.js']) {
      assert.equal((await get(path)).status, 200, path);
    }
  });

  test('a store that is away is not a wrong key', async () => {
    storeIsAway = true;
    const away = await get('/v1/voices', bearer(await keyFor('read')));
    assert.ok(Number(away.headers.get('retry-after')) > 0);
    await problem(away, 503, 'store_unavailable');
  });

  test("OpenAI's client sees its own kinds of errors", async () => {
    const speak = (apiKey: string) =>
      new OpenAI({ apiKey, baseURL: `${served.url}/v1`, maxRetries: 0 }).audio.speech.create({
        model: 'tiny',
        voice: 'slt',
        input: 'Hello.',
      });
    await assert.rejects(speak('sk-wrong'), (error) => {
      assert.ok(error instanceof OpenAI.AuthenticationError);
      assert.equal(error.code, 'api_key_invalid');
      return true;
    });
    await assert.rejects(speak(await keyFor('read')), (error) => {
      assert.ok(error instanceof OpenAI.PermissionDeniedError);
      assert.equal(error.code, 'scope_missing');
      return true;
    });
  });

  test('pages of a listed origin may call, and read the headers that they need', async () => {
    const preflight = await fetch(`${served.url}/v1/voices`, {
      method: 'OPTIONS',
      headers: {
        origin: ORIGIN,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization',
      },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-origin'), ORIGIN);
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /authorization/);
    assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /DELETE/);

    const answer = await get('/v1/voices', { origin: ORIGIN, ...bearer(await keyFor('read')) });
    assert.equal(answer.headers.get('access-control-allow-origin'), ORIGIN);
    assert.match(answer.headers.get('access-control-expose-headers') ?? '', /location.*x-request-id/);
    assert.match(answer.headers.get('vary') ?? '', /origin/i);
    assert.equal(answer.headers.get('access-control-allow-credentials'), null);
    const refused = await get('/v1/voices', { origin: ORIGIN });
    assert.equal(refused.headers.get('access-control-allow-origin'), ORIGIN, 'a page can read why it was refused');
  });

  test('pages of other origins get no permission, and caches are told that it depends', async () => {
    for (const origin of ['https://evil.example', 'null', `${ORIGIN}.evil.example`]) {
      const answer = await get('/healthz', { origin });
      assert.equal(answer.headers.get('access-control-allow-origin'), null);
      assert.match(answer.headers.get('vary') ?? '', /origin/i);
    }
  });
});

describe('limits', () => {
  test('a key that asks too often is told when to come back; another key is not held up', async () => {
    store = new MemoryStore();
    const verifier = new ApiKeyVerifier({ store, now });
    served = await serveApp({
      keys: { required: true, verify: (key) => verifier.verify(key) },
      requestsPerMinute: () => 3,
    });
    try {
      const [key, other] = [await keyFor('read'), await keyFor('read')];
      for (let i = 0; i < 3; i++) {
        const answer = await get('/v1/voices', bearer(key));
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('ratelimit') ?? '', new RegExp(`r=${2 - i};`));
      }
      const refused = await get('/v1/voices', bearer(key));
      const seconds = Number(refused.headers.get('retry-after'));
      assert.ok(seconds > 0 && seconds <= 60);
      const body = await problem(refused, 429, 'too_many_requests');
      assert.deepEqual([body.limit, body.retryable], [3, true]);
      assert.equal((await get('/v1/voices', bearer(other))).status, 200);
      assert.equal((await get('/healthz')).status, 200);
    } finally {
      served.close();
    }
  });

  test('wrong keys are counted by address, and cost nobody else anything', async () => {
    store = new MemoryStore();
    const verifier = new ApiKeyVerifier({ store, now });
    served = await serveApp({
      keys: { required: true, verify: (key) => verifier.verify(key) },
      requestsPerMinute: () => 2,
    });
    try {
      const key = await keyFor('read');
      for (const expected of [401, 401, 429]) {
        assert.equal((await get('/v1/voices', bearer('guess'))).status, expected);
      }
      assert.equal((await get('/v1/voices', bearer(key))).status, 200);
    } finally {
      served.close();
    }
  });

  test('a client cannot choose its address', async () => {
    served = await serveApp({ requestsPerMinute: () => 1 });
    try {
      assert.equal((await get('/v1/voices', { 'x-forwarded-for': '198.51.100.1' })).status, 200);
      assert.equal((await get('/v1/voices', { 'x-forwarded-for': '198.51.100.2' })).status, 429);
    } finally {
      served.close();
    }
  });

  test('behind a proxy the client is whom the proxy names, whatever the client says it is', async () => {
    const addresses: unknown[] = [];
    const log = (event: string, { address }: Record<string, unknown>) => event === 'request' && addresses.push(address);
    served = await serveApp({ requestsPerMinute: () => 1, trustedProxies: 1, log });
    try {
      const by = (forwarded: string) => get('/v1/voices', { 'x-forwarded-for': forwarded });
      assert.equal((await by('198.51.100.1')).status, 200);
      assert.equal((await by('198.51.100.2')).status, 200);
      assert.equal((await by('203.0.113.9, 198.51.100.1')).status, 429);
      while (addresses.length < 3) await new Promise(setImmediate);
      assert.deepEqual(addresses, ['198.51.100.1', '198.51.100.2', '198.51.100.1']);
    } finally {
      served.close();
    }
  });

  test('a counter that is away stops no work', async () => {
    const away = () => Promise.reject(new Error('no Redis'));
    const events: string[] = [];
    served = await serveApp({
      log: (event) => events.push(event),
      requestsPerMinute: () => 1,
      rateLimitStore: { increment: away, decrement: away, resetKey: away },
    });
    try {
      for (let i = 0; i < 3; i++) assert.equal((await get('/v1/voices')).status, 200);
      assert.ok(events.includes('rate-limit.trouble'));
    } finally {
      served.close();
    }
  });
});

describe('without keys', () => {
  before(async () => {
    served = await serveApp({ corsOrigins: [ORIGIN] });
  });
  after(() => served.close());

  /** fetch would not send a host of our choice. */
  const statusFor = (host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      request(`${served.url}/v1/voices`, { headers: { host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on('error', reject)
        .end();
    });

  test('programs on this machine may ask, and the pages that come from here', async () => {
    for (const headers of [{}, { 'sec-fetch-site': 'none' }, { 'sec-fetch-site': 'same-origin', origin: served.url }]) {
      assert.equal((await get('/v1/voices', headers as Record<string, string>)).status, 200);
    }
    for (const host of ['localhost:8080', '127.0.0.1', '[::1]:8080']) assert.equal(await statusFor(host), 200, host);
  });

  test('pages of other sites may not, unless their origin is listed', async () => {
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ]) {
      const refused = await fetch(`${served.url}/v1/jobs/x/cancel`, {
        method: 'POST',
        headers: headers as Record<string, string>,
      });
      await problem(refused, 401, 'api_key_missing');
    }
    assert.equal((await get('/v1/voices', { 'sec-fetch-site': 'cross-site', origin: ORIGIN })).status, 200);
  });

  test('a foreign name that leads to this machine opens nothing, whatever it says it is', async () => {
    const behindProxy = await serveApp({ trustedProxies: 1 });
    const forged = await new Promise<IncomingMessage>((resolve) => {
      const headers = { host: 'evil.example', 'x-forwarded-host': 'localhost' };
      request(`${behindProxy.url}/v1/voices`, { headers }, resolve).end();
    });
    forged.resume();
    behindProxy.close();
    assert.equal(forged.statusCode, 401);
    for (const host of ['evil.example', 'localhost.evil.example:8080']) assert.equal(await statusFor(host), 401, host);
  });
});

test('without CORS origins nothing is said of them; security headers are there', async () => {
  served = await serveApp();
  try {
    const answer = await get('/v1/voices', { origin: ORIGIN });
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
    assert.equal(answer.headers.get('x-powered-by'), null);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src/);
    assert.ok(answer.headers.get('x-request-id'));
  } finally {
    served.close();
  }
});
