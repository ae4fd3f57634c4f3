import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { NarratorError } from '../../../src/core/errors.ts';
import { finishedKey, openKey } from '../../../src/core/keys.ts';
import { isCancelled, readJobHead } from '../../../src/core/ledger.ts';
import { isManifestKey, takeManifest, type TakeManifestDeps } from '../../../src/runtime/take-manifest.ts';
import { openDeployment, type S3Deployment } from './s3-deployment.ts';

const LINE = '{"id":"a","text":"Hello."}\n';
const signal = new AbortController().signal;

let deployment: S3Deployment;
before(async () => (deployment = await openDeployment()));
after(() => deployment.close());

const deps = (): TakeManifestDeps => ({
  store: deployment.shared.store,
  openPlace: deployment.shared.openPlace,
  model: { id: 'tiny', digest: 'a'.repeat(64) },
  choices: (defaults) => ({ defaults, parameters: { steps: 4, cfg: 2, sway: -1 } }),
  checkResults: () => undefined,
  checkSubscriptions: () => undefined,
  now: () => new Date(),
  newId: randomUUID,
});

describe('taking a manifest', () => {
  it('ends its own job when the manifest was replaced while it was copied', async () => {
    const place = { bucket: 'books', key: 'in/moving.jsonl' };
    await deployment.put(place.key, LINE);
    let replacing: Promise<unknown> | undefined;
    const now = () => {
      // Asked for once the copy is there, and before the job is.
      replacing ??= deployment.put(place.key, `${LINE}${LINE}`);
      return new Date();
    };
    const taken = await takeManifest(place, { ...deps(), now }, signal);
    await replacing;
    assert.equal(taken.outcome, 'outdated');
    assert.equal(await isCancelled(deployment.shared.store, 'jobId' in taken ? taken.jobId : ''), true);
  });

  it('makes one job of two servers that take it at once, also if they found other options', async () => {
    const place = { bucket: 'books', key: 'in/twice.jsonl' };
    await deployment.put(place.key, LINE);
    const choices = () => ({ defaults: { voice: 'other' }, parameters: { steps: 8, cfg: 2, sway: -1 } });
    const both = await Promise.all([
      takeManifest(place, deps(), signal),
      takeManifest(place, { ...deps(), choices }, signal),
    ]);
    assert.deepEqual(both.map(({ outcome }) => outcome).sort(), ['accepted', 'known']);
    assert.equal(new Set(both.map((taken) => 'jobId' in taken && taken.jobId)).size, 1);
  });

  it('knows a job that is finished, and reads nothing of its manifest', async () => {
    const place = { bucket: 'books', key: 'in/done.jsonl' };
    const { store } = deployment.shared;
    await deployment.put(place.key, LINE);
    const { jobId } = (await takeManifest(place, deps(), signal)) as { jobId: string };
    await store.put(finishedKey(jobId), new Uint8Array());
    await store.delete(openKey(jobId));
    assert.deepEqual(await takeManifest(place, { ...deps(), bytesMax: 0 }, signal), {
      ...{ outcome: 'known', jobId, replaced: [] },
    });
    assert.equal(await store.head(openKey(jobId)), undefined);
  });

  it('finishes what a server was killed in the middle of', async () => {
    const place = { bucket: 'books', key: 'in/killed.jsonl' };
    const { store } = deployment.shared;
    await deployment.put(place.key, LINE);
    const { jobId } = (await takeManifest(place, deps(), signal)) as { jobId: string };
    await store.delete(openKey(jobId));
    assert.equal((await takeManifest(place, deps(), signal)).outcome, 'known');
    assert.notEqual(await store.head(openKey(jobId)), undefined);
  });

  it('that is interrupted leaves no job, and says that it may be tried again', async () => {
    const place = { bucket: 'books', key: 'in/interrupted.jsonl' };
    await deployment.put(place.key, LINE);
    await assert.rejects(
      takeManifest(place, deps(), AbortSignal.abort()),
      (error: NarratorError) => error.code === 'cancelled' && error.retryable,
    );
    const { jobId } = (await takeManifest(place, deps(), signal)) as { jobId: string };
    assert.equal((await readJobHead(deployment.shared.store, jobId))?.id, jobId);
  });

  it('takes no results, answers or options for manifests', () => {
    const manifests = ['a.jsonl', 'in/a.CSV', 'in/my-results.jsonl', 'results/a.jsonl'];
    const others = [
      'results.jsonl',
      'in/a/errors.jsonl',
      'in/a.jsonl.error.json',
      'in/a.options.json',
      'a.txt',
      'jsonl',
      '',
    ];
    assert.deepEqual([...manifests, ...others].filter(isManifestKey), manifests);
  });
});
