import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { timeGrid } from '../../../../src/engine/f5/time-grid.ts';

interface Grid {
  readonly steps: number;
  readonly sway: number | null;
  readonly epss: boolean;
  readonly times: readonly number[];
}
const grids = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../fixtures/golden/time-grids.json'), 'utf8'),
) as Grid[];

test('grids equal those of PyTorch to the last bit or the one before it', () => {
  assert.ok(grids.length > 10);
  for (const { steps, sway, epss, times } of grids) {
    const grid = timeGrid(steps, sway, { epss });
    assert.equal(grid.length, steps + 1);
    const largest = Math.max(...grid.map((time, i) => Math.abs(time - times[i]!)));
    assert.ok(largest <= 2 ** -23, `${steps} steps, sway ${sway}, epss ${epss}: ${largest}`);
  }
});

test('a grid starts at 0, ends at 1 and rises', () => {
  for (const steps of [1, 2, 5, 7, 16, 31, 32, 1024]) {
    const grid = timeGrid(steps, -1);
    assert.equal(grid[0], 0);
    assert.ok(Math.abs(grid[steps]! - 1) < 1e-6);
    assert.ok(grid.every((time, i) => i === 0 || time > grid[i - 1]!));
  }
});

test('without EPSS every number of steps is spaced evenly', () => {
  assert.deepEqual([...timeGrid(5, null, { epss: false })], [...Float32Array.of(0, 0.2, 0.4, 0.6, 0.8, 1)]);
  assert.deepEqual([...timeGrid(5, null)], [0, 0.0625, 0.125, 0.25, 0.5, 1]);
});

test('numbers that make no grid are refused by name', () => {
  for (const steps of [0, -1, 2.5, NaN, 1025, Infinity]) {
    assert.throws(() => timeGrid(steps, -1), { code: 'config_invalid', message: /steps/ });
  }
  assert.throws(() => timeGrid(8, NaN), { code: 'config_invalid', message: /sway/ });
});
