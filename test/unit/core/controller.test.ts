import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cancelJob } from '../../../src/core/cancel-job.ts';
import type { ControllerEvent } from '../../../src/core/controller.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import { finishJob } from '../../../src/core/finish-job.ts';
import { finishedKey, openKey, planKey } from '../../../src/core/keys.ts';
import { planJob } from '../../../src/core/planner.ts';
import type { Dispatcher, ShardMessage } from '../../../src/core/ports.ts';
import { JobReader } from '../../../src/core/read-job.ts';
import type { JobSummary } from '../../../src/core/record.ts';
import { jsonLines, planning, voices } from './fakes.ts';
import { house, lines, linesOf } from './house.ts';

describe('the controller', () => {
  it('brings a job from accepted to finished: results, errors and summary stand with the audio', async () => {
    const { controller, store, results, queue, workAll, submit, events } = house();
    await submit('job', `${lines(3)}bad\n${jsonLines({ id: 'last', text: 'Last.', metadata: { k: 'v' } })}`);
    const first = await controller.pass();
    assert.equal(first.open, 1);
    assert.equal(first.dispatched, queue.length);
    assert.equal((await controller.pass()).dispatched, 0, 'nothing is dispatched twice');
    await workAll();
    assert.deepEqual((await controller.pass()).finished, ['job']);

    assert.deepEqual(
      linesOf(results.text('results.jsonl')).map(({ line, output }) => [line, output]),
      [
        [1, 'i0.wav'],
        [2, 'i1.wav'],
        [3, 'i2.wav'],
        [5, 'last.wav'],
      ],
    );
    assert.deepEqual(linesOf(results.text('results.jsonl')).at(-1)?.metadata, { k: 'v' });
    const [error, ...others] = linesOf(results.text('errors.jsonl'));
    assert.deepEqual(others, []);
    assert.deepEqual([error?.line, error?.code, error?.retryable], [4, 'item_invalid', false]);
    const summary = results.json('summary.json') as JobSummary;
    assert.equal(summary.outcome, 'partially_failed');
    assert.deepEqual([summary.items, summary.succeeded, summary.failed], [5, 4, 1]);
    assert.deepEqual(summary.errors, { item_invalid: 1 });
    assert.deepEqual(store.json(finishedKey('job')), summary);
    assert.deepEqual(store.keys('open/'), []);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['planned', 'finished'],
    );
    assert.deepEqual(await controller.pass(), { open: 0, dispatched: 0, finished: [] });
  });

  it('joins items that span shards, as one that was never divided', async () => {
    const text = Array.from({ length: 7 }, (_, n) => `Sentence ${n} of a long item.`).join(' ');
    const manifest = jsonLines(
      { id: 'before', text: 'Short.' },
      { id: 'long', text, metadata: { a: 'b' } },
      { id: 'after', text: 'Short too.' },
    );
    const render = async (shardSeconds: number) => {
      const { controller, results, workAll, submit } = house();
      await submit('job', manifest, { shardSeconds });
      await controller.pass();
      await workAll();
      await controller.pass();
      return results;
    };
    const [whole, divided] = await Promise.all([render(1000), render(0.5)]);
    assert.deepEqual(divided.keys(), whole.keys());
    for (const key of ['long.wav', 'long.json', 'before.wav', 'after.json', 'results.jsonl', 'errors.jsonl']) {
      assert.equal(divided.text(key), whole.text(key), key);
    }
  });

  it('fails an item that spans shards once, when one of its segments fails or is gone', async () => {
    const text = Array.from({ length: 7 }, (_, n) => `Sentence ${n} of a long item.`).join(' ');
    const failing = house();
    failing.engine.before = async (request) => {
      if (/[25]/.test(request.text)) throw new NarratorError('segment_crashes_engine', 'x');
    };
    const gone = house();
    for (const { controller, submit, workAll, store, results } of [failing, gone]) {
      await submit('job', jsonLines({ id: 'long', text }));
      await controller.pass();
      await workAll();
      const [segment] = store.keys('segments/');
      if (store === gone.store) await store.delete(segment ?? '');
      const status = await new JobReader(store).read('job');
      assert.deepEqual(status?.items, { total: 1, succeeded: 0, failed: 0, pending: 1 });
      await controller.pass();
      assert.equal(linesOf(results.text('errors.jsonl')).length, 1);
      assert.equal((results.json('summary.json') as JobSummary).outcome, 'failed');
      assert.deepEqual(
        results.keys().filter((key) => key.endsWith('.wav')),
        [],
      );
    }
    assert.equal(linesOf(gone.results.text('errors.jsonl'))[0]?.code, 'ledger_corrupt');
  });

  it('shares the window among jobs, so that a long one does not hold up a short one', async () => {
    const { controller, queue, submit } = house({}, 6);
    await submit('long', lines(100, 'x'));
    await submit('short', lines(2, 'y'));
    await controller.pass();
    assert.equal(queue.length, 6);
    assert.deepEqual(
      queue.map(({ jobId }) => jobId),
      ['long', 'short', 'long', 'short', 'long', 'long'],
    );
  });

  it('shares the window among tenants first, and lets a tenant put one of its jobs before the others', async () => {
    const { controller, queue, submit, store } = house({}, 8);
    const jobs = [
      ...['a1', 'a2', 'a3'].map((id) => [id, { tenant: 'a' }] as const),
      ['b1', { tenant: 'b' }] as const,
      ['b2', { tenant: 'b', priority: 1 }] as const,
    ];
    for (const [id, more] of jobs) await planJob(await submit(id, lines(30, id), more), { ...planning, store });
    await controller.pass();
    const counts = new Map<string, number>();
    for (const { jobId } of queue) counts.set(jobId, (counts.get(jobId) ?? 0) + 1);
    assert.deepEqual([...counts].sort(), [
      ['a1', 2],
      ['a2', 1],
      ['a3', 1],
      ['b2', 4],
    ]);
  });

  it('dispatches again what has no record past its deadline, and gives it up in the end', async () => {
    const { controller, queue, submit, time, store, results } = house({ dispatchesMax: 3 });
    await submit('job', lines(1));
    for (let attempt = 1; attempt <= 3; attempt++) {
      await controller.pass();
      assert.deepEqual(
        queue.splice(0).map((message) => message.attempt),
        [attempt],
      );
      time.ms += 59_999;
      await controller.pass();
      assert.equal(queue.length, 0);
      time.ms += 1;
    }
    await controller.pass();
    assert.equal(queue.length, 0);
    await controller.pass();
    const [error] = linesOf(results.text('errors.jsonl'));
    assert.deepEqual([error?.code, error?.retryable, error?.item], ['shard_abandoned', true, 'i0']);
    assert.deepEqual(store.keys('open/'), []);
  });

  it('takes what the dispatcher says of a shard: later if it may pass, its error if not', async () => {
    const { controller, queue, submit, time, results } = house({ retryDelayMs: 1000 });
    await submit('job', lines(1));
    await controller.pass();
    const message = queue.pop() ?? assert.fail();
    controller.settled(message, new NarratorError('engine_crashed', 'x'));
    await controller.pass();
    assert.equal(queue.length, 0);
    time.ms += 1000;
    await controller.pass();
    assert.equal(queue.pop()?.attempt, 2);
    controller.settled(message, new NarratorError('model_mismatch', 'Another model.'));
    await controller.pass();
    await controller.pass();
    assert.equal(linesOf(results.text('errors.jsonl'))[0]?.code, 'model_mismatch');
  });

  it('waits for a full disk as long as it takes', async () => {
    const { controller, queue, submit, time, workAll } = house({ retryDelayMs: 1000, dispatchesMax: 2 });
    await submit('job', lines(1));
    for (let round = 0; round < 10; round++) {
      await controller.pass();
      const message = queue.pop() ?? assert.fail(`not dispatched in round ${round}`);
      controller.settled(message, new NarratorError('store_full', 'x'));
      time.ms += 1000;
    }
    await controller.pass();
    await workAll();
    assert.deepEqual((await controller.pass()).finished, ['job']);
  });

  it('goes on where another controller was killed, at every step', async () => {
    const { store, results, workAll, submit, restarted, queue, work } = house();
    await submit('job', lines(5));
    store.beforePut = (key) => {
      if (key === 'jobs/job/plan.json') throw new NarratorError('store_unavailable', 'killed');
    };
    await restarted().pass();
    store.beforePut = () => undefined;
    await restarted().pass();
    await work(queue[2]);
    queue.length = 0;
    await restarted().pass();
    assert.equal(queue.length, 4, 'what is recorded is not dispatched');
    await workAll();
    results.beforePut = (key) => {
      if (key === 'summary.json') throw new NarratorError('store_unavailable', 'killed');
    };
    assert.deepEqual((await restarted().pass()).finished, []);
    results.beforePut = () => undefined;
    assert.deepEqual((await restarted().pass()).finished, ['job']);
    assert.equal(linesOf(results.text('results.jsonl')).length, 5);
  });

  it('reports one job that cannot go on, and brings the others further', async () => {
    const { controller, store, submit, workAll, events } = house();
    const sick = await submit('a-sick', lines(1));
    await store.delete(sick.manifest.key);
    await submit('b-sound', lines(1));
    await controller.pass();
    await workAll();
    assert.deepEqual((await controller.pass()).finished, ['b-sound']);
    const problem = events.find(({ type }) => type === 'problem');
    assert.ok(problem?.type === 'problem' && problem.jobId === 'a-sick' && problem.error.code === 'ledger_corrupt');
  });

  it('ends a job whose manifest is unusable, with the reason', async () => {
    const { controller, submit, results } = house();
    await submit('job', '', {});
    assert.deepEqual((await controller.pass()).finished, ['job']);
    assert.equal((results.json('summary.json') as JobSummary).error?.code, 'manifest_invalid');
    assert.equal(linesOf(results.text('errors.jsonl'))[0]?.code, 'manifest_invalid');
  });

  it('ends a cancelled job: what is done stays, what waits is cancelled, what is at work has its time', async () => {
    const { controller, store, results, queue, submit, work, time, common } = house({ cancelGraceMs: 5000 }, 3);
    await submit('job', lines(6));
    await controller.pass();
    await work(queue[0]);
    await cancelJob('job', common);
    assert.deepEqual((await controller.pass()).finished, []);
    assert.equal(store.keys('jobs/job/records/').length, 4, 'one done, three that were never dispatched');
    await work(queue[1]);
    time.ms += 5000;
    assert.deepEqual((await controller.pass()).finished, ['job']);
    const summary = results.json('summary.json') as JobSummary;
    assert.equal(summary.outcome, 'cancelled');
    assert.deepEqual([summary.succeeded, summary.errors], [1, { cancelled: 5 }]);
    assert.equal(await cancelJob('job', common), false);
  });

  it('stops what is at work of a cancelled job at once, where it can be reached', async () => {
    const one = house({ cancelGraceMs: 5000 }, 3);
    const aborted: string[] = [];
    const dispatcher: Dispatcher = {
      ...one.dispatcher,
      abortJob: async (jobId) => {
        aborted.push(jobId);
        for (const message of one.queue.splice(0)) {
          controller.settled(message, new NarratorError('cancelled', 'The job was cancelled.'));
        }
        throw new NarratorError('queue_unavailable', 'It is only a help.');
      },
    };
    const controller = one.restarted({ dispatcher });
    await one.submit('job', lines(6));
    await controller.pass();
    await cancelJob('job', one.common);
    assert.deepEqual((await controller.pass()).finished, ['job'], 'without waiting for the grace');
    assert.deepEqual(aborted, ['job']);
    assert.equal((one.results.json('summary.json') as JobSummary).outcome, 'cancelled');
  });

  it('gives its messages the priority of their job', async () => {
    const { controller, queue, submit } = house();
    await submit('urgent', lines(1), { priority: 7 });
    await submit('usual', lines(1));
    await controller.pass();
    assert.deepEqual(queue.map(({ jobId, priority }) => [jobId, priority]).sort(), [
      ['urgent', 7],
      ['usual', undefined],
    ]);
  });

  it('runs until it is stopped, and wakes when told', async () => {
    const stop = new AbortController();
    const { controller, submit, workAll, queue, store } = house({
      sleep: async (_ms, signal) => {
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve());
          // The test's worker: does what is queued while the controller sleeps, then wakes it.
          setImmediate(() => void (queue.length > 0 && workAll().then(() => controller.wake())));
        });
      },
      onEvent: ({ type }) => {
        if (type === 'finished') stop.abort();
      },
    });
    await submit('job', lines(3));
    await controller.run(stop.signal);
    assert.deepEqual(store.keys('open/'), []);
  });

  it('dispatches the first shards of a job while the last ones are still being planned', async () => {
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const find = async (id: string) => {
      if (id === 'slow') await held;
      return voices.find('anna');
    };
    const { controller, queue, submit, store, workAll } = house({
      planning: { ...planning, voices: { ...voices, find } },
    });
    await submit('job', `${lines(20)}${jsonLines({ id: 'last', text: 'Last.', voice: 'slow' })}`);
    await submit('other', lines(1, 'o'));
    while (queue.length < 3) await controller.step();
    assert.equal(await store.head(planKey('job')), undefined);
    await workAll();
    while (store.keys('open/').includes('open/other')) await controller.step().then(workAll);
    const status = await new JobReader(store).read('job');
    assert.equal(status?.state, 'planning');
    assert.ok(status !== undefined && status.items.succeeded > 0 && status.items.pending === 0);
    goOn();
    await controller.settle();
    await controller.pass();
    await workAll();
    assert.deepEqual((await controller.pass()).finished, ['job']);
  });

  it('plans a bounded number of jobs at once, and keeps a place for small ones', async () => {
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const find = async (id: string) => held.then(() => voices.find(id));
    const { controller, submit, store, time } = house({
      planning: { ...planning, voices: { ...voices, find } },
      planningMax: 2,
    });
    const started: string[] = [];
    const read = store.read.bind(store);
    store.read = (key) => {
      started.push(key.split('/')[1] ?? '');
      return read(key);
    };
    const large = jsonLines({ id: 'x', text: 'One.' }).replace('{', `{${' '.repeat(1_200_000)}`);
    for (const [id, manifest] of [
      ['a-large', large],
      ['b-large', large],
      ['c-small', lines(1)],
      ['d-small', lines(1)],
    ] as const) {
      await submit(id, manifest);
    }
    await controller.step();
    await controller.step();
    assert.deepEqual([...new Set(started)], ['a-large', 'c-small']);
    goOn();
    await controller.settle();
    time.ms += 60_000;
    await controller.pass();
    assert.deepEqual([...new Set(started)].sort(), ['a-large', 'b-large', 'c-small', 'd-small']);
  });

  it('cancels a job that is still being planned: what is planned ends by name, what is not by one error of the job', async () => {
    const long = { id: 'long', text: Array.from({ length: 2000 }, (_, n) => `Sentence ${n} of it.`).join(' ') };
    const { controller, queue, submit, results, common, work } = house({}, 1);
    await submit('job', jsonLines({ id: 'first', text: 'The first one.' }, long));
    while (queue.length === 0) await controller.step();
    await work(queue[0]);
    await cancelJob('job', common);
    await controller.settle();
    assert.deepEqual((await controller.pass()).finished, ['job']);
    assert.deepEqual(linesOf(results.text('results.jsonl')).length, 1);
    const errors = linesOf(results.text('errors.jsonl'));
    assert.ok(errors.length >= 1 && errors.every(({ code }) => code === 'cancelled'));
    assert.equal((results.json('summary.json') as JobSummary).outcome, 'cancelled');
  });
});

describe('two controllers on one store', () => {
  const named = (queue: readonly ShardMessage[]) => queue.map(({ jobId, shardId }) => `${jobId} ${shardId}`);

  it('bring every job to its end, and dispatch no shard twice', async () => {
    const { submit, queue, replica, workAll, time, results, engine } = house({}, 4);
    const [a, b] = [replica('a'), replica('b')];
    for (const id of ['one', 'two', 'three']) await submit(id, lines(5, id), { reuse: false });
    const dispatched: string[] = [];
    const finished: string[] = [];
    for (let round = 0; round < 40 && finished.length < 3; round++) {
      time.ms += 1000;
      for (const pass of await Promise.all([a.pass(), b.pass()])) finished.push(...pass.finished);
      dispatched.push(...named(queue));
      await workAll();
    }
    assert.deepEqual(finished.sort(), ['one', 'three', 'two']);
    assert.equal(new Set(dispatched).size, dispatched.length);
    assert.equal(engine.requests.length, 15);
    assert.equal(results.keys().filter((key) => key.endsWith('.wav')).length, 15);
  });

  it('hand a job on when one of them is killed; it stops dispatching when it comes back late', async () => {
    const { submit, queue, replica, workAll, time, store } = house({}, 2);
    const [killed, other] = [replica('killed'), replica('other')];
    await submit('job', lines(6));
    await killed.pass();
    await other.pass();
    assert.equal(queue.length, 2, 'the other one leaves it alone');
    await workAll();
    time.ms += 10_000;
    await other.pass();
    assert.equal(queue.length, 2);
    await workAll();
    assert.equal((await killed.pass()).dispatched, 0);
    time.ms += 6_000;
    assert.equal((await other.pass()).dispatched, 2);
    assert.equal((await killed.pass()).dispatched, 0);
    await workAll();
    assert.deepEqual((await other.pass()).finished, ['job']);
    assert.deepEqual(store.keys('jobs/job/lease'), []);
  });

  it('lose nothing when the holder of a lease is killed while it plans', async () => {
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const events: ControllerEvent[] = [];
    const planner = { calls: 0 };
    const find = async (id: string) => {
      if (++planner.calls === 1) await held;
      return voices.find(id);
    };
    const { submit, replica, workAll, time } = house({
      planning: { ...planning, voices: { ...voices, find } },
      onEvent: (event) => void events.push(event),
    });
    const [killed, other] = [replica('killed'), replica('other')];
    await submit('job', lines(50));
    await killed.step();
    time.ms += 10_000;
    await other.pass();
    await killed.step();
    await workAll();
    goOn();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual((await other.pass()).finished, ['job']);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['planned', 'finished'],
      'what is interrupted is no problem',
    );
  });
});

describe('finishing', () => {
  it('refuses a job that is not planned or lacks a record, and changes nothing', async () => {
    const { submit, common, store } = house();
    const head = await submit('job', lines(2));
    await assert.rejects(finishJob('job', common), { code: 'ledger_corrupt' });
    await planJob(head, { ...planning, store });
    await assert.rejects(finishJob('job', common), {
      code: 'ledger_corrupt',
      message: /shard-000001 of job job has no record/,
    });
    assert.deepEqual(store.keys('open/'), [openKey('job')]);
    await assert.rejects(finishJob('nobody', common), { code: 'job_not_found' });
  });
});

describe('a job’s status', () => {
  it('is derived from what is in the store, step by step', async () => {
    const { controller, submit, queue, work, workAll, store, time } = house();
    const reader = new JobReader(store);
    assert.equal(await reader.read('job'), undefined);
    assert.equal(await reader.read('../x'), undefined);
    await submit('job', `${lines(3)}bad\n`);
    assert.equal((await reader.read('job'))?.state, 'planning');
    await controller.pass();
    const running = await reader.read('job');
    assert.equal(running?.state, 'running');
    assert.deepEqual(running?.items, { total: 4, succeeded: 0, failed: 0, pending: 4 });
    await work(queue.pop());
    const one = await reader.read('job');
    assert.deepEqual([one?.items.succeeded, one?.items.failed, one?.shards.recorded], [1, 1, 1]);
    assert.ok(one !== undefined && one.percent > 30 && one.percent < 40);
    assert.ok(one.audioSeconds.finished > 0 && one.audioSeconds.finished < one.audioSeconds.predicted);
    time.ms += 5_000;
    await workAll();
    assert.equal((await reader.read('job'))?.percent, 99.9);
    await controller.pass();
    const done = await reader.read('job');
    assert.deepEqual([done?.state, done?.percent, done?.items.pending], ['partially_failed', 100, 0]);
    assert.ok(done?.finishedAt);
    assert.equal(done.startedAt, one.startedAt);
    assert.ok(done.startedAt !== undefined && done.startedAt < done.finishedAt);
  });

  it('reads each record once, however often it is asked', async () => {
    const { controller, submit, workAll, store, queue } = house();
    await submit('job', lines(20));
    await controller.pass();
    queue.splice(3, 1);
    await workAll();
    const reader = new JobReader(store);
    await reader.read('job');
    let reads = 0;
    const get = store.get.bind(store);
    store.get = (key) => {
      if (key.includes('/records/')) reads += 1;
      return get(key);
    };
    const [again] = await Promise.all([reader.read('job'), reader.read('job')]);
    assert.equal(reads, 0);
    assert.equal(again?.items.succeeded, 19);
  });
});
