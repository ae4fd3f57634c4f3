import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { BullmqDispatcher } from '../../../src/adapters/dispatch-bullmq.ts';
import { MemoryStore } from '../../../src/adapters/store-memory.ts';
import { ApiKeyVerifier, createApiKey } from '../../../src/core/api-keys.ts';
import { type Problem, type ServedApp, serveApp } from '../../support/api-app.ts';
import { RedisServer } from '../../support/redis-server.ts';

const ADMIN_KEY = 'an-admin-key-of-the-operator';
const store = new MemoryStore();
const now = () => new Date();

let redis: RedisServer;
let dispatcher: BullmqDispatcher;
let served: ServedApp;

before(async () => {
  redis = await RedisServer.start();
  dispatcher = new BullmqDispatcher({ redisUrl: redis.url, queueName: 'board' });
  const verifier = new ApiKeyVerifier({ store, now, adminKey: ADMIN_KEY });
  served = await serveApp({
    keys: { required: true, verify: (key) => verifier.verify(key) },
    openBoardQueue: () => dispatcher.openQueue(),
  });
});
after(async () => {
  served.close();
  await dispatcher.close();
  await redis.end();
});

const login = (password: string, user = 'anybody') => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
const board = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${served.url}/admin/queues${path}`, { method, headers });
const codeOf = async (answer: Response) => ((await answer.json()) as Problem).code;

test('a board without its queue says so, and is there once the queue is', async () => {
  const away = await board('', login(ADMIN_KEY));
  assert.deepEqual([away.status, await codeOf(away)], [503, 'queue_unavailable']);
  await dispatcher.start();
  assert.equal((await board('', login(ADMIN_KEY))).status, 200);
});

test('a browser is asked for a password, and a key with the scope admin is one', async () => {
  const asked = await board('');
  assert.equal(asked.status, 401);
  assert.match(asked.headers.get('www-authenticate') ?? '', /^Basic realm=/);
  assert.equal(await codeOf(asked), 'api_key_missing');
  const { key } = await createApiKey({ name: 'x', scopes: ['read'] }, { store, now, randomBytes });
  assert.equal((await board('', login(key))).status, 403);
  assert.equal((await board('', login('wrong'))).status, 401);
  assert.equal((await board('', { authorization: 'Basic !' })).status, 401);
  assert.equal((await board('', { authorization: `Bearer ${ADMIN_KEY}` })).status, 200);
});

test('a password opens the board only: elsewhere it is no key', async () => {
  const answer = await fetch(`${served.url}/v1/voices`, { headers: login(ADMIN_KEY) });
  assert.equal(answer.status, 401);
  assert.doesNotMatch(answer.headers.get('www-authenticate') ?? '', /Basic/);
});

test('the page comes from here alone, and shows the queue', async () => {
  await dispatcher.dispatch({ jobId: 'job-1', shardId: 'shard-000001', attempt: 1 });
  const page = await board('', login(ADMIN_KEY));
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*script-src 'self'/);
  const script = /src="(static\/js\/main[^"]+)"/.exec(await page.text())?.[1] ?? '';
  assert.equal((await board(`/${script}`, login(ADMIN_KEY))).status, 200);
  const answer = await board('/api/queues', login(ADMIN_KEY));
  const { queues } = (await answer.json()) as { queues: { name: string; counts: Record<string, number> }[] };
  assert.equal(queues[0]?.name, 'board');
  const { waiting = 0, prioritized = 0 } = queues[0].counts;
  assert.equal(waiting + prioritized, 1);
});

test('it takes orders from its own page only', async () => {
  const path = '/api/queues/board/pause';
  const foreign = await board(path, { ...login(ADMIN_KEY), 'sec-fetch-site': 'cross-site' }, 'PUT');
  assert.deepEqual([foreign.status, await codeOf(foreign)], [400, 'request_invalid']);
  assert.equal(await dispatcher.openQueue().isPaused(), false);
  assert.equal((await board(path, { ...login(ADMIN_KEY), 'sec-fetch-site': 'same-origin' }, 'PUT')).status, 200);
  assert.equal(await dispatcher.openQueue().isPaused(), true);
});
