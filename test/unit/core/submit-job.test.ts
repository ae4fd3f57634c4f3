import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jobHeadKey, manifestPrefix, openKey } from '../../../src/core/keys.ts';
import { submitJob } from '../../../src/core/submit-job.ts';
import { bytes, clock, newId, request } from './fakes.ts';
import { MemoryStore } from './memory-store.ts';

const MANIFEST = '{"id":"a","text":"Hello."}\n';

describe('submitting a job', () => {
  const deps = (store: MemoryStore) => ({ store, now: clock(), newId });

  it('keeps the manifest as it came, and writes head, index and open entry', async () => {
    const store = new MemoryStore();
    const { job, created } = await submitJob(request(MANIFEST), deps(store));
    assert.equal(created, true);
    assert.equal(store.text(job.manifest.key), MANIFEST);
    assert.equal(job.manifest.bytes, MANIFEST.length);
    assert.deepEqual(store.json(jobHeadKey('job')), job);
    assert.deepEqual(store.keys('open/'), ['open/job']);
    assert.equal(store.keys('index/').length, 1);
  });

  it('gives the first job to who asks for the same again, also when both ask at once', async () => {
    const store = new MemoryStore();
    const all = await Promise.all(Array.from({ length: 5 }, () => submitJob(request(MANIFEST), deps(store))));
    const again = await submitJob(request(MANIFEST), deps(store));
    assert.equal([...all, again].filter(({ created }) => created).length, 1);
    assert.equal(new Set([...all, again].map(({ job }) => job.createdAt)).size, 1);
    assert.deepEqual(store.keys(manifestPrefix('job')), [again.job.manifest.key]);
    assert.equal(store.keys('index/').length, 1);
  });

  it('refuses other content under the same id, and leaves no copy of it', async () => {
    const store = new MemoryStore();
    const { job } = await submitJob(request(MANIFEST), deps(store));
    for (const other of [
      request('{"id":"a","text":"Bye."}\n'),
      request(MANIFEST, { defaults: { voice: 'bert' } }),
      request(MANIFEST, { format: 'float32' }),
      request(MANIFEST, { model: { id: 'fake', digest: 'other' } }),
      request(MANIFEST, { manifest: { format: 'csv', bytes: bytes(MANIFEST) } }),
    ]) {
      await assert.rejects(submitJob(other, deps(store)), { code: 'job_conflict' });
    }
    assert.deepEqual(store.keys(manifestPrefix('job')), [job.manifest.key]);
  });

  it('repairs what a submitter left that was killed half-way', async () => {
    const store = new MemoryStore();
    await store.put('jobs/job/manifest-orphan.jsonl', new Uint8Array(3));
    store.beforePut = (key) => {
      if (key === openKey('job')) throw new Error('killed');
    };
    await assert.rejects(submitJob(request(MANIFEST), deps(store)), /killed/);
    store.beforePut = () => undefined;
    const { job, created } = await submitJob(request(MANIFEST), deps(store));
    assert.equal(created, false);
    assert.deepEqual(store.keys('open/'), ['open/job']);
    assert.deepEqual(store.keys(manifestPrefix('job')), [job.manifest.key]);
  });

  it('takes an id of its own when none is given, and refuses one that cannot be a key', async () => {
    const store = new MemoryStore();
    const { id: _id, ...anonymous } = request(MANIFEST);
    assert.match((await submitJob(anonymous, deps(store))).job.id, /^id-\d+$/);
    for (const id of ['', '../x', 'a/b', '.hidden', 'x'.repeat(65)]) {
      await assert.rejects(submitJob(request(MANIFEST, { id }), deps(store)), { code: 'usage' });
    }
  });
});
