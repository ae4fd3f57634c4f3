import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { NarratorError } from '../../../src/core/errors.ts';
import { recordKey, shardKey } from '../../../src/core/keys.ts';
import { lines, linesOf } from '../core/house.ts';
import { placesOf, sageMakerHouse } from './sagemaker-house.ts';

const shard = (number: number, attempt = 1, jobId = 'job') => ({ jobId, shardId: `shard-00000${number}`, attempt });

/** A job of one item, and so of one shard, that is planned. */
async function planned(given: Parameters<typeof sageMakerHouse>[0] = {}, items = 1) {
  const h = sageMakerHouse({ window: 0, ...given });
  await h.submit('job', lines(items));
  await h.controller.pass();
  return { ...h, ...h.server({ window: 64 }) };
}

describe('an invocation', () => {
  it('is in the ledger before it is made, and where its result will be once it is accepted', async () => {
    const h = await planned();
    h.endpoint.before = async ({ inferenceId }) => {
      const before = await h.invocations.newest('job', 'shard-000001');
      assert.deepEqual([before?.inferenceId, before?.outputLocation], [inferenceId, undefined]);
    };
    await h.dispatcher.dispatch(shard(1));
    const after = await h.invocations.newest('job', 'shard-000001');
    const { output, failure } = placesOf(1);
    assert.deepEqual([after?.outputLocation, after?.failureLocation], [output, failure]);
    assert.deepEqual(h.endpoint.names, ['job_shard-000001_1']);
  });

  it('holds the plan as it is stored up to 128,000 bytes; a larger one is read where it lies', async () => {
    const h = await planned({}, 2);
    for (const [number, size] of [
      [1, 128_000],
      [2, 128_001],
    ] as const) {
      await h.store.put(shardKey('job', `shard-00000${number}`), new Uint8Array(size));
      await h.dispatcher.dispatch(shard(number));
    }
    const [inline, elsewhere] = h.endpoint.requests.map(({ input }) => input);
    assert.equal((inline as Uint8Array).byteLength, 128_000);
    assert.equal(elsewhere, 's3://bucket/prefix/jobs/job/plan/shard-000002.json');
  });

  it('says which attempt it is, and whether it is the last', async () => {
    const h = await planned({ attempts: 2 });
    for (const attempt of [1, 2]) {
      await h.dispatcher.dispatch(shard(1, attempt));
      await h.dispatcher.notified(h.told(attempt, 500));
    }
    assert.deepEqual(
      h.endpoint.requests.map(({ customAttributes }) => customAttributes.replace(/;job=.*/, '')),
      ['attempt=1;last=false', 'attempt=2;last=true'],
    );
  });

  it('is made once while it is under way; servers that meet over it make the same one', async () => {
    const h = await planned();
    await Promise.all([h.dispatcher.dispatch(shard(1)), h.dispatcher.dispatch(shard(1))]);
    await h.dispatcher.dispatch(shard(1, 2));
    await h.server().dispatcher.dispatch(shard(1));
    assert.deepEqual(h.endpoint.names, ['job_shard-000001_1']);
    const meeting = await planned();
    const servers = [meeting.dispatcher, meeting.server().dispatcher];
    await Promise.all(servers.map((one) => one.dispatch(shard(1))));
    assert.deepEqual(new Set(meeting.endpoint.names), new Set(['job_shard-000001_1']));
  });

  it('takes a place in the window until it has ended, or its job was cancelled', async () => {
    const h = await planned({}, 3);
    const { dispatcher } = h.server({ window: 2 });
    await dispatcher.dispatch(shard(1));
    await dispatcher.dispatch(shard(2));
    assert.equal(await dispatcher.capacity(), 0);
    await h.done('job', 'shard-000001');
    await dispatcher.notified(h.told(1));
    assert.equal(await dispatcher.capacity(), 1);
    dispatcher.abortJob('job');
    assert.equal(await dispatcher.capacity(), 2);
  });

  it('is not made for a job that was deleted', async () => {
    const h = await planned();
    await assert.rejects(h.dispatcher.dispatch(shard(1, 1, 'other')), { code: 'job_not_found' });
    assert.deepEqual([h.endpoint.names, h.dispatcher.underWay], [[], 0]);
  });
});

describe('whoever takes over', () => {
  it('adopts what is under way', async () => {
    const h = await planned();
    await h.dispatcher.dispatch(shard(1));
    const { dispatcher } = h.server();
    await dispatcher.dispatch(shard(1));
    assert.equal(dispatcher.underWay, 1);
    await h.done('job', 'shard-000001');
    await dispatcher.reconcile();
    assert.deepEqual([h.endpoint.names, dispatcher.underWay], [['job_shard-000001_1'], 0]);
  });

  it('makes an invocation again that was perhaps never accepted, under the same number', async () => {
    const h = await planned();
    h.store.beforePut = (key) => {
      if (h.endpoint.requests.length === 1 && key.includes('/invocations/')) throw new Error('killed');
    };
    await h.dispatcher.dispatch(shard(1));
    h.store.beforePut = () => undefined;
    const { dispatcher } = h.server();
    await dispatcher.dispatch(shard(1));
    assert.deepEqual(h.endpoint.names, ['job_shard-000001_1', 'job_shard-000001_1']);
  });

  it('goes on counting', async () => {
    const h = await planned({ attempts: 2 });
    await h.dispatcher.dispatch(shard(1));
    await h.dispatcher.notified(h.told(1, 500));
    const second = h.server();
    await second.dispatcher.dispatch(shard(1));
    await second.dispatcher.notified(h.told(2, 0));
    const third = h.server();
    await third.dispatcher.dispatch(shard(1));
    await nextTurn();
    assert.deepEqual(h.endpoint.names, ['job_shard-000001_1', 'job_shard-000001_2']);
    assert.deepEqual(
      h.settled.map(({ error }) => error?.code),
      ['engine_crashed', 'shard_abandoned', 'shard_abandoned'],
    );
    assert.equal(third.dispatcher.underWay, 0);
  });

  it('learns from the ledger what another server was told', async () => {
    const h = await planned();
    await h.dispatcher.dispatch(shard(1));
    await h.server().dispatcher.notified(h.told(1, 0));
    assert.equal(h.settled.length, 0);
    await h.dispatcher.reconcile();
    assert.deepEqual([h.settled[0]?.error?.code, h.settled[0]?.error?.retryable], ['engine_crashed', true]);
  });
});

describe('what becomes of an invocation', () => {
  it('is believed once the record is there', async () => {
    const h = await planned();
    await h.dispatcher.dispatch(shard(1));
    await h.dispatcher.notified(h.told(1));
    assert.deepEqual([h.settled[0]?.error?.code, h.settled[0]?.error?.retryable], ['internal', true]);
    await h.dispatcher.dispatch(shard(1, 2));
    await h.done('job', 'shard-000001');
    await h.dispatcher.notified(h.told(2));
    assert.equal(h.settled[1]?.error, undefined);
  });

  it('is heard once, however often it is told', async () => {
    const h = await planned();
    await h.dispatcher.dispatch(shard(1));
    await Promise.all([1, 1, 1].map((number) => h.dispatcher.notified(h.told(number, 500))));
    await h.dispatcher.notified(h.told(1, 500));
    assert.equal(h.settled.length, 1);
  });

  it('may be known before the endpoint has said that it takes it', async () => {
    const h = await planned();
    let told: Promise<void> | undefined;
    h.endpoint.before = async ({ inferenceId }) => {
      told = h.dispatcher.notified({ inferenceId, isCompleted: false, status: 500 });
      await nextTurn();
    };
    await h.dispatcher.dispatch(shard(1));
    assert.equal(h.settled.length, 0);
    await told;
    assert.equal(h.settled.length, 1);
  });

  it('is looked for where nobody told anything: a result, a failure, or nothing', async () => {
    const h = await planned({}, 3);
    for (const number of [1, 2, 3]) await h.dispatcher.dispatch(shard(number));
    await h.dispatcher.reconcile();
    assert.equal(h.settled.length, 0);
    await h.done('job', 'shard-000001');
    h.endpoint.objects.set(placesOf(2).failure, JSON.stringify({ status: 400, code: 'model_mismatch' }));
    await h.dispatcher.reconcile();
    const seen = h.settled.map(({ message, error }) => [message.shardId, error?.code, error?.retryable]);
    assert.deepEqual(seen, [
      ['shard-000001', undefined, undefined],
      ['shard-000002', 'model_mismatch', false],
    ]);
  });

  it('is lost when both its times are over, and made again', async () => {
    const h = await planned();
    await h.dispatcher.dispatch(shard(1));
    h.time.ms += 600_000;
    await h.dispatcher.reconcile();
    assert.equal(h.settled.length, 0);
    h.time.ms += 60_000;
    await h.dispatcher.reconcile();
    assert.deepEqual([h.settled[0]?.error?.code, h.settled[0]?.error?.retryable], ['engine_timeout', true]);
    await h.dispatcher.dispatch(shard(1, 2));
    assert.deepEqual(h.endpoint.names, ['job_shard-000001_1', 'job_shard-000001_2']);
  });

  it('of an earlier one is taken when it is a result, and ignored when it is a failure', async () => {
    const h = await planned();
    await h.dispatcher.dispatch(shard(1));
    await h.dispatcher.notified(h.told(1, 0));
    await h.dispatcher.dispatch(shard(1, 2));
    await h.dispatcher.notified(h.told(1, 400));
    assert.equal(h.dispatcher.underWay, 1);
    await h.done('job', 'shard-000001');
    await h.dispatcher.notified(h.told(1));
    assert.deepEqual([h.settled.length, h.settled[1]?.error, h.dispatcher.underWay], [2, undefined, 0]);
  });

  it('of what is not ours changes nothing', async () => {
    const h = await planned();
    await h.dispatcher.dispatch(shard(1));
    const before = [h.store.keys(), await h.invocations.newest('job', 'shard-000001')];
    const other = h.server();
    for (const inferenceId of ['of-another-program', 'other_shard-000001_1_abcd', 'job_shard-000001_1_ffff']) {
      for (const status of [undefined, 400]) {
        for (const { dispatcher } of [h, other]) {
          await dispatcher.notified({ inferenceId, isCompleted: status === undefined, status });
        }
      }
    }
    assert.deepEqual([h.store.keys(), await h.invocations.newest('job', 'shard-000001')], before);
    assert.deepEqual([h.settled, h.dispatcher.underWay], [[], 1]);
  });

  it('is told again where the store failed', async () => {
    const h = await planned();
    await h.dispatcher.dispatch(shard(1));
    const away = new NarratorError('store_unavailable', 'The store is away.');
    h.store.beforePut = () => {
      throw away;
    };
    await assert.rejects(h.dispatcher.notified(h.told(1, 500)), away);
    h.store.beforePut = () => undefined;
    await h.dispatcher.notified(h.told(1, 500));
    assert.equal(h.settled.length, 1);
  });
});

describe('an endpoint that takes nothing', () => {
  const refused = new NarratorError('queue_unavailable', 'Slow down.');

  it('is left alone for a while, and costs no attempt', async () => {
    const h = await planned({}, 2);
    h.endpoint.before = () => {
      throw refused;
    };
    await assert.rejects(h.dispatcher.dispatch(shard(1)), refused);
    assert.deepEqual([await h.dispatcher.capacity(), h.dispatcher.problem], [0, refused]);
    h.endpoint.before = () => undefined;
    await assert.rejects(h.dispatcher.dispatch(shard(2)), refused);
    h.time.ms += 2_000;
    assert.equal(await h.dispatcher.capacity(), 1);
    await h.dispatcher.dispatch(shard(1, 1));
    assert.deepEqual([h.endpoint.names, h.dispatcher.problem], [['job_shard-000001_1'], undefined]);
  });

  it('is not asked any more once the dispatcher closes', async () => {
    const h = await planned();
    await h.dispatcher.dispatch(shard(1));
    await h.dispatcher.close();
    await h.dispatcher.close();
    assert.deepEqual([await h.dispatcher.capacity(), h.dispatcher.underWay], [0, 0]);
    await assert.rejects(h.dispatcher.dispatch(shard(1)), { code: 'engine_stopped' });
  });
});

describe('a controller over an endpoint', () => {
  it('finishes a job, whatever is told twice or not at all', async () => {
    const h = sageMakerHouse();
    await h.submit('job', lines(4));
    await h.controller.pass();
    assert.equal(h.endpoint.requests.length, 4);
    for (const number of [1, 2, 3, 4]) await h.done('job', `shard-00000${number}`);
    await h.dispatcher.notified(h.told(1));
    await h.dispatcher.notified(h.told(1));
    await h.dispatcher.reconcile();
    await h.controller.pass();
    assert.deepEqual(
      h.events.map(({ type }) => type),
      ['planned', 'finished'],
    );
    assert.equal(h.dispatcher.underWay, 0);
  });

  it('invokes as often as it may, then records the failure of each item by its name', async () => {
    const h = sageMakerHouse({ attempts: 3 });
    await h.submit('job', lines(1));
    for (let attempt = 1; attempt <= 3; attempt++) {
      await h.controller.pass();
      await h.dispatcher.notified(h.told(attempt, 500));
      h.time.ms += 10_000;
    }
    await h.controller.pass();
    assert.equal(h.endpoint.requests.length, 3);
    const [error] = linesOf(await textOf(h.results.get('errors.jsonl')));
    assert.deepEqual([error?.['code'], error?.['retryable']], ['shard_abandoned', true]);
    assert.match(String(error?.['message']), /invoked 3 times in vain, .* answered with 500/);
  });

  it('does not try again what a container refuses', async () => {
    const h = sageMakerHouse();
    await h.submit('job', lines(1));
    await h.controller.pass();
    const problem = { status: 400, code: 'model_mismatch', detail: 'This container has another model.' };
    h.endpoint.objects.set(placesOf(1).failure, JSON.stringify(problem));
    await h.dispatcher.notified(h.told(1, 400));
    await h.controller.pass();
    const [error] = linesOf(await textOf(h.results.get('errors.jsonl')));
    assert.deepEqual([error?.['code'], h.endpoint.requests.length], ['model_mismatch', 1]);
    assert.match(String(error?.['message']), /This container has another model\.$/);
  });

  it('shares the work with another one without invoking a shard twice', async () => {
    const h = sageMakerHouse();
    const [a, b] = [h.server({ window: 2 }, 'a'), h.server({ window: 2 }, 'b')];
    await h.submit('job', lines(4));
    await a.controller.pass();
    await b.controller.pass();
    assert.deepEqual([a.dispatcher.underWay, b.dispatcher.underWay], [2, 0]);
    // The first is killed: its lease ends.
    h.time.ms += 20_000;
    await b.controller.pass();
    assert.equal(b.dispatcher.underWay, 2);
    for (const number of [1, 2, 3, 4]) {
      await h.done('job', `shard-00000${number}`);
      await b.dispatcher.reconcile();
      await b.controller.pass();
    }
    assert.deepEqual(
      h.endpoint.names,
      [1, 2, 3, 4].map((number) => `job_shard-00000${number}_1`),
    );
    assert.ok(h.events.some(({ type }) => type === 'finished'));
  });

  it('leaves a cancelled job behind, and what is at the endpoint to the containers', async () => {
    const h = sageMakerHouse();
    await h.submit('job', lines(2));
    await h.controller.pass();
    await h.store.put('jobs/job/cancel.json', new Uint8Array());
    await h.controller.pass();
    assert.equal(h.dispatcher.underWay, 0);
    h.time.ms += 10_000;
    await h.controller.pass();
    assert.ok(h.store.keys().includes(recordKey('job', 'shard-000002')));
    await h.dispatcher.notified(h.told(1, 400));
    assert.equal(h.settled.length, 0);
  });
});

async function textOf(stored: Promise<{ bytes: Uint8Array } | undefined>): Promise<string> {
  return new TextDecoder().decode((await stored)?.bytes);
}
