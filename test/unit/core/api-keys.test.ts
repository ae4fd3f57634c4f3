import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import {
  ApiKeyVerifier,
  createApiKey,
  KEY_MEMORY_MS,
  listApiKeys,
  revokeApiKey,
  SCOPES,
} from '../../../src/core/api-keys.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import type { ArtifactStore } from '../../../src/core/ports.ts';
import { MemoryStore } from '../../../src/adapters/store-memory.ts';

let store: MemoryStore;
let clock: number;
const now = () => new Date(clock);
beforeEach(() => {
  store = new MemoryStore();
  clock = Date.parse('2026-11-01T00:00:00Z');
});

const create = (request: Partial<Parameters<typeof createApiKey>[0]> = {}) =>
  createApiKey({ name: 'studio', scopes: ['submit', 'read'], ...request }, { store, now, randomBytes });
const verifier = (adminKey?: string) => new ApiKeyVerifier({ store, now, adminKey });

describe('a key', () => {
  test('opens what its scopes and its tenant say', async () => {
    const { key, info } = await create({ tenant: 'acme' });
    assert.match(key, /^nk_[0-9a-f]{16}_[0-9a-f]{64}$/);
    assert.deepEqual(await verifier().verify(key), {
      keyId: info.id,
      tenant: 'acme',
      scopes: new Set(['submit', 'read']),
    });
  });

  test('is not in the store: only the digest of its secret is', async () => {
    const { key, info } = await create();
    const stored = await store.get(`keys/${info.id}.json`);
    const text = Buffer.from(stored?.bytes ?? []).toString();
    assert.ok(text.includes('"sha256"'));
    assert.ok(!text.includes(key.split('_')[2] as string));
    assert.ok(!JSON.stringify(await listApiKeys(store)).includes('sha256'));
  });

  test('with the scope admin has the others as well', async () => {
    assert.deepEqual((await create({ scopes: ['admin'] })).info.scopes, [...SCOPES]);
  });

  test('is made only of what can be used', async () => {
    const cases: [object, string][] = [
      [{ name: '  ' }, 'name'],
      [{ scopes: [] }, 'scopes'],
      [{ scopes: ['everything'] }, 'scopes'],
      [{ tenant: '../x' }, 'tenant'],
      [{ expiresAt: 'tomorrow' }, 'expiresAt'],
      [{ expiresAt: '2026-10-31T00:00:00Z' }, 'expiresAt'],
    ];
    for (const [request, field] of cases) {
      await assert.rejects(create(request), (error) => error instanceof NarratorError && error.details.field === field);
    }
    assert.deepEqual(await listApiKeys(store), []);
  });

  test('ends with its time', async () => {
    const { key } = await create({ expiresAt: '2026-11-01T00:01:00Z' });
    const verify = verifier();
    assert.ok(await verify.verify(key));
    clock += 60_000;
    assert.equal(await verify.verify(key), undefined);
  });

  test('that is revoked is kept, and opens nothing once what is remembered of it is over', async () => {
    const { key, info } = await create();
    const verify = verifier();
    assert.ok(await verify.verify(key));
    const revoked = await revokeApiKey(info.id, { store, now });
    assert.equal(revoked.revokedAt, now().toISOString());
    assert.equal(await verifier().verify(key), undefined);
    clock += KEY_MEMORY_MS;
    assert.equal(await verify.verify(key), undefined);
    assert.deepEqual(await revokeApiKey(info.id, { store, now }), revoked);
    assert.deepEqual(await listApiKeys(store), [revoked]);
  });

  test('that does not exist cannot be revoked', async () => {
    for (const id of ['0000000000000000', '../jobs/x', '']) {
      await assert.rejects(revokeApiKey(id, { store, now }), { code: 'usage' });
    }
  });
});

describe('what is no key', () => {
  test('opens nothing: another secret, an unknown id, another form', async () => {
    const { key, info } = await create();
    const wrongSecret = `nk_${info.id}_${'0'.repeat(64)}`;
    const unknownId = key.replace(info.id, '0123456789abcdef');
    for (const text of [
      wrongSecret,
      unknownId,
      key.toUpperCase(),
      `${key}0`,
      `nk_${info.id}_`,
      '',
      'none',
      '../../x',
    ]) {
      assert.equal(await verifier().verify(text), undefined, text);
    }
  });

  test('costs one read of the store, whether its id is known or not', async () => {
    const { info } = await create();
    for (const id of [info.id, '0123456789abcdef']) {
      const counted = counting(store);
      const verify = new ApiKeyVerifier({ store: counted.store, now });
      for (let i = 0; i < 5; i++) await verify.verify(`nk_${id}_${'0'.repeat(64)}`);
      assert.equal(counted.reads(), 1);
      clock += KEY_MEMORY_MS;
      await verify.verify(`nk_${id}_${'0'.repeat(64)}`);
      assert.equal(counted.reads(), 2);
    }
  });
});

test('a store that was away is asked again, and the caller hears of it', async () => {
  const { key } = await create();
  let away = true;
  const get: ArtifactStore['get'] = (name) =>
    away ? Promise.reject(new NarratorError('store_unavailable', 'away')) : store.get(name);
  const verify = new ApiKeyVerifier({ store: Object.assign(Object.create(store) as ArtifactStore, { get }), now });
  await assert.rejects(verify.verify(key), { code: 'store_unavailable' });
  away = false;
  assert.ok(await verify.verify(key));
});

test("the operator's own key has every scope, and there is none unless it is set", async () => {
  const adminKey = 'a-key-from-the-environment-1234';
  assert.deepEqual(await verifier(adminKey).verify(adminKey), { keyId: 'admin', scopes: new Set(SCOPES) });
  assert.equal(await verifier(adminKey).verify(`${adminKey}x`), undefined);
  assert.equal(await verifier().verify(''), undefined);
});

test('what is remembered stays bounded', async () => {
  const counted = counting(store);
  const verify = new ApiKeyVerifier({ store: counted.store, now });
  const keyOf = (number: number) => `nk_${number.toString(16).padStart(16, '0')}_${'0'.repeat(64)}`;
  for (let i = 0; i < 1_001; i++) await verify.verify(keyOf(i));
  await verify.verify(keyOf(1_000));
  assert.equal(counted.reads(), 1_001);
  await verify.verify(keyOf(0));
  assert.equal(counted.reads(), 1_002);
});

function counting(inner: MemoryStore): { store: ArtifactStore; reads: () => number } {
  let reads = 0;
  const get: ArtifactStore['get'] = (key) => {
    reads += 1;
    return inner.get(key);
  };
  return { store: Object.assign(Object.create(inner) as ArtifactStore, { get }), reads: () => reads };
}
