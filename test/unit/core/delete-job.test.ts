import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cancelJob } from '../../../src/core/cancel-job.ts';
import { deleteJob, resumeDeletions } from '../../../src/core/delete-job.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import { finishJob } from '../../../src/core/finish-job.ts';
import {
  defaultResultsPrefix,
  deletingKey,
  jobHeadKey,
  jobPrefix,
  openKey,
  outboxPrefix,
} from '../../../src/core/keys.ts';
import { JobReader } from '../../../src/core/read-job.ts';
import { retryJob } from '../../../src/core/retry-job.ts';
import { submitJob } from '../../../src/core/submit-job.ts';
import { dying } from './dying-store.ts';
import { newId, request, submitted } from './fakes.ts';
import { house, lines } from './house.ts';
import { MemoryStore } from './memory-store.ts';
import { deliverDue, endings, everything } from './notifying.ts';

/** One finished job with failed items, notifications that are owed, and results in the store; and another one that is open. */
async function finished() {
  const one = house();
  one.engine.before = async ({ text }) => {
    if (text.includes('number 2')) throw new NarratorError('engine_crashed', 'x');
  };
  await one.submit('job', lines(3), { notify: [everything, endings] });
  await one.controller.pass();
  await one.workAll();
  await one.controller.pass();
  await one.store.put(`${defaultResultsPrefix('job')}i0.wav`, new Uint8Array(1));
  await one.submit('job.2', lines(1, 'o'), { notify: [endings] });
  await one.controller.pass();
  const ofJob = () => one.store.keys().filter((key) => /(^|[/-])job(\/|$)/.test(key) || key.startsWith('deleting/'));
  return { ...one, ofJob };
}

describe('deleting a job', () => {
  it('leaves nothing of it in the store, and everything else as it was', async () => {
    const { store, results, common, ofJob } = await finished();
    const others = store.keys().filter((key) => !ofJob().includes(key));
    assert.ok(ofJob().some((key) => key.startsWith('index/')) && ofJob().some((key) => key.startsWith(outboxPrefix)));
    assert.ok(others.some((key) => key.startsWith('segments/')) && others.includes(jobHeadKey('job.2')));
    const audio = results.keys();
    await deleteJob('job', common);
    assert.deepEqual(store.keys(), others);
    assert.deepEqual(results.keys(), audio, 'a place of the client’s own is his');
    assert.equal(await new JobReader(store).read('job'), undefined);
    await assert.rejects(deleteJob('job', common), { code: 'job_not_found' });
  });

  it('never takes a job that is open or just being finished, and leaves no trace of having been asked', async () => {
    const { store, common, controller } = await finished();
    const before = store.keys();
    await assert.rejects(deleteJob('job.2', common), { code: 'job_conflict', hint: 'Cancel it first.' });
    await store.put(openKey('job'), new Uint8Array());
    await assert.rejects(deleteJob('job', common), { code: 'job_conflict', hint: 'Try again in a moment.' });
    await controller.pass();
    assert.deepEqual(store.keys(), before);
    await assert.rejects(deleteJob('../x', common), { code: 'job_not_found' });
    await cancelJob('job.2', common);
  });

  it('is ended by the next one who is asked, or starts, wherever it was killed', async () => {
    const { store: before, common, ofJob } = await finished();
    const copy = async () => {
      const store = new MemoryStore();
      for (const key of before.keys()) await store.put(key, (await before.get(key))?.bytes ?? assert.fail());
      return store;
    };
    const whole = await copy();
    const revive = dying(Infinity, whole);
    await deleteJob('job', { ...common, store: whole });
    const writes = revive();
    const others = before.keys().filter((key) => !ofJob().includes(key));
    for (let killedAt = 1; killedAt < writes; killedAt++) {
      const store = await copy();
      const time = { ms: common.now().getTime() };
      const deps = { store, now: () => new Date(time.ms) };
      const live = dying(killedAt, store);
      await assert.rejects(deleteJob('job', deps), { code: 'store_unavailable' });
      live();
      const isGone = store.keys(jobHeadKey('job')).length === 0;
      if (isGone) await assert.rejects(submitted(store, lines(1)), { code: 'job_conflict' });
      await assert.rejects(deleteJob('job', deps), { code: 'job_conflict' }, 'whoever began may be at it still');
      time.ms += 5 * 60_000;
      if (killedAt % 2 === 0) await deleteJob('job', deps);
      else await resumeDeletions(deps);
      assert.deepEqual(store.keys(), others, `killed before write ${killedAt + 1}`);
    }
  });

  it('lets a job of the same name be submitted afterwards, which begins from nothing', async () => {
    const { common, controller, work, queue, store, time } = await finished();
    const reader = new JobReader(store);
    await deleteJob('job', common);
    queue.length = 0;
    for (const of of ['first', 'second']) {
      time.ms += 1;
      await submitJob(request(lines(3, of), { shardSeconds: 0.15 }), { ...common, newId });
      await controller.pass();
      assert.equal((await reader.read('job'))?.items.succeeded, 0, of);
      await work(queue.shift());
      assert.equal((await reader.read('job'))?.items.succeeded, 1, of);
      for (const message of queue.splice(0)) await work(message);
      assert.ok((await controller.pass()).finished.includes('job'));
      await deleteJob('job', common);
    }
  });

  it('goes on with a job that somebody retried when its deletion was interrupted', async () => {
    const { store, common, time } = await finished();
    const live = dying(1, store);
    await assert.rejects(deleteJob('job', common));
    live();
    await retryJob('job', { only: 'failed' }, common);
    time.ms += 5 * 60_000;
    await resumeDeletions(common);
    assert.deepEqual(store.keys('deleting/'), []);
    assert.equal((await new JobReader(store).read('job'))?.state, 'planning');
  });

  it('takes a job away from those who write for it still: they leave nothing behind', async () => {
    const { store, common, work, controller, ofJob } = await finished();
    const head = store.text(jobHeadKey('job'));
    const late = async (doing: () => Promise<unknown>, keys: (key: string) => boolean) => {
      const copy = new Map(store.keys(jobPrefix('job')).map((key) => [key, store.text(key)]));
      store.beforePut = (key) => void (keys(key) && store.delete(jobHeadKey('job')));
      await assert.rejects(doing(), { code: 'job_not_found' });
      store.beforePut = () => undefined;
      assert.deepEqual(
        store.keys(jobPrefix('job')),
        [...copy.keys()].filter((key) => key !== jobHeadKey('job')),
      );
      await store.put(jobHeadKey('job'), new TextEncoder().encode(head));
    };
    await late(
      () => retryJob('job', { only: 'failed' }, common),
      (key) => key.includes('retry-'),
    );
    await store.delete('jobs/job/records/shard-000001.json');
    await late(
      () => work({ jobId: 'job', shardId: 'shard-000001', attempt: 1 }),
      (key) => key.includes('/records/'),
    );
    await work({ jobId: 'job', shardId: 'shard-000001', attempt: 1 });
    await store.delete('jobs/job/finished.json');
    await late(
      () => cancelJob('job', common),
      (key) => key.includes('cancel'),
    );
    await late(
      () => finishJob('job', common),
      (key) => key.includes('finished'),
    );
    await finishJob('job', common);
    await deleteJob('job', common);
    await store.put(openKey('job'), new Uint8Array());
    await controller.pass();
    assert.deepEqual(ofJob(), [], 'an entry without a job is taken away');
  });

  it('ends deliveries that were still owed', async () => {
    const { store, common } = await finished();
    await deleteJob('job', common);
    const { delivered } = await deliverDue(store);
    assert.deepEqual(
      delivered.map(({ event }) => event.data.jobId),
      [],
    );
    assert.deepEqual(store.keys(deletingKey('job')), []);
  });
});
