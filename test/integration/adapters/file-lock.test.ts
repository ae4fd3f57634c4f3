import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { withFileLock } from '../../../src/adapters/file-lock.ts';
import { ownIdentity } from '../../../src/adapters/process-identity.ts';

describe('a lock among processes', () => {
  let root: string;
  let identity: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'narrator-lock-'));
    identity = await ownIdentity();
  });
  after(() => rm(root, { recursive: true }));

  const lock = (name: string, timeoutMs = 5000) => ({
    folder: join(root, name),
    identity,
    temporaryPath: () => join(root, randomUUID()),
    timeoutMs,
  });

  it('lets one in at a time, each of them once', async () => {
    let inside = 0;
    let entered = 0;
    const enter = () =>
      withFileLock(lock('busy'), async () => {
        assert.equal(++inside, 1);
        await new Promise((resolve) => setImmediate(resolve));
        inside -= 1;
        entered += 1;
      });
    await Promise.all(Array.from({ length: 10 }, enter));
    assert.equal(entered, 10);
    assert.equal((await readdir(join(root, 'busy'))).length, 1, 'old numbers are cleared away');
  });

  it('is free again when what was done under it throws', async () => {
    await assert.rejects(
      withFileLock(lock('throws'), () => Promise.reject(new RangeError('x'))),
      RangeError,
    );
    assert.equal(await withFileLock(lock('throws', 0), async () => 7), 7);
  });

  it('passes from a holder that was killed, also when its process id was used again', async () => {
    for (const [name, holder] of [
      ['dead', '999999999-1 x'],
      ['reused', `${process.pid}-1 x`],
      ['half-written', ''],
    ] as const) {
      await mkdir(join(root, name));
      await writeFile(join(root, name, '41'), holder);
      assert.equal(await withFileLock(lock(name, 0), async () => 'in'), 'in');
      assert.deepEqual(await readdir(join(root, name)), ['42']);
    }
  });

  it('says that it is busy while a living process holds it', async () => {
    await mkdir(join(root, 'held'));
    await writeFile(join(root, 'held', '1'), `${identity} somebody`);
    await assert.rejects(
      withFileLock(lock('held', 20), async () => 7),
      { code: 'store_busy', retryable: true },
    );
  });
});
