import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startHeartbeat } from '../../../src/runtime/heartbeat.ts';

const folder = mkdtempSync(join(tmpdir(), 'narrator-heartbeat-'));
after(() => rmSync(folder, { recursive: true }));

test('a file is there at once, is touched again and again, and is gone at the end', async () => {
  const path = join(folder, 'worker');
  const stop = startHeartbeat(path, 5);
  assert.ok(existsSync(path));
  for (let beat = 0; beat < 2; beat += 1) {
    utimesSync(path, 0, 0);
    while (statSync(path).mtimeMs === 0) await delay(1);
  }
  stop();
  stop();
  assert.equal(existsSync(path), false);
});

test('a place that cannot be written to is an error that names it', () => {
  assert.throws(() => startHeartbeat(join(folder, 'no', 'where')), { code: 'config_invalid', message: /no\/where/ });
});

test('a file that somebody removes is not put back: whoever looks must see that something is wrong', async () => {
  const path = join(folder, 'removed');
  const stop = startHeartbeat(path, 1);
  rmSync(path);
  await delay(20);
  assert.equal(existsSync(path), false);
  stop();
});
