import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const script = join(import.meta.dirname, '../../../docker/healthy.mjs');
const folder = mkdtempSync(join(tmpdir(), 'narrator-healthy-'));
after(() => rmSync(folder, { recursive: true }));

function check(
  parameters: readonly string[],
  port = 1,
  settings: Record<string, string> = { NARRATOR_PORT: String(port) },
): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, ...settings };
    execFile(process.execPath, [script, ...parameters], { env }, (error, _stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), said: stderr });
    });
  });
}

test('a heartbeat is well while it is young, and only then', async () => {
  const path = join(folder, 'worker');
  writeFileSync(path, '');
  const old = join(folder, 'old');
  writeFileSync(old, '');
  utimesSync(old, new Date(0), new Date(0));
  const [young, stale, absent] = await Promise.all(
    [path, old, join(folder, 'absent')].map((file) => check(['heartbeat', file])),
  );
  assert.deepEqual([young?.code, stale?.code, absent?.code], [0, 1, 1]);
  assert.match(stale?.said ?? '', /no heartbeat for \d+ s/);
});

test('a server is well when it answers with a success, and only then', async () => {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/healthz' ? 200 : 503).end('The model is being loaded.');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const [well, bound, unready, away, misused] = await Promise.all([
    check(['http', '/healthz'], port),
    check(['http', '/healthz'], 1, { NARRATOR_PORT: '1', SAGEMAKER_BIND_TO_PORT: String(port) }),
    check(['http', '/readyz'], port),
    check(['http', '/healthz'], 1),
    check(['tcp', '/'], port),
  ]);
  server.close();
  assert.deepEqual([well.code, bound.code, unready.code, away.code, misused.code], [0, 0, 1, 1, 1]);
  assert.match(unready.said, /503: The model is being loaded\./);
});
