import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { MemoryStore } from '../../../src/adapters/store-memory.ts';
import { createApiKey } from '../../../src/core/api-keys.ts';
import { isLoopback, ServerKeys } from '../../../src/runtime/server-keys.ts';

const now = () => new Date();

test('without keys a server is open to this machine, and refuses to be there for others', async () => {
  const store = new MemoryStore();
  const open = await ServerKeys.open(store, { host: '127.0.0.1', adminKey: undefined });
  assert.equal(open.required, false);
  await assert.rejects(ServerKeys.open(store, { host: '0.0.0.0', adminKey: undefined }), {
    code: 'config_invalid',
    hint: /narrator keys create.*NARRATOR_ADMIN_KEY/,
  });
});

test('a key of the store or of the operator closes the server, on this machine too', async () => {
  const store = new MemoryStore();
  const adminKey = 'a key of the operator, long enough';
  const byOperator = await ServerKeys.open(store, { host: '0.0.0.0', adminKey });
  assert.equal(byOperator.required, true);
  assert.ok((await byOperator.verify(adminKey))?.scopes.has('admin'));
  assert.equal(await byOperator.verify('another one'), undefined);

  const { key } = await createApiKey({ name: 'me', scopes: ['read'] }, { store, now, randomBytes });
  const byStore = await ServerKeys.open(store, { host: '127.0.0.1', adminKey: undefined });
  assert.equal(byStore.required, true);
  assert.deepEqual([...((await byStore.verify(key))?.scopes ?? [])], ['read']);
});

test('only addresses of this machine are loopback', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) assert.ok(isLoopback(host), host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example', 'localhost.example']) {
    assert.ok(!isLoopback(host), host);
  }
});
