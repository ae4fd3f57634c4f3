import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  inferenceIdOf,
  Invocations,
  parseInferenceId,
  shardNameOf,
} from '../../../src/adapters/sagemaker-invocation.ts';
import { deleteJob } from '../../../src/core/delete-job.ts';
import { jobPrefix } from '../../../src/core/keys.ts';
import { house, lines } from '../core/house.ts';

const job = { id: 'job', createdAt: '2026-01-01T00:00:00.000Z' };
const shardId = 'shard-000001';
const submission = { submittedAt: '2026-01-01T00:00:00.000Z', deadline: '2026-01-01T01:00:00.000Z' };

test('a name is taken back to its shard, and to its message where it holds the job', () => {
  const ids = ['job', 'a_b_1', '0f8fad5b-d9cb-469f-a165-70867728950e', 'shard-000002_3'];
  for (const id of ids) {
    const name = inferenceIdOf({ ...job, id }, shardId, 20);
    assert.deepEqual(parseInferenceId(name), {
      shard: shardNameOf({ jobId: id, shardId }),
      message: { jobId: id, shardId, attempt: 20 },
    });
  }
});

test('names have at most 64 printable characters, and stay apart for jobs with long ids', () => {
  const long = 'x'.repeat(63);
  const names = ['1', '2'].map((end) => inferenceIdOf({ ...job, id: long + end }, 'shard-a1000000', 20));
  assert.notEqual(names[0], names[1]);
  for (const name of names) {
    assert.match(name, /^\S[\x20-\x7e]{1,63}$/);
    assert.deepEqual(Object.keys(parseInferenceId(name) ?? {}), ['shard']);
  }
});

test('a job that was deleted and submitted anew has other names', () => {
  const later = { ...job, createdAt: '2026-01-02T00:00:00.000Z' };
  assert.notEqual(inferenceIdOf(job, shardId, 1), inferenceIdOf(later, shardId, 1));
});

test('names that others give are none of ours', () => {
  const names = ['', 'x', 'a8b5e6b2-3b1f-4d2c-9c37-000000000000', 'job_shard-000001', 'job_shard-1_1_abcd'];
  for (const name of [...names, '_shard-000001_1_abcd', 'job_shard-000001_1_ABCD']) {
    assert.equal(parseInferenceId(name), undefined, name);
  }
});

test('a number is taken once', async () => {
  const h = house();
  const head = await h.submit('job', lines(1));
  const ledger = new Invocations(h.store);
  const claims = [1, 1, 2].map((attempt) => ledger.claim(head, shardId, attempt, submission));
  assert.deepEqual(
    (await Promise.all(claims)).map((claimed) => claimed?.attempt),
    [1, undefined, 2],
  );
});

test('the newest is the one with the highest number, beyond nine too', async () => {
  const h = house();
  const head = await h.submit('job', lines(1));
  const ledger = new Invocations(h.store);
  assert.equal(await ledger.newest('job', shardId), undefined);
  for (let attempt = 1; attempt <= 11; attempt++) await ledger.claim(head, shardId, attempt, submission);
  await ledger.claim(head, 'shard-000002', 12, submission);
  assert.equal((await ledger.newest('job', shardId))?.attempt, 11);
});

test('what is known grows; who knew less does not overwrite it', async () => {
  const h = house();
  const head = await h.submit('job', lines(1));
  const ledger = new Invocations(h.store);
  const claimed = await ledger.claim(head, shardId, 1, submission);
  assert.ok(claimed);
  const accepted = await ledger.update(claimed, { outputLocation: 's3://b/1.out' });
  assert.equal(await ledger.update(claimed, { outputLocation: 's3://b/other.out' }), undefined);
  assert.deepEqual(await ledger.newest('job', shardId), accepted);
});

test('deleting a job deletes what is known of its invocations, and nothing is written behind it', async () => {
  const h = house();
  const head = await h.submit('job', lines(1));
  const ledger = new Invocations(h.store);
  const claimed = await ledger.claim(head, shardId, 1, submission);
  assert.ok(claimed);
  await h.controller.pass();
  await h.workAll();
  await h.controller.pass();
  await deleteJob('job', h.common);
  assert.equal(await ledger.update(claimed, { outputLocation: 's3://b/1.out' }), undefined);
  await assert.rejects(ledger.claim(head, shardId, 2, submission), { code: 'job_not_found' });
  assert.deepEqual(h.store.keys(jobPrefix('job')), []);
});
