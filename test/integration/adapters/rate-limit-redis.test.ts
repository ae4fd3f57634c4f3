import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RateLimitRedis } from '../../../src/adapters/rate-limit-redis.ts';
import { type ServedApp, serveApp } from '../../support/api-app.ts';
import { RedisServer } from '../../support/redis-server.ts';

const statusOf = async ({ url }: ServedApp) => (await fetch(`${url}/v1/voices`)).status;

/** Redis is there and the connection knows. */
async function untilCounted(store: RateLimitRedis): Promise<void> {
  while (
    !(await store.increment('probe').then(
      () => true,
      () => false,
    ))
  ) {
    await delay(20);
  }
}

test('replicas share one count; without Redis all pass, and once it is back it is counted again', async () => {
  const redis = await RedisServer.start();
  const stores = [1, 2].map(
    () => new RateLimitRedis({ redisUrl: redis.url, prefix: 'test:', log: () => undefined }),
  ) as [RateLimitRedis, RateLimitRedis];
  const [first, second] = await Promise.all([
    serveApp({ requestsPerMinute: () => 3, rateLimitStore: stores[0] }),
    serveApp({ requestsPerMinute: () => 3, rateLimitStore: stores[1] }),
  ]);
  try {
    await Promise.all(stores.map(untilCounted));
    assert.deepEqual([await statusOf(first), await statusOf(second), await statusOf(first)], [200, 200, 200]);
    assert.deepEqual([await statusOf(first), await statusOf(second)], [429, 429]);

    await redis.down();
    assert.deepEqual([await statusOf(first), await statusOf(second)], [200, 200]);

    await redis.up();
    await untilCounted(stores[0]);
    assert.equal(await statusOf(first), 429);
  } finally {
    for (const one of [first, second, ...stores]) one.close();
    await redis.end();
  }
});
