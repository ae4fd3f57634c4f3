import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { physicalCores } from '../../../../src/engine/f5/physical-cores.ts';

async function systemWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cores-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

test('there is at least one core, and never more than CPUs that may be used', async () => {
  const cores = await physicalCores();
  assert.ok(Number.isInteger(cores) && cores >= 1 && cores <= availableParallelism());
});

test('a container is not given more threads than its CPU limit pays for', async (t) => {
  const half = { 'fs/cgroup/cpu.max': '50000 100000\n' };
  assert.equal(await physicalCores(await systemWith(t, half)), 1);
  const older = { 'fs/cgroup/cpu/cpu.cfs_quota_us': '100000\n', 'fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' };
  assert.equal(await physicalCores(await systemWith(t, older)), 1);
});

test('no limit is no limit, in either form', async (t) => {
  const all = availableParallelism();
  assert.equal(await physicalCores(await systemWith(t, { 'fs/cgroup/cpu.max': 'max 100000\n' })), all);
  const older = { 'fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n', 'fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' };
  assert.equal(await physicalCores(await systemWith(t, older)), all);
  assert.equal(await physicalCores(await systemWith(t, {})), all);
});

test('two halves of one core count once', async (t) => {
  const shared = Object.fromEntries(
    [0, 1].map((cpu) => [`devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`, '0-1\n']),
  );
  assert.equal(await physicalCores(await systemWith(t, shared)), Math.max(1, Math.round(availableParallelism() / 2)));
});
