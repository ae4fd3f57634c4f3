import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cancelJob } from '../../../src/core/cancel-job.ts';
import { type Deliver, DeliveryError } from '../../../src/core/deliver-outbox.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import { FAILURES_TOLD_MAX, payloadOf } from '../../../src/core/events.ts';
import { finishedKey, outboxPrefix, segmentKey, undeliveredPrefix } from '../../../src/core/keys.ts';
import { resendEvents } from '../../../src/core/outbox.ts';
import { retryJob } from '../../../src/core/retry-job.ts';
import type { Subscription } from '../../../src/core/subscription.ts';
import { dying } from './dying-store.ts';
import { jsonLines } from './fakes.ts';
import { house, lines } from './house.ts';
import { deliverDue, endings, eventsOf, everything, typesOf } from './notifying.ts';

type House = ReturnType<typeof house>;

async function workThrough({ controller, workAll, store }: Pick<House, 'controller' | 'workAll' | 'store'>) {
  for (let round = 0; round < 300; round++) {
    await controller.pass();
    await workAll();
    if (store.keys('open/').length === 0) return;
  }
  assert.fail('it is not finished');
}

const notify: Subscription[] = [everything, endings];
const BROKEN = (count: number) => 'broken\n'.repeat(count);

describe('what is told of a job', () => {
  it('is told once to each who wants it: planned, three milestones, failed items, the end', async () => {
    const one = house({}, 2);
    await one.submit('job', `${lines(11)}${BROKEN(1)}`, { notify, metadata: { k: 'v' } });
    await workThrough(one);
    const { delivered } = await deliverDue(one.store);
    const types = (kind: string) => typesOf(delivered.filter(({ to }) => to === kind).map(({ event }) => event));
    const progress = ['job.progress', 'job.progress', 'job.progress'];
    assert.deepEqual(types('webhook'), ['item.failed', 'job.partially_failed', 'job.planned', ...progress]);
    assert.deepEqual(types('sqs'), ['job.partially_failed']);
    assert.deepEqual(one.store.keys(outboxPrefix), []);
    const data = (type: string) => delivered.find(({ event }) => event.type === type)?.event.data;
    assert.deepEqual(data('item.failed')?.['error'], {
      code: 'item_invalid',
      hint: 'Correct the field that the message names on that line of the manifest.',
      retryable: false,
      line: 12,
    });
    assert.deepEqual(data('job.partially_failed')?.['items'], { total: 12, succeeded: 11, failed: 1 });
    assert.deepEqual(data('job.partially_failed')?.['metadata'], { k: 'v' });
    assert.deepEqual(new Set(delivered.flatMap(({ event }) => event.data['percent'] ?? [])), new Set([25, 50, 75]));
  });

  it('has the shares that passed while no controller ran, as long as some of the work is left', async () => {
    const one = house();
    await one.submit('job', lines(8), { notify });
    await one.controller.pass();
    const left = one.queue.splice(6);
    await one.workAll();
    const percents = () => eventsOf(one.store).flatMap(({ data }) => data['percent'] ?? []);
    assert.deepEqual(percents(), []);
    await one.restarted().pass();
    assert.deepEqual(new Set(percents()), new Set([25, 50, 75]));
    for (const message of left) await one.work(message);
    await one.restarted().pass();
    assert.equal(percents().length, 3);

    await one.submit('unseen', lines(8), { notify });
    await one.controller.pass();
    await one.workAll();
    await one.restarted().pass();
    assert.equal(percents().length, 3, 'the end says more than shares of it would');
  });

  it('is nothing where nobody wants to know, and not one record is read for it', async () => {
    const one = house();
    await one.submit('job', lines(3));
    const read: string[] = [];
    const get = one.store.get.bind(one.store);
    one.store.get = (key) => (read.push(key), get(key));
    await workThrough(one);
    assert.deepEqual(eventsOf(one.store), []);
    const records = read.filter((key) => key.includes('/records/'));
    assert.equal(records.length, 9, 'finishing reads each three times, and nobody else does');
  });

  it('goes to the deployment’s own subscribers as well, of every job', async () => {
    const one = house({ subscriptions: [endings] });
    await one.submit('job', lines(1));
    await workThrough(one);
    assert.deepEqual(typesOf((await deliverDue(one.store)).delivered.map(({ event }) => event)), ['job.completed']);
  });

  it('holds no text and stays below 20 kB, whatever the client sends', async () => {
    const one = house();
    one.engine.before = async () => {
      throw new NarratorError('segment_crashes_engine', 'x');
    };
    const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`key ${n}`, '語'.repeat(512)]));
    await one.submit('job', jsonLines({ id: 'a', text: 'A secret text.' }, { id: 'b', text: 'x', voice: 'nobody' }), {
      notify,
      metadata,
    });
    await workThrough(one);
    const payloads = eventsOf(one.store).map(payloadOf);
    assert.equal(payloads.length, 4);
    for (const payload of payloads) {
      assert.ok(Buffer.byteLength(payload) < 20_000);
      assert.doesNotMatch(payload, /secret text/);
      assert.match(payload, /"metadataOmitted":true/);
    }
  });

  it('names a hundred failed items of a round, and says of the last that no further ones follow', async () => {
    const one = house({}, 3);
    await one.submit('job', BROKEN(FAILURES_TOLD_MAX + 30) + lines(4), { notify });
    await workThrough(one);
    const failed = eventsOf(one.store).filter(({ type }) => type === 'item.failed');
    assert.deepEqual(
      failed.map(({ data }) => Number(data['line'])).sort((a, b) => a - b),
      Array.from({ length: FAILURES_TOLD_MAX }, (_, at) => at + 1),
    );
    const last = failed.filter(({ data }) => data['furtherFailuresTold'] === false);
    assert.deepEqual(
      last.map(({ data }) => data['line']),
      [FAILURES_TOLD_MAX],
    );
  });

  it('names an item that spans shards once, and one that could only not be joined as well', async () => {
    const text = Array.from({ length: 7 }, (_, n) => `Sentence ${n} of a long item.`).join(' ');
    const one = house();
    one.engine.before = async ({ text: spoken }) => {
      if (/[25] of a long/.test(spoken)) throw new NarratorError('segment_crashes_engine', 'x');
    };
    const other = jsonLines({ id: 'lost', text: text.replaceAll('long', 'lost') });
    await one.submit('job', jsonLines({ id: 'long', text }) + other, { notify });
    await one.controller.pass();
    await one.workAll();
    const gone = one.engine.requests.find(({ text: spoken }) => spoken.includes('lost'));
    await one.store.delete(segmentKey(gone?.key ?? assert.fail()));
    await one.controller.pass();
    const items = eventsOf(one.store).filter(({ type }) => type === 'item.failed');
    assert.deepEqual(items.map(({ data }) => data['item']).sort(), ['long', 'lost']);
  });

  it('tells of a cancelled job once, not of each of its items', async () => {
    const one = house({}, 1);
    await one.submit('job', lines(5), { notify });
    await one.controller.pass();
    await cancelJob('job', one.common);
    await workThrough(one);
    assert.deepEqual(typesOf(eventsOf(one.store)), ['job.cancelled', 'job.planned']);
  });

  it('tells of every round of a job that is retried', async () => {
    const one = house();
    one.engine.before = async ({ text }) => {
      if (text.includes('2')) throw new NarratorError('engine_crashed', 'x');
    };
    await one.submit('job', lines(6), { notify });
    await workThrough(one);
    one.engine.before = async () => undefined;
    await retryJob('job', { only: 'failed' }, one.common);
    await workThrough(one);
    const told = eventsOf(one.store).map(({ type, data }) => `${data.round} ${type}`);
    assert.deepEqual(told.sort(), [
      '1 item.failed',
      '1 job.partially_failed',
      '1 job.planned',
      '2 job.completed',
      '2 job.planned',
    ]);
  });

  it('tells the end of a round although a retry was asked for before it could be told', async () => {
    const one = house();
    one.engine.before = async ({ text }) => {
      if (text.includes('2')) throw new NarratorError('engine_crashed', 'x');
    };
    await one.submit('job', lines(3), { notify: [endings] });
    await one.controller.pass();
    await one.workAll();
    one.store.beforePut = (key) => {
      if (key.startsWith(outboxPrefix)) throw new NarratorError('store_unavailable', 'killed');
    };
    await one.controller.pass();
    assert.ok(one.store.keys(finishedKey('job')).length === 1);
    one.store.beforePut = () => undefined;
    one.engine.before = async () => undefined;
    await retryJob('job', { only: 'failed' }, one.common);
    await workThrough({ ...one, controller: one.restarted() });
    assert.deepEqual(typesOf(eventsOf(one.store)), ['job.completed', 'job.partially_failed']);
  });
});

describe('a process that is killed before any of its writes', () => {
  async function story(killedAt: number) {
    const one = house({}, 3);
    one.engine.before = async ({ text }) => {
      if (text.includes('number 1')) throw new NarratorError('segment_crashes_engine', 'x');
    };
    await one.submit('job', `${lines(3)}${BROKEN(1)}`, { notify });
    const revive = dying(killedAt, one.store, one.results);
    const killed = one.restarted();
    for (let pass = 0; pass < 5; pass++) {
      await killed.pass().catch(() => undefined);
      await one.workAll().catch(() => undefined);
    }
    const writes = revive();
    one.queue.length = 0;
    if (one.store.keys('open/').length > 0) await workThrough({ ...one, controller: one.restarted() });
    // Shares of the work are told of while it lasts: how many depends on when somebody looks.
    const isProgress = (type: string) => type === 'job.progress';
    const events = eventsOf(one.store);
    const { delivered } = await deliverDue(one.store);
    return {
      writes,
      events: events.filter(({ type }) => !isProgress(type)).map(({ id }) => id),
      all: events.length,
      delivered: delivered.filter(({ event }) => !isProgress(event.type)).map(({ to, event }) => `${to} ${event.id}`),
      distinct: new Set(delivered.map(({ to, event }) => `${to} ${event.id}`)).size === delivered.length,
      left: one.store.keys(outboxPrefix),
    };
  }

  it('tells the same events by the same ids, each of them once, and owes nothing that is not told', async () => {
    const undisturbed = await story(Infinity);
    assert.equal(undisturbed.events.length, 4, 'planned, two failed items, the end');
    assert.equal(undisturbed.delivered.length, 5);
    for (let killedAt = 0; killedAt < undisturbed.writes; killedAt++) {
      const { events, delivered, distinct, left } = await story(killedAt);
      const when = `killed before write ${killedAt + 1}`;
      assert.deepEqual(events, undisturbed.events, when);
      assert.deepEqual(delivered.sort(), [...undisturbed.delivered].sort(), when);
      assert.ok(distinct, when);
      assert.deepEqual(left, [], when);
    }
  });
});

describe('resending', () => {
  it('owes every event again, also to who subscribed later, and takes the dead letters away', async () => {
    const one = house();
    await one.submit('job', lines(2), { notify: [everything] });
    await workThrough(one);
    const gone: Deliver = async () => {
      throw new DeliveryError('Gone.', { retryable: false });
    };
    assert.deepEqual((await deliverDue(one.store, { receive: gone })).outcomes, ['given-up', 'given-up']);
    assert.equal(one.store.keys(undeliveredPrefix('job')).length, 2);
    const again = { ...one.common, subscriptions: [endings] };
    assert.equal(await resendEvents('job', again), 2);
    assert.deepEqual(one.store.keys(undeliveredPrefix('job')), []);
    const { delivered } = await deliverDue(one.store);
    const ids = (kind: string) => delivered.filter(({ to }) => to === kind).map(({ event }) => event.id);
    assert.deepEqual(
      ids('webhook').sort(),
      eventsOf(one.store).map(({ id }) => id),
    );
    assert.equal(ids('sqs').length, 1);
    await assert.rejects(resendEvents('nobody', again), { code: 'job_not_found' });
  });

  it('tells the end of a job that nobody wanted to know of when it was done', async () => {
    const one = house();
    await one.submit('job', lines(1));
    await workThrough(one);
    assert.equal(await resendEvents('job', { ...one.common, subscriptions: [endings] }), 1);
    assert.equal((await deliverDue(one.store)).delivered.length, 1);
  });
});
