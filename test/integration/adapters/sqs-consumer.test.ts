import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SqsConsumer } from '../../../src/adapters/sqs-consumer.ts';
import { type S3Emulator, startS3Emulator } from '../../support/s3-emulator.ts';
import { until } from './bullmq/until.ts';

let emulator: S3Emulator;
before(async () => (emulator = await startS3Emulator()));
after(() => emulator.close());

const logged: { event: string; [field: string]: unknown }[] = [];
const log = (event: string, fields: Record<string, unknown> = {}) => void logged.push({ event, ...fields });
const linesOf = (event: string) => logged.filter((line) => line.event === event);
beforeEach(() => void logged.splice(0));

describe('a consumer of a queue', () => {
  const consumer = (name: string, handler: (body: string, signal: AbortSignal) => Promise<void>) =>
    new SqsConsumer({
      ...emulator.connection,
      queueUrl: `${emulator.endpoint}/000000000000/${name}`,
      ...{ handler, log, waitSeconds: 1, visibilitySeconds: 1, retrySeconds: () => 0 },
      // While it is at work it does not poll: what it gives back stays where it is.
      concurrency: 1,
    });

  it('keeps a message from others for as long as it is at work', async () => {
    emulator.createQueue('slow');
    emulator.send('slow', 'one');
    let calls = 0;
    const slow = consumer('slow', async () => {
      calls += 1;
      await sleep(3_500);
    });
    await slow.start();
    await until('the queue is empty', () => emulator.messagesIn('slow').all === 0);
    await slow.close();
    assert.equal(calls, 1);
  });

  it('gives back what it is in the middle of when it closes', async () => {
    emulator.createQueue('interrupted');
    emulator.send('interrupted', 'one');
    let begun = false;
    const one = consumer('interrupted', async (_body, signal) => {
      begun = true;
      await sleep(60_000, undefined, { signal });
    });
    await one.start();
    await until('it has begun', () => begun);
    await one.close({ graceMs: 10 });
    await one.close();
    assert.deepEqual(emulator.messagesIn('interrupted'), { all: 1, received: 0 });
  });

  it('waits for those at work when it closes', async () => {
    emulator.createQueue('graceful');
    emulator.send('graceful', 'one');
    let begun = false;
    const one = consumer('graceful', async () => {
      begun = true;
      await sleep(200);
    });
    await one.start();
    await until('it has begun', () => begun);
    await one.close();
    assert.equal(emulator.messagesIn('graceful').all, 0);
  });

  it('is refused where there is no such queue, and says where one has no dead-letter queue', async () => {
    await assert.rejects(consumer('none', async () => undefined).start(), {
      code: 'config_invalid',
      message: /no queue/,
    });
    emulator.createQueue('endless');
    const one = consumer('endless', async () => undefined);
    await one.start();
    await one.close();
    assert.equal(linesOf('manifests.no-dead-letter-queue').length, 1);
  });
});
