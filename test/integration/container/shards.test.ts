/** Shards that a real container process does, with an engine that hums: what is in the bucket afterwards, and what the caller is told. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SHARD_BYTES_MAX } from '../../../src/api/routes-invocations.ts';
import type { ShardPlan } from '../../../src/core/shard.ts';
import { type ContainerProcess, startContainer } from '../../support/container-process.ts';
import { until } from '../adapters/bullmq/until.ts';
import { invoke, openPlannedJobs, type PlannedJobs, receiptOf, refusalOf } from './planned-jobs.ts';

let jobs: PlannedJobs;
let container: ContainerProcess;
let callsFile: string;
before(async () => {
  jobs = await openPlannedJobs();
  callsFile = join(jobs.folder, 'calls');
  container = await startContainer({
    settings: { standIn: { delayMs: 300, callsFile }, failures: { Boom: 'out_of_memory' }, cancelIntervalMs: 50 },
    env: jobs.env,
  });
});
after(async () => {
  await container.process.down();
  await jobs.close();
});

const calls = async () => (await readFile(callsFile, 'utf8').catch(() => '')).split('\n').filter((key) => key !== '');
const callsFor = async (shard: ShardPlan) => {
  const keys = shard.parts.flatMap(({ segments }) => segments.map(({ key }) => key));
  return (await calls()).filter((key) => keys.includes(key)).length;
};

test('a shard becomes files and a record in the bucket, and a receipt says so', async () => {
  const shard = await jobs.plan('whole', ['The first line. It has two sentences.', 'The second line.', '🙂']);
  const answer = await invoke(container.url, shard, { attributes: 'attempt=3;last=false' });
  assert.equal(answer.headers.get('x-amzn-sagemaker-custom-attributes'), 'attempt=3;last=false');
  const { segments, ...receipt } = await receiptOf(answer);
  assert.deepEqual(receipt, {
    ...{ v: 1, jobId: 'whole', shardId: 'shard-000001', attempt: 3, status: 'recorded' },
    items: { done: 2, failed: 1 },
  });
  const record = await jobs.record(shard);
  const [first, second, third] = record?.items ?? [];
  assert.deepEqual([first?.status, second?.status, third?.status], ['done', 'done', 'failed']);
  for (const number of [1, 2]) {
    assert.equal(Buffer.from((await jobs.wav('whole', number)) ?? []).toString('latin1', 0, 4), 'RIFF');
  }
  const spoken = segments.filter(({ status }) => status === 'done');
  assert.equal(spoken.length, shard.parts.flatMap((part) => part.segments).length);
  assert.ok(spoken.every(({ seconds = 0 }) => seconds > 0));
  assert.deepEqual(segments.at(-1), { item: 'item-3', line: 3, status: 'failed', code: 'text_unspeakable' });
});

test('a shard that comes again is not done again', async () => {
  const shard = await jobs.plan('again', ['It is said once.']);
  const first = await receiptOf(invoke(container.url, shard));
  const asked = (await calls()).length;
  const second = await receiptOf(invoke(container.url, shard, { attributes: 'attempt=2;last=true' }));
  assert.deepEqual([first.attempt, first.status], [1, 'recorded']);
  assert.deepEqual([second.attempt, second.status], [2, 'already-recorded']);
  assert.deepEqual([second.items, second.segments], [first.items, first.segments]);
  assert.equal((await calls()).length, asked);
});

test('a shard of a job that was deleted is none of the job that has its id now', async () => {
  const shard = await jobs.plan('anew', ['Nobody says this either.']);
  const attributes = 'attempt=1;last=false;job=2001-01-01T00:00:00.000Z';
  const { status, code } = await refusalOf(invoke(container.url, shard, { attributes }));
  assert.deepEqual([status, code], [400, 'job_not_found']);
  assert.equal(await jobs.record(shard), undefined);
});

test('a shard that comes again while it is at work is waited for', async () => {
  const shard = await jobs.plan('twice', ['It is said at the same time.', 'And this too.'], { reuse: false });
  const receipts = await Promise.all([1, 2, 3].map(() => receiptOf(invoke(container.url, shard))));
  assert.deepEqual(receipts.map(({ status }) => status).sort(), ['already-recorded', 'already-recorded', 'recorded']);
  assert.equal(await callsFor(shard), 2);
});

test('what is no shard is refused with 400 and the field that is wrong', async () => {
  const shard = await jobs.plan('refused', ['Nobody says this.']);
  const [part] = shard.parts;
  const cases: [unknown, string][] = [
    ['{"v":1,', 'body'],
    ['[]', 'body'],
    [{ ...shard, v: 2 }, 'v'],
    [{ ...shard, jobId: '../../voices' }, 'jobId'],
    [{ ...shard, shardId: 'shard-1' }, 'shardId'],
    [{ ...shard, parts: [{ ...part, line: '1' }] }, 'parts.0.line'],
    [{ ...shard, bucket: 'other' }, 'bucket'],
    [{ ...shard, parts: [{ ...part, segments: [{ ...part?.segments[0], seed: 7 }] }] }, 'parts.0.segments.0.seed'],
  ];
  for (const [body, field] of cases) {
    const refusal = await refusalOf(invoke(container.url, body));
    assert.deepEqual(refusal, { status: 400, code: 'request_invalid', field, retryable: false }, JSON.stringify(body));
  }
  assert.equal((await refusalOf(invoke(container.url, shard, { type: 'text/plain' }))).field, 'content-type');
  const huge = JSON.stringify({ ...shard, previous: 'x'.repeat(SHARD_BYTES_MAX) });
  assert.deepEqual(await refusalOf(invoke(container.url, huge)), {
    ...{ status: 400, code: 'request_invalid', field: 'body', retryable: false },
  });
  assert.equal(await jobs.record(shard), undefined);
  assert.equal(await callsFor(shard), 0);
});

test('a file outside of the results is refused', async () => {
  const shard = await jobs.plan('outside', ['Nobody may put this there.']);
  const [part] = shard.parts;
  const answer = await refusalOf(invoke(container.url, { ...shard, parts: [{ ...part, output: '../../../x.wav' }] }));
  assert.deepEqual(answer, { status: 400, code: 'key_invalid', field: 'parts.0.output', retryable: false });
  assert.equal(await jobs.record(shard), undefined);
});

test('a job that is unknown, and a shard for another model, are refused for good', async () => {
  const shard = await jobs.plan('strange', ['Nobody says this either.']);
  const unknown = await refusalOf(invoke(container.url, { ...shard, jobId: 'nobody' }));
  assert.deepEqual([unknown.status, unknown.code, unknown.retryable], [400, 'job_not_found', false]);
  const other = await refusalOf(invoke(container.url, { ...shard, modelDigest: 'f'.repeat(64) }));
  assert.deepEqual([other.status, other.code, other.retryable], [400, 'model_mismatch', false]);
  assert.equal(await jobs.record(shard), undefined);
});

test('a shard of a cancelled job is recorded as cancelled, before its start and in the middle of it', async () => {
  const early = await jobs.plan('cancelled-early', ['Nobody wants this.']);
  await jobs.cancel('cancelled-early');
  assert.equal((await receiptOf(invoke(container.url, early))).status, 'cancelled');
  assert.equal(await callsFor(early), 0);

  const slow = await startContainer({
    settings: { standIn: { delayMs: 60_000, callsFile }, cancelIntervalMs: 50 },
    env: jobs.env,
  });
  try {
    const late = await jobs.plan('cancelled-late', ['Nobody wants this any more.']);
    const answer = receiptOf(invoke(slow.url, late));
    await until('the engine is at work', async () => (await callsFor(late)) === 1);
    await jobs.cancel('cancelled-late');
    const { status, items, segments } = await answer;
    assert.deepEqual([status, items, segments[0]?.code], ['cancelled', { done: 0, failed: 1 }, 'cancelled']);
  } finally {
    await slow.process.down();
  }
});

test('what may pass is 503 and leaves no record, until the last attempt records it', async () => {
  const shard = await jobs.plan('boom', ['Boom, says the engine.', 'All is quiet here.']);
  const first = await refusalOf(invoke(container.url, shard, { attributes: 'attempt=1;last=false' }));
  assert.deepEqual([first.status, first.code, first.retryable], [503, 'out_of_memory', true]);
  assert.equal(await jobs.record(shard), undefined);
  const last = await receiptOf(invoke(container.url, shard, { attributes: 'attempt=5;last=true' }));
  assert.deepEqual([last.attempt, last.status, last.items], [5, 'recorded', { done: 1, failed: 1 }]);
  assert.equal(last.segments.find(({ status }) => status === 'failed')?.code, 'out_of_memory');
});

test('attributes that say nothing are the first attempt, and not the last', async () => {
  for (const [at, attributes] of [
    '',
    'attempt=0',
    'attempt=-1;last=yes',
    'attempt=9999999',
    'a'.repeat(1024),
  ].entries()) {
    const shard = await jobs.plan(`attributes-${at}`, ['Boom.']);
    assert.equal((await refusalOf(invoke(container.url, shard, { attributes }))).status, 503, attributes);
    const quiet = await jobs.plan(`attributes-quiet-${at}`, ['Quiet.']);
    const answer = await invoke(container.url, quiet, { attributes });
    assert.equal(answer.headers.get('x-amzn-sagemaker-custom-attributes'), attributes);
    assert.equal((await receiptOf(answer)).attempt, 1, attributes);
  }
});

test('a caller that goes away does not stop a shard', async () => {
  const shard = await jobs.plan('alone', ['Nobody waits for this.']);
  const caller = new AbortController();
  const answer = invoke(container.url, shard, { signal: caller.signal });
  await until('the engine is at work', async () => (await callsFor(shard)) === 1);
  caller.abort();
  await assert.rejects(answer);
  await until('it is recorded', async () => (await jobs.record(shard)) !== undefined);
  assert.equal((await receiptOf(invoke(container.url, shard))).status, 'already-recorded');
});

test('a shard for a container without a store is for another one', async () => {
  const { NARRATOR_STORE: _store, ...env } = jobs.env;
  const homeless = await startContainer({ settings: { standIn: { delayMs: 1 } }, env });
  try {
    const shard = await jobs.plan('homeless', ['Where to?']);
    const refusal = await refusalOf(invoke(homeless.url, shard));
    assert.deepEqual([refusal.status, refusal.code], [500, 'config_invalid']);
  } finally {
    await homeless.process.down();
  }
});
