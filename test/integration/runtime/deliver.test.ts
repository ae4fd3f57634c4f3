import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { openFilesystemStore } from '../../../src/adapters/store-filesystem.ts';
import { openS3Store } from '../../../src/adapters/store-s3.ts';
import { finishedEvent } from '../../../src/core/events.ts';
import { outboxPrefix, undeliveredPrefix } from '../../../src/core/keys.ts';
import { tell } from '../../../src/core/outbox.ts';
import type { ArtifactStore } from '../../../src/core/ports.ts';
import type { Subscription } from '../../../src/core/subscription.ts';
import { readConfig } from '../../../src/runtime/config.ts';
import { Deliverer, type DelivererOptions } from '../../../src/runtime/deliver.ts';
import { openChannels } from '../../../src/runtime/deliver-channels.ts';
import { startS3Emulator } from '../../support/s3-emulator.ts';
import { submitted } from '../../unit/core/fakes.ts';
import { startUnrulyReceiver } from '../adapters/unruly-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const config = readConfig({ NARRATOR_ALLOW_HOSTS: '127.0.0.1,localhost', NARRATOR_WEBHOOK_SECRET: SECRET });

describe('the deliverer', { timeout: 120_000 }, () => {
  let receiver: Awaited<ReturnType<typeof startUnrulyReceiver>>;
  let root: string;
  let store: ArtifactStore;
  const open: { close(): Promise<void> }[] = [];
  before(async () => {
    receiver = await startUnrulyReceiver();
    root = await mkdtemp(join(tmpdir(), 'narrator-deliver-'));
  });
  beforeEach(async () => {
    store = await openFilesystemStore({ root: await mkdtemp(join(root, 'store-')) });
    receiver.received.length = 0;
  });
  const closeAll = async () => {
    for (const one of open.splice(0)) await one.close();
  };
  after(async () => {
    await closeAll();
    receiver.close();
    await rm(root, { recursive: true });
  });

  const hook = (path: string, host = '127.0.0.1'): Subscription => ({
    kind: 'webhook',
    url: receiver.url(path).replace('127.0.0.1', host),
  });

  function start(more: Partial<DelivererOptions> = {}) {
    const channels = openChannels(config);
    const outcomes: string[] = [];
    const deliverer = new Deliverer({
      store,
      deliver: channels.deliver,
      intervalMs: 50,
      random: () => 0,
      onOutcome: ({ status }) => void outcomes.push(status),
      onProblem: (error) => assert.fail(error),
      ...more,
    });
    deliverer.start();
    open.push({ close: () => deliverer.close({ graceMs: 0 }).then(channels.close) });
    return { deliverer, outcomes };
  }

  async function tellOf(jobId: string, ...notify: Subscription[]) {
    const head = await submitted(store, '', { id: jobId, notify });
    const totals = { items: 1, succeeded: 1, failed: 0, segments: 1, reusedSegments: 0, retakenSegments: 0 };
    const times = { createdAt: head.createdAt, finishedAt: head.createdAt };
    const summary = { v: 1, jobId, outcome: 'completed', ...times, ...totals, audioSeconds: 1, errors: {} } as const;
    const now = () => new Date();
    await tell(finishedEvent({ head, round: 1 }, summary, now), head, { store, now });
  }

  async function until(what: string, isTrue: () => boolean | Promise<boolean>) {
    for (let tries = 0; tries < 1500; tries++) {
      if (await isTrue()) return;
      await delay(20);
    }
    assert.fail(`never: ${what}`);
  }

  async function keys(prefix: string): Promise<string[]> {
    const found: string[] = [];
    for await (const { key } of store.list(prefix)) found.push(key);
    return found;
  }

  it('brings an event to its receiver, and again after a bad answer, under the same id', async () => {
    await tellOf('job', hook('/flaky'));
    const { outcomes } = start();
    await until('it arrives', () => outcomes.includes('delivered'));
    assert.deepEqual(outcomes, ['failed', 'delivered']);
    const [first, second] = receiver.received;
    assert.equal(first?.headers['webhook-id'], second?.headers['webhook-id']);
    assert.equal(first?.body, second?.body);
    new Webhook(SECRET).verify(second?.body ?? '', (second?.headers ?? {}) as Record<string, string>);
    assert.deepEqual(await keys(outboxPrefix), []);
  });

  it('is not held up by receivers that hang, however many events wait for them', async () => {
    for (let number = 0; number < 10; number++) await tellOf(`slow-${number}`, hook(`/hangs/${number}`));
    await tellOf('quick', hook('/200', 'localhost'));
    const { outcomes } = start({ concurrency: 5, concurrencyPerReceiver: 4 });
    await until('the quick one has it', () => outcomes.includes('delivered'));
    assert.equal(receiver.received.filter(({ path }) => path.startsWith('/hangs')).length <= 4, true);
  });

  it('keeps a dead letter of what a receiver does not want any more', async () => {
    await tellOf('job', hook('/410'));
    const { outcomes } = start();
    await until('it is given up', () => outcomes.length === 1);
    assert.deepEqual(outcomes, ['given-up']);
    await until('nothing is owed', async () => (await keys(outboxPrefix)).length === 0);
    assert.equal((await keys(undeliveredPrefix('job'))).length, 1);
  });

  const sharesOutbox = async () => {
    for (let number = 0; number < 20; number++) await tellOf(`job-${number}`, hook(`/200/${number}`));
    const all = [start(), start(), start()];
    const delivered = () => all.flatMap(({ outcomes }) => outcomes).filter((outcome) => outcome === 'delivered');
    await until('nothing is owed', async () => (await keys(outboxPrefix)).length === 0);
    // The outcome is told when the store has answered, a moment after the key is gone.
    await until('all is told', () => delivered().length >= 20);
    assert.equal(receiver.received.length, 20);
    assert.equal(new Set(receiver.received.map(({ path }) => path)).size, 20);
    assert.equal(delivered().length, 20);
  };
  it('shares the outbox with others: each event arrives once', sharesOutbox);

  it('does so on S3 as well', async () => {
    const emulator = await startS3Emulator();
    emulator.createBucket('narrated');
    const s3 = await openS3Store({ bucket: 'narrated', prefix: 'store', ...emulator.connection });
    store = s3;
    try {
      await sharesOutbox();
    } finally {
      await closeAll();
      await s3.close();
      await emulator.close();
    }
  });

  it('looks at once when it is woken, and leaves what it was doing to the next one when it closes', async () => {
    const { deliverer, outcomes } = start({ intervalMs: 3_600_000 });
    await tellOf('job', hook('/hangs'));
    await until('it is tried', () => {
      deliverer.wake();
      return receiver.received.length === 1;
    });
    await deliverer.close({ graceMs: 10 });
    await deliverer.close();
    assert.deepEqual(
      outcomes.filter((outcome) => outcome !== 'left'),
      [],
    );
    start();
    await until('another one tries it', () => receiver.received.length === 2);
  });

  it('goes on when the store was away for a while', async () => {
    let isAway = true;
    const problems: string[] = [];
    const list = store.list.bind(store);
    store.list = (...parameters) => {
      if (isAway) throw new Error('away');
      return list(...parameters);
    };
    await tellOf('job', hook('/200')).catch(() => undefined);
    const { outcomes } = start({ onProblem: ({ code }) => problems.push(code) });
    await until('it notices', () => problems.length > 1);
    isAway = false;
    await tellOf('later', hook('/200'));
    await until('it arrives', () => outcomes.includes('delivered'));
  });
});
