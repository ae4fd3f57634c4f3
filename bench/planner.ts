/** Planning a million lines: how fast, and in how much memory. Each plan is made in a process of its own. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runChild } from './child-report.ts';
import { type BenchOptions, mebibytes, printTable, thousands } from './report.ts';
import { withFolder, writeManifest } from './workload.ts';
import type { PlanMeasurement } from './planner.child.ts';

const CHILD = join(import.meta.dirname, 'planner.child.ts');

export async function benchPlanner({ quick }: BenchOptions): Promise<void> {
  const lines = quick ? 20_000 : 1_000_000;
  const plans = [
    { name: 'dry run', kind: 'dry', lines },
    // A shard is a file that is written through to the disk: of a million lines there are thousands.
    { name: 'plan on a folder', kind: 'folder', lines: lines / 10 },
  ];
  const rows: string[][] = [];
  await withFolder(async (folder) => {
    for (const plan of plans) {
      const manifest = join(folder, `${plan.kind}.jsonl`);
      await writeManifest(manifest, { lines: plan.lines, sentences: 2 });
      const { size } = await stat(manifest);
      const measured = await runChild<PlanMeasurement>(CHILD, plan.kind, manifest, join(folder, plan.kind));
      rows.push([
        plan.name,
        thousands(measured.items),
        mebibytes(size),
        thousands(measured.segments),
        thousands(measured.shards),
        measured.seconds.toFixed(1),
        thousands(measured.items / measured.seconds),
        thousands(measured.items / measured.cpuSeconds),
        `${mebibytes(measured.idleBytes)} → ${mebibytes(measured.peakBytes)}`,
      ]);
    }
  });
  printTable(
    'Planner; memory = resident, loaded and at most',
    ['', 'lines', 'manifest MiB', 'segments', 'shards', 's', 'lines/s', 'lines/CPU s', 'memory MiB'],
    rows,
  );
}
