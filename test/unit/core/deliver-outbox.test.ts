import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  delayBeforeNext,
  type Deliver,
  DELIVERY_SCHEDULE_MS,
  DeliveryError,
  deliverOwed,
  Outbox,
} from '../../../src/core/deliver-outbox.ts';
import { finishedEvent } from '../../../src/core/events.ts';
import { eventKey, jobHeadKey, openKey, outboxKey, outboxPrefix, undeliveredPrefix } from '../../../src/core/keys.ts';
import { tell } from '../../../src/core/outbox.ts';
import type { JobSummary } from '../../../src/core/record.ts';
import type { Subscription } from '../../../src/core/subscription.ts';
import { clock, submitted } from './fakes.ts';
import { MemoryStore } from './memory-store.ts';
import { deliverDue } from './notifying.ts';

const hook: Subscription = { kind: 'webhook', url: 'https://a.example/?token=1', secret: 'whsec_x' };
const summary: JobSummary = {
  ...{ v: 1, jobId: 'job', outcome: 'completed', createdAt: '', finishedAt: '' },
  ...{ items: 1, succeeded: 1, failed: 0, segments: 1, reusedSegments: 0, retakenSegments: 0, audioSeconds: 1 },
  errors: {},
};

async function told(notify: Subscription[] = [hook]) {
  const store = new MemoryStore();
  const head = await submitted(store, '', { notify });
  const now = clock('2026-05-01T00:00:00.000Z');
  const event = finishedEvent({ head, round: 1 }, summary, now);
  await tell(event, head, { store, now });
  const time = { ms: Date.parse('2026-05-01T00:01:00.000Z') };
  const due = (receive: Deliver = async () => undefined) =>
    deliverDue(store, { now: () => new Date(time.ms), receive });
  const refusing = (...error: ConstructorParameters<typeof DeliveryError>) =>
    due(async () => {
      throw new DeliveryError(...error);
    });
  return { store, event, time, due, refusing };
}

describe('the schedule of a delivery', () => {
  it('is that of Standard Webhooks: ten tries over three days', () => {
    const hours = DELIVERY_SCHEDULE_MS.reduce((sum, ms) => sum + ms, 0) / 3_600_000;
    assert.deepEqual([DELIVERY_SCHEDULE_MS.length, Math.round(hours)], [10, 76]);
    assert.equal(delayBeforeNext(1, 0), 5_000);
    assert.equal(delayBeforeNext(9, 0), 24 * 3_600_000);
    assert.equal(delayBeforeNext(10, 0), undefined);
  });

  it('is spread by up to a fifth, and waits longer where the receiver asks for it, but for a day at most', () => {
    assert.equal(delayBeforeNext(1, 1), 6_000);
    assert.equal(delayBeforeNext(1, 0, 90_000), 90_000);
    assert.equal(delayBeforeNext(2, 0, 90_000), 300_000);
    assert.equal(delayBeforeNext(1, 0, 1e12), 24 * 3_600_000);
  });
});

describe('delivering what is owed', () => {
  it('tries again and again by the schedule, then keeps a dead letter with the last error and without the secret', async () => {
    const { store, event, time, refusing } = await told();
    for (const [attempt, delayMs] of [...DELIVERY_SCHEDULE_MS, undefined].slice(1).entries()) {
      const isLast = delayMs === undefined;
      assert.deepEqual((await refusing('No.')).outcomes, [isLast ? 'given-up' : 'failed'], `try ${attempt + 1}`);
      time.ms += (delayMs ?? 0) - 1;
      assert.deepEqual((await refusing('No.')).outcomes, [], 'not before its time');
      time.ms += 1;
    }
    assert.deepEqual(store.keys(outboxPrefix), []);
    const [letter = ''] = store.keys(undeliveredPrefix('job'));
    assert.ok(letter.startsWith(`jobs/job/undelivered/${event.id}.`) && letter.endsWith('.json'));
    const { attempts, error, subscription } = store.json(letter) as Record<string, Record<string, unknown>>;
    assert.deepEqual([attempts, error?.['code'], error?.['message']], [10, 'delivery_failed', 'No.']);
    assert.deepEqual(subscription, { kind: 'webhook', url: hook.url });
  });

  it('obeys Retry-After, and ends at once what the receiver does not want any more', async () => {
    const { store, time, refusing } = await told();
    await refusing('Later.', { retryAfterMs: 60_000 });
    time.ms += 59_999;
    assert.deepEqual((await refusing('Gone.', { retryable: false })).outcomes, []);
    time.ms += 1;
    assert.deepEqual((await refusing('Gone.', { retryable: false })).outcomes, ['given-up']);
    assert.equal(store.keys(undeliveredPrefix('job')).length, 1);
  });

  it('is done by one of several processes; by another one if that is killed', async () => {
    const { store, due, time } = await told();
    const outbox = new Outbox(store, () => new Date(time.ms));
    const [owed = assert.fail()] = await outbox.due(assert.fail);
    const signal = new AbortController().signal;
    const deps = { store, now: () => new Date(time.ms), random: () => 0, signal, claimMs: 60_000 };
    let calls = 0;
    const deliver: Deliver = async () => void (calls += 1);
    const outcomes = await Promise.all([1, 2].map(() => deliverOwed(owed, { ...deps, deliver })));
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['delivered', 'left']);
    assert.equal(calls, 1);

    const other = await told();
    const killed: Deliver = () => new Promise(() => undefined);
    const [claimed = assert.fail()] = await new Outbox(other.store, deps.now).due(assert.fail);
    void deliverOwed(claimed, { ...deps, store: other.store, deliver: killed });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual((await other.due()).outcomes, [], 'it is being delivered');
    other.time.ms += 60_000;
    assert.deepEqual((await other.due()).outcomes, ['delivered']);
    assert.deepEqual((await due()).outcomes, []);
  });

  it('gives back what it is told to stop, as if it had not been tried', async () => {
    const { store, time, due } = await told();
    const [key = ''] = store.keys(outboxPrefix);
    const before = store.text(key);
    const abort = new AbortController();
    const [owed = assert.fail()] = await new Outbox(store, () => new Date(time.ms)).due(assert.fail);
    const deliver: Deliver = async () => {
      abort.abort();
      throw new DeliveryError('x');
    };
    const deps = { store, now: () => new Date(time.ms), random: () => 0, claimMs: 60_000, deliver };
    assert.equal((await deliverOwed(owed, { ...deps, signal: abort.signal })).status, 'left');
    assert.equal(store.text(key), before);
    assert.deepEqual((await due()).outcomes, ['delivered']);
  });

  it('leaves alone what is not told yet, and drops it once nobody works on the job', async () => {
    const { store, event, due } = await told();
    await store.delete(eventKey('job', event.id));
    assert.deepEqual((await due()).outcomes, ['left']);
    assert.equal(store.keys(outboxPrefix).length, 1);
    await store.delete(openKey('job'));
    assert.deepEqual((await due()).outcomes, ['left']);
    assert.deepEqual(store.keys(outboxPrefix), []);
  });

  it('leaves no dead letter of a job that was deleted meanwhile', async () => {
    const { store, due } = await told();
    await due(async () => {
      await store.delete(jobHeadKey('job'));
      throw new DeliveryError('x', { retryable: false });
    });
    assert.deepEqual(store.keys(undeliveredPrefix('job')), []);
  });

  it('reads an entry once, and reports what is none', async () => {
    const { store, time } = await told();
    const broken = outboxKey({ jobId: 'job', eventId: 'evt_1', subscriptionId: '1' });
    await store.put(broken, new TextEncoder().encode('nonsense'));
    const outbox = new Outbox(store, () => new Date(time.ms));
    let reads = 0;
    const get = store.get.bind(store);
    store.get = (key) => ((reads += key === broken ? 0 : 1), get(key));
    const problems: string[] = [];
    for (let look = 0; look < 3; look++) {
      assert.equal((await outbox.due(({ code }) => problems.push(code))).length, 1);
    }
    assert.equal(reads, 1);
    assert.deepEqual(problems, ['ledger_corrupt', 'ledger_corrupt', 'ledger_corrupt']);
  });
});
