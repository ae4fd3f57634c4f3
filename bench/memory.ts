/** Whether memory grows with work done: both processes of a long run, after 200 and after 2,000 segments of mixed length. */
import { join } from 'node:path';
import { residentBytes } from './child-report.ts';
import { type BenchOptions, mebibytes, percent, printTable, thousands } from './report.ts';
import { openNarrator, withFolder, writeManifest } from './workload.ts';

const LOOK_EVERY_MS = 50;

export async function benchMemory({ quick }: BenchOptions): Promise<void> {
  const [early, late] = quick ? [50, 200] : [200, 2000];
  await withFolder(async (folder) => {
    let enginePid = 0;
    const narrator = await openNarrator(join(folder, 'home'), (_event, fields) => {
      if (typeof fields?.pid === 'number') enginePid = fields.pid;
    });
    const manifest = join(folder, 'manifest.jsonl');
    // One segment a line, most of them short: what grows with the number of segments shows soonest.
    await writeManifest(manifest, { lines: late, sentences: 1, characters: 80 });
    await narrator.start();
    const looks: { segments: number; parent: number; engine: number }[] = [];
    const look = (): void => {
      const { items } = narrator.engineStatistics;
      looks.push({ segments: items, parent: residentBytes(process.pid), engine: residentBytes(enginePid) });
    };
    const timer = setInterval(look, LOOK_EVERY_MS);
    // One step without guidance: the same tensors of the same sizes, in a fraction of the time.
    const summary = await narrator.run(manifest, { outDirectory: join(folder, 'out'), steps: 1, cfg: 0 });
    clearInterval(timer);
    look();
    await narrator.close();

    console.log(`${summary.succeeded} items in ${summary.elapsedSeconds.toFixed(0)} s, ${summary.failed} failed`);
    const points = [0.25 * early, early, late / 4, late / 2, late];
    const rows = points.map((segments) => {
      const near = looks.find((one) => one.segments >= segments) ?? looks.at(-1)!;
      return [thousands(near.segments), mebibytes(near.engine), mebibytes(near.parent)];
    });
    printTable('Resident memory, MiB', ['segments', 'engine process', 'its parent'], rows);
    const around = (segments: number, who: 'parent' | 'engine'): number => {
      const near = looks.filter((one) => Math.abs(one.segments - segments) <= early / 4).map((one) => one[who]);
      return near.reduce((sum, bytes) => sum + bytes, 0) / near.length;
    };
    for (const who of ['engine', 'parent'] as const) {
      const growth = around(late, who) / around(early, who) - 1;
      console.log(`${who}: ${percent(growth)} from ${early} to ${late} segments (means over ${early / 2} around each)`);
    }
  });
}
