/** The documentation of the API in a real browser: `apt-get install chromium` gives one. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { Workplace } from './narrator-process.ts';

const CHROMIUM = '/usr/bin/chromium';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('/docs shows every operation, runs no script in line, and asks nobody else for anything', async (t) => {
  assert.ok(existsSync(CHROMIUM), `This test needs a browser at ${CHROMIUM}: apt-get install -y chromium`);
  const place = await Workplace.open(t);
  const port = await freePort();
  place.start(['serve', '--port', String(port)]);
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; (await fetch(`${url}/healthz`).catch(() => undefined))?.status !== 200; tries++) {
    assert.ok(tries < 600, 'the server does not answer');
    await delay(100);
  }
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> };
  const operations = Object.values(paths).reduce((sum, methods) => sum + Object.keys(methods).length, 0);
  assert.ok(operations > 10);

  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  t.after(() => browser.close());
  const page = await browser.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  const answer = await page.goto(`${url}/docs`);
  assert.match(answer?.headers()['content-security-policy'] ?? '', /script-src 'self'(;|$)/);

  const shown = page.locator('.opblock');
  await shown.nth(operations - 1).waitFor();
  assert.equal(await shown.count(), operations);
  const submit = page.locator('#operations-Jobs-post-jobs');
  await submit.locator('button').first().click();
  await submit.getByText('Idempotency-Key').first().waitFor();
  await submit.getByText('api_key_missing').first().waitFor();

  assert.ok(requests.includes(`${url}/openapi.json`));
  const elsewhere = requests.filter((one) => !one.startsWith(`${url}/`) && !one.startsWith('data:'));
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(complaints, []);
});
