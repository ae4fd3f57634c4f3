/** One plan of planner.ts: `planner.child.ts dry|folder MANIFEST FOLDER` prints a PlanMeasurement. */
import { randomUUID } from 'node:crypto';
import { openManifestFile } from '../src/adapters/manifest-file.ts';
import { openFilesystemStore } from '../src/adapters/store-filesystem.ts';
import { planJob } from '../src/core/planner.ts';
import { submitJob } from '../src/core/submit-job.ts';
import type { Narrator } from '../src/runtime/narrator.ts';
import { residentBytes } from './child-report.ts';
import { openNarrator } from './workload.ts';

export interface PlanMeasurement {
  readonly items: number;
  readonly segments: number;
  readonly shards: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** resident before planning, and at most */
  readonly idleBytes: number;
  readonly peakBytes: number;
}

async function planOnFolder(narrator: Narrator, path: string, root: string) {
  const manifest = await openManifestFile(path);
  const store = await openFilesystemStore({ root });
  const { id, digest } = narrator.speechModel;
  const { defaults, parameters } = narrator.choices({});
  const { job } = await submitJob(
    { manifest: { format: manifest.format, bytes: manifest.read() }, model: { id, digest }, parameters, defaults },
    { store, now: () => new Date(), newId: randomUUID },
  );
  const { totals, shards } = await planJob(job, { ...narrator.planning(manifest), store });
  return { ...totals, shards };
}

const [kind, manifest = '', folder = ''] = process.argv.slice(2);
const narrator = await openNarrator(`${folder}-home`);
const idleBytes = residentBytes(process.pid);
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const { items, rejected, segments, shards } =
  kind === 'dry' ? await narrator.plan(manifest) : await planOnFolder(narrator, manifest, folder);
const seconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
if (rejected > 0) throw new Error(`${rejected} lines were rejected`);
const measurement: PlanMeasurement = {
  items,
  segments,
  shards,
  seconds,
  cpuSeconds: (user + system) / 1e6,
  idleBytes,
  peakBytes: residentBytes(process.pid, 'VmHWM'),
};
console.log(JSON.stringify(measurement));
