import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { physicalCores } from '../../../../src/engine/f5/physical-cores.ts';

test('there is at least one core, and never more than CPUs that may be used', async () => {
  const cores = await physicalCores();
  assert.ok(Number.isInteger(cores) && cores >= 1 && cores <= availableParallelism());
});
