import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { NarratorError } from '../../../src/core/errors.ts';
import { ServiceHealth } from '../../../src/runtime/service-health.ts';

const until = async (isTrue: () => boolean) => {
  for (let tries = 0; !isTrue(); tries++) {
    assert.ok(tries < 500, 'it does not come');
    await delay(2);
  }
};

test('health is what the last look at everything said: not ready before, nor while something is away, nor in the shutdown', async () => {
  let look = (): Promise<string | undefined> => Promise.resolve(undefined);
  const checks = [
    { name: 'The store', look: () => Promise.resolve(undefined) },
    { name: 'The queue', look: () => look() },
  ];
  const health = new ServiceHealth({ checks, intervalMs: 1, timeoutMs: 20 });
  assert.match(health.reason ?? '', /starting/);
  health.start();
  await until(() => health.reason === undefined);
  look = () => Promise.reject(new NarratorError('queue_unavailable', 'There is no connection.'));
  await until(() => health.reason !== undefined);
  assert.equal(health.reason, 'The queue cannot be used: There is no connection.');
  look = () => new Promise(() => {});
  await until(() => health.reason === 'The queue does not answer.');
  look = () => Promise.resolve(undefined);
  await until(() => health.reason === undefined);
  await health.close();
  assert.match(health.reason ?? '', /shutting down/);
});
