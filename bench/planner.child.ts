/** One plan of planner.ts or planning-s3.ts: `planner.child.ts dry|folder|s3 MANIFEST FOLDER [ENDPOINT]` prints a PlanMeasurement. */
import { randomUUID } from 'node:crypto';
import { openManifestFile } from '../src/adapters/manifest-file.ts';
import { openFilesystemStore } from '../src/adapters/store-filesystem.ts';
import { openS3Store } from '../src/adapters/store-s3.ts';
import type { ManifestFormat } from '../src/core/manifest.ts';
import { planJob } from '../src/core/planner.ts';
import type { ArtifactStore } from '../src/core/ports.ts';
import { submitJob } from '../src/core/submit-job.ts';
import { silenceVendors } from '../src/runtime/config.ts';
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
  return planOnStore(narrator, manifest.format, manifest.read(), await openFilesystemStore({ root }));
}

/** The manifest is put into the bucket first, and taken from there. */
async function planOnS3(narrator: Narrator, path: string, endpoint: string) {
  silenceVendors();
  const store = await openS3Store({ bucket: 'bench', endpoint, forcePathStyle: true });
  const manifest = await openManifestFile(path);
  await store.put('inbox', manifest.read());
  return planOnStore(narrator, manifest.format, (await store.read('inbox'))!, store);
}

async function planOnStore(
  narrator: Narrator,
  format: ManifestFormat,
  bytes: AsyncIterable<Uint8Array>,
  store: ArtifactStore,
) {
  const { id, digest } = narrator.speechModel;
  const { defaults, parameters } = narrator.choices({});
  const { job } = await submitJob(
    { manifest: { format, bytes }, model: { id, digest }, parameters, defaults },
    { store, now: () => new Date(), newId: randomUUID },
  );
  const { totals, shards } = await planJob(job, { ...narrator.planning(), store });
  return { ...totals, shards };
}

function plan(narrator: Narrator, [kind, manifest = '', folder = '', endpoint = '']: readonly string[]) {
  if (kind === 's3') return planOnS3(narrator, manifest, endpoint);
  return kind === 'dry' ? narrator.plan(manifest) : planOnFolder(narrator, manifest, folder);
}

const parameters = process.argv.slice(2);
const narrator = await openNarrator(`${parameters[2]}-home`);
const idleBytes = residentBytes(process.pid);
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const { items, rejected, segments, shards } = await plan(narrator, parameters);
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
