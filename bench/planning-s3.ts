/** Planning a large manifest that lies in S3 (the emulator, in a process of its own): how fast, and in how much memory. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cpuMsOf, runChild } from './child-report.ts';
import type { PlanMeasurement } from './planner.child.ts';
import { type BenchOptions, mebibytes, printTable, thousands } from './report.ts';
import { withStoreServer } from './store-server.ts';
import { withFolder, writeManifest } from './workload.ts';

const CHILD = join(import.meta.dirname, 'planner.child.ts');

export async function benchPlanningS3({ quick }: BenchOptions): Promise<void> {
  const lines = quick ? 10_000 : 100_000;
  const rows: string[][] = [];
  await withFolder(async (folder) => {
    const manifest = join(folder, 'manifest.jsonl');
    await writeManifest(manifest, { lines, sentences: 2 });
    const { size } = await stat(manifest);
    await withStoreServer('bench', async ({ pid, endpoint }) => {
      const cpuBefore = cpuMsOf(pid);
      const measured = await runChild<PlanMeasurement>(CHILD, 's3', manifest, folder, endpoint);
      rows.push([
        thousands(measured.items),
        mebibytes(size),
        thousands(measured.shards),
        measured.seconds.toFixed(1),
        thousands(measured.items / measured.seconds),
        measured.cpuSeconds.toFixed(1),
        ((cpuMsOf(pid) - cpuBefore) / 1000).toFixed(1),
        `${mebibytes(measured.idleBytes)} → ${mebibytes(measured.peakBytes)}`,
      ]);
    });
  });
  printTable(
    'Planning a manifest that lies in S3, into S3; memory = resident, loaded and at most',
    ['lines', 'manifest MiB', 'shards', 's', 'lines/s', 'CPU s: planner', 'emulator', 'memory MiB'],
    rows,
  );
}
