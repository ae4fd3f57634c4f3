import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JobQueue, listJobs, type ListJobsQuery } from '../../../src/core/list-jobs.ts';
import { indexKey } from '../../../src/core/keys.ts';
import { acceptedStatus, etaSeconds, JobReader, type JobStatus } from '../../../src/core/read-job.ts';
import { submitJob } from '../../../src/core/submit-job.ts';
import { newId, request } from './fakes.ts';
import { house, lines } from './house.ts';

async function withJobs(count: number) {
  const one = house();
  for (let n = 1; n <= count; n++) {
    const now = () => new Date(Date.parse('2026-01-01') + n * 1000);
    await submitJob(request(lines(n), { id: `job-${n}`, shardSeconds: 0.15 }), { store: one.store, now, newId });
  }
  const reader = new JobReader(one.store);
  const list = (query: ListJobsQuery) => listJobs(query, { store: one.store, reader });
  return { ...one, reader, list };
}

describe('listing jobs', () => {
  it('gives the newest first, page by page, each job once', async () => {
    const { list } = await withJobs(7);
    const ids: string[] = [];
    const sizes: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await list({ limit: 3, ...(cursor !== undefined && { cursor }) });
      ids.push(...page.entries.map(({ id }) => id));
      sizes.push(page.entries.length);
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(
      ids,
      [7, 6, 5, 4, 3, 2, 1].map((n) => `job-${n}`),
    );
    assert.deepEqual(sizes, [3, 3, 1]);
  });

  it('gives those in one state only', async () => {
    const { list, controller, workAll, submit } = await withJobs(2);
    await controller.pass();
    await workAll();
    await controller.pass();
    await submit('late', lines(1));
    const ids = async (state: 'planning' | 'completed') =>
      (await list({ limit: 10, state })).entries.map(({ id }) => id);
    assert.deepEqual([await ids('planning'), await ids('completed')], [['late'], ['job-2', 'job-1']]);
  });

  it('gives those of one tenant only', async () => {
    const { list, submit } = await withJobs(1);
    await submit('mine', lines(1), { tenant: 'me' });
    assert.deepEqual(
      (await list({ limit: 10, tenant: 'me' })).entries.map(({ id, tenant }) => [id, tenant]),
      [['mine', 'me']],
    );
    await assert.rejects(submit('x', lines(1), { tenant: 'a/b' }), { code: 'usage' });
    await assert.rejects(submit('x', lines(1), { priority: 11 }), { code: 'usage' });
  });

  it('gives those of nobody only, and no cursor that names a job of others', async () => {
    const { list, submit } = await withJobs(1);
    for (let n = 0; n < 3; n++) await submit(`theirs-${n}`, lines(1), { tenant: 'them' });
    await submit('mine', lines(1), { tenant: 'me' });
    const page = await list({ limit: 1, tenant: 'me' });
    assert.deepEqual(
      page.entries.map(({ id }) => id),
      ['mine'],
    );
    assert.match(page.cursor ?? '', /-mine$/);
    assert.deepEqual(
      (await list({ limit: 9, tenant: null })).entries.map(({ id }) => id),
      ['job-1'],
    );
  });

  it('ends a page that finds nothing among too many jobs of others between two moments', async () => {
    const { list, store, submit } = await withJobs(0);
    await submit('mine', lines(1), { tenant: 'me' });
    const head = JSON.parse(Buffer.from((await store.get('jobs/mine/job.json'))?.bytes ?? []).toString()) as object;
    const base = Date.parse('2027-01-01');
    for (let n = 0; n < 1200; n++) {
      const at = new Date(base + Math.floor(n / 7));
      const id = `theirs-${n}`;
      await store.put(`jobs/${id}/job.json`, Buffer.from(JSON.stringify({ ...head, id, tenant: 'them' })));
      await store.put(indexKey(id, at), new Uint8Array());
    }
    const first = await list({ limit: 5, tenant: 'me' });
    assert.deepEqual(first.entries, []);
    assert.match(first.cursor ?? '', /^\d{13}-$/);
    const second = await list({ limit: 5, tenant: 'me', cursor: first.cursor ?? '' });
    assert.deepEqual([second.entries.map(({ id }) => id), second.cursor], [['mine'], undefined]);
  });

  it('refuses limits and cursors that no page has', async () => {
    const { list } = await withJobs(1);
    for (const query of [
      { limit: 0 },
      { limit: 501 },
      { limit: 1.5 },
      { limit: 1, cursor: '../x' },
      { limit: 1, cursor: '' },
    ]) {
      await assert.rejects(list(query), { code: 'usage' });
    }
  });
});

describe('the place in the queue', () => {
  it('counts the open jobs before, and what is left of them', async () => {
    const { store, reader, time, controller, queue, work, workAll } = await withJobs(3);
    const jobQueue = new JobQueue({ store, reader, now: () => new Date(time.ms) });
    const place = async (id: string) => jobQueue.placeOf((await reader.read(id)) ?? assert.fail());
    await controller.pass();
    const whole = await place('job-3');
    assert.equal(whole.jobsBefore, 2);
    assert.ok(whole.audioSecondsBefore > 0.3);
    assert.deepEqual(await place('job-1'), { jobsBefore: 0, audioSecondsBefore: 0 });
    await work(queue.find(({ jobId }) => jobId === 'job-1'));
    assert.deepEqual(await place('job-3'), whole, 'one look serves all who ask at the same time');
    time.ms += 6000;
    assert.ok((await place('job-3')).audioSecondsBefore < whole.audioSecondsBefore);
    await workAll();
    await controller.pass();
    time.ms += 6000;
    assert.equal((await place('job-3')).jobsBefore, 0);
  });

  it('comes with the times by which to tell when the job will be done', async () => {
    const { reader, controller, workAll } = await withJobs(1);
    const before = await reader.read('job-1');
    assert.deepEqual([before?.plannedAt, before?.startedAt], [undefined, undefined]);
    await controller.pass();
    assert.ok((await reader.read('job-1'))?.plannedAt);
    await workAll();
    assert.ok((await reader.read('job-1'))?.startedAt);
  });

  it('tells how long the rest takes if it goes on like this, in a retry by what the retry has done', () => {
    const head = { id: 'a' } as JobStatus['head'];
    const running = { ...acceptedStatus(head), state: 'running', startedAt: '2026-01-01T00:00:00.000Z' } as const;
    const after = (seconds: number) => new Date(Date.parse(running.startedAt) + seconds * 1000);
    const audio = (predicted: number, finished: number, earlier?: number) => ({
      ...running,
      audioSeconds: { predicted, finished, ...(earlier !== undefined && { earlier }) },
    });
    assert.equal(etaSeconds(audio(100, 25), after(50)), 150);
    assert.equal(etaSeconds(audio(100, 80, 60), after(50)), 50);
    assert.equal(etaSeconds(audio(100, 120), after(50)), 0);
    for (const unknown of [audio(100, 0), audio(100, 60, 60), { ...audio(100, 50), state: 'cancelling' as const }]) {
      assert.equal(etaSeconds(unknown, after(50)), undefined);
    }
  });
});
