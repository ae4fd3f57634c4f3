import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveMetrics } from '../../../src/runtime/metrics-server.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };
const serving = (render: () => Promise<string>) => serveMetrics({ contentType: 'text/plain', render }, LOOPBACK);

test('answers metrics and nothing else', async () => {
  const { port, close } = await serving(() => Promise.resolve('up 1\n'));
  try {
    const url = `http://127.0.0.1:${port}`;
    const answer = await fetch(`${url}/metrics`);
    assert.deepEqual([answer.headers.get('content-type'), await answer.text()], ['text/plain', 'up 1\n']);
    assert.equal((await fetch(url)).status, 404);
    assert.equal((await fetch(`${url}/metrics`, { method: 'POST' })).status, 404);
  } finally {
    await close();
  }
  await assert.rejects(fetch(`http://127.0.0.1:${port}/metrics`));
});

test('a failure is a failure, and the next answer comes', async () => {
  let isAway = true;
  const { port, close } = await serving(() => (isAway ? Promise.reject(new Error('away')) : Promise.resolve('up 1\n')));
  try {
    assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 500);
    isAway = false;
    assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 200);
  } finally {
    await close();
  }
});

test('a port that is taken is named', async () => {
  const { port, close } = await serving(() => Promise.resolve(''));
  try {
    const taken = serveMetrics({ contentType: 'text/plain', render: () => Promise.resolve('') }, { ...LOOPBACK, port });
    await assert.rejects(taken, { code: 'config_invalid', message: new RegExp(`127\\.0\\.0\\.1:${port}`) });
  } finally {
    await close();
  }
});
