import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BullmqConsumer, type BullmqConsumerOptions } from '../../../../src/adapters/consume-bullmq.ts';
import { BullmqDispatcher, type BullmqDispatcherOptions } from '../../../../src/adapters/dispatch-bullmq.ts';
import { NarratorError } from '../../../../src/core/errors.ts';
import { shardName } from '../../../../src/core/keys.ts';
import type { ShardMessage } from '../../../../src/core/ports.ts';
import { RedisServer } from '../../../support/redis-server.ts';
import { until } from './until.ts';

const message = (number: number, jobId = 'job', attempt = 1): ShardMessage => ({
  jobId,
  shardId: shardName(number),
  attempt,
});
const crash = () => new NarratorError('engine_crashed', 'The engine crashed.');
const aborted = (signal: AbortSignal) => once(signal, 'abort');

describe('the BullMQ queue', { timeout: 120_000 }, () => {
  let redis: RedisServer;
  let queues = 0;
  const open: { close(options?: { graceMs: number }): Promise<void> }[] = [];
  before(async () => {
    redis = await RedisServer.start();
  });
  after(() => redis.end());
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close({ graceMs: 0 })));
  });

  /** A queue of the test's own, its dispatcher, and consumers that the test starts. */
  async function house(options: Partial<BullmqDispatcherOptions> = {}) {
    const queueName = `queue-${++queues}`;
    const settled: [string, string][] = [];
    const dispatcher = new BullmqDispatcher({
      redisUrl: redis.url,
      queueName,
      retryDelayMs: 20,
      onSettled: ({ shardId }, error) => settled.push([shardId.slice(-1), error?.code ?? 'done']),
      ...options,
    });
    open.push(dispatcher);
    await dispatcher.start();
    const consume = async (
      handler: BullmqConsumerOptions['handler'],
      more: Partial<BullmqConsumerOptions> = {},
    ): Promise<BullmqConsumer> => {
      const consumer = new BullmqConsumer({ redisUrl: redis.url, queueName, handler, ...more });
      open.push(consumer);
      await consumer.start();
      return consumer;
    };
    return { queueName, dispatcher, settled, consume };
  }

  it('brings each message to a worker once, however often it is dispatched', async () => {
    const { dispatcher, consume, settled } = await house();
    const seen: ShardMessage[] = [];
    for (const number of [1, 2, 1, 2, 1]) await dispatcher.dispatch(message(number));
    await consume(async (one) => void seen.push(one));
    await until('both are settled', () => settled.length === 2);
    assert.deepEqual(
      seen.sort((a, b) => a.shardId.localeCompare(b.shardId)),
      [message(1), message(2)],
    );
    assert.deepEqual(settled.sort(), [
      ['1', 'done'],
      ['2', 'done'],
    ]);
  });

  it('takes a message again that is through: a new controller counts from one', async () => {
    const { dispatcher, consume, settled } = await house();
    let runs = 0;
    await consume(async () => {
      runs += 1;
      if (runs === 1) throw new NarratorError('model_mismatch', 'x');
    });
    for (const count of [1, 2, 3]) {
      await dispatcher.dispatch(message(1));
      await until(`it is settled ${count} times`, () => settled.length === count);
    }
    assert.equal(runs, 3);
    assert.deepEqual(settled, [
      ['1', 'model_mismatch'],
      ['1', 'done'],
      ['1', 'done'],
    ]);
  });

  it('tries again what may pass, says when it is the last time, and hands the error back', async () => {
    const { dispatcher, consume, settled } = await house({ attempts: 3 });
    const last: boolean[] = [];
    await consume(async (_message, { lastAttempt }) => {
      last.push(lastAttempt);
      throw crash();
    });
    await dispatcher.dispatch(message(1));
    await until('it is given up', () => settled.length === 1);
    assert.deepEqual(last, [false, false, true]);
    assert.deepEqual(settled, [['1', 'engine_crashed']]);
  });

  it('does not try again what cannot succeed, and refuses messages of somebody else', async () => {
    const errors: NarratorError[] = [];
    const { dispatcher, consume } = await house({ onSettled: (_message, error) => void (error && errors.push(error)) });
    let runs = 0;
    await consume(async () => {
      runs += 1;
      throw new NarratorError('model_mismatch', 'Another model.', { item: 'a' });
    });
    await dispatcher.dispatch(message(1));
    await until('the first is given up', () => errors.length === 1);
    assert.deepEqual(
      [errors[0]?.code, errors[0]?.message, errors[0]?.details.item],
      ['model_mismatch', 'Another model.', 'a'],
    );
    await dispatcher.dispatch({ ...message(2), text: 'x' } as ShardMessage);
    await until('the second is refused', () => errors.length === 2);
    assert.deepEqual([errors[1]?.code, errors[1]?.retryable, runs], ['internal', false, 1]);
  });

  it('wants no more than its window, counts what is at work, and takes the urgent first', async () => {
    const { dispatcher, consume } = await house({ window: 5 });
    const order: string[] = [];
    assert.equal(await dispatcher.capacity(), 5);
    for (const number of [1, 2]) await dispatcher.dispatch(message(number, 'idle'));
    await dispatcher.dispatch({ ...message(1, 'urgent'), priority: 1 });
    assert.equal(await dispatcher.capacity(), 2);
    const free = new AbortController();
    await consume(
      async ({ jobId }) => {
        order.push(jobId);
        if (!free.signal.aborted) await aborted(free.signal);
      },
      { concurrency: 1 },
    );
    await until('one is at work', () => order.length === 1);
    assert.equal(await dispatcher.capacity(), 2);
    free.abort();
    await until('all are through', async () => (await dispatcher.capacity()) === 5);
    assert.deepEqual(order, ['urgent', 'idle', 'idle']);
  });

  it('drops what waits of a cancelled job, stops what is at work, and leaves other jobs alone', async () => {
    const { dispatcher, consume, settled } = await house({ attempts: 1 });
    const atWork: string[] = [];
    const consumer = await consume(
      async ({ jobId, shardId }, { signal }) => {
        atWork.push(`${jobId} ${shardId.slice(-1)}`);
        if (jobId !== 'gone') return;
        await aborted(signal);
        throw new NarratorError('cancelled', 'x');
      },
      { concurrency: 1 },
    );
    await dispatcher.dispatch(message(1, 'gone'));
    await until('it is at work', () => atWork.length === 1);
    await dispatcher.dispatch(message(2, 'gone'));
    await dispatcher.dispatch(message(3, 'stays'));
    await dispatcher.abortJob('gone');
    assert.deepEqual(settled, [['2', 'cancelled']]);
    assert.deepEqual(consumer.jobsAtWork(), ['gone']);
    consumer.abortJob('stays');
    consumer.abortJob('gone');
    await until('the others go on', () => settled.length === 3);
    assert.deepEqual(atWork, ['gone 1', 'stays 3']);
  });

  it('begins nothing while it is paused', async () => {
    const { dispatcher, consume } = await house();
    let runs = 0;
    await dispatcher.pause();
    await dispatcher.dispatch(message(1));
    await consume(async () => void (runs += 1));
    await delay(300);
    assert.equal(runs, 0);
    assert.equal(await dispatcher.capacity(), 63);
    await dispatcher.resume();
    await until('it goes on', () => runs === 1);
  });

  it('keeps the lock of a shard that takes many times as long as a lock lasts', async () => {
    const { dispatcher, consume, settled } = await house();
    const timing = { lockDurationMs: 400, stalledIntervalMs: 100 };
    const events: string[] = [];
    let runs = 0;
    const work = async () => {
      runs += 1;
      await delay(2_500);
    };
    for (let workers = 0; workers < 2; workers++)
      await consume(work, { ...timing, log: (event) => events.push(event) });
    await dispatcher.dispatch(message(1));
    await until('it is done', () => settled.length === 1);
    assert.deepEqual([runs, settled, events], [1, [['1', 'done']], []]);
  });

  it('brings the message of a worker that was killed to another one', async () => {
    const { dispatcher, consume, settled, queueName } = await house();
    const timing = { lockDurationMs: 600, stalledIntervalMs: 200 };
    const child = startHolder(redis.url, queueName);
    await dispatcher.dispatch(message(1));
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lastAttempts: boolean[] = [];
    await consume(async (_message, { lastAttempt }) => void lastAttempts.push(lastAttempt), timing);
    await until('it is done', () => settled.length === 1);
    assert.deepEqual([lastAttempts, settled], [[false], [['1', 'done']]], 'the death of a worker is no failed try');
  });

  it('finishes what is at work when it closes, and takes nothing more', async () => {
    const { dispatcher, consume, settled } = await house();
    const ended: string[] = [];
    const begun: string[] = [];
    const consumer = await consume(
      async ({ shardId }) => {
        begun.push(shardId);
        await delay(300);
        ended.push(shardId);
      },
      { concurrency: 1 },
    );
    for (const number of [1, 2]) await dispatcher.dispatch(message(number));
    await until('one is at work', () => begun.length === 1);
    const closed = consumer.close({ graceMs: 10_000 });
    assert.equal(consumer.close(), closed);
    await closed;
    assert.deepEqual([begun, ended], [[shardName(1)], [shardName(1)]]);
    await until('the first is settled', () => settled.length === 1);
    assert.equal(await dispatcher.capacity(), 63, 'the second waits for another worker');
  });

  it('gives back what it cannot finish within the grace, and the next worker has every try', async () => {
    const { dispatcher, consume, settled } = await house({ attempts: 2 });
    let begun = false;
    const consumer = await consume(async (_message, { signal }) => {
      begun = true;
      await aborted(signal);
      throw new NarratorError('engine_stopped', 'x');
    });
    await dispatcher.dispatch(message(1));
    await until('it is at work', () => begun);
    await consumer.close({ graceMs: 50 });
    const tries: boolean[] = [];
    await consume(async (_message, { lastAttempt }) => {
      tries.push(lastAttempt);
      if (tries.length === 1) throw crash();
    });
    await until('it is done', () => settled.length === 1);
    assert.deepEqual([tries, settled], [[false, true], [['1', 'done']]]);
  });

  it('closes also when a shard does not listen to its signal', async () => {
    const { dispatcher, consume } = await house();
    let begun = false;
    const consumer = await consume(() => {
      begun = true;
      return new Promise(() => {});
    });
    await dispatcher.dispatch(message(1));
    await until('it is at work', () => begun);
    await consumer.close({ graceMs: 10 });
  });

  it('leaves nothing behind that keeps its process alive, whether a shard hangs or Redis is away as well', async () => {
    for (const isAway of [false, true]) {
      const { dispatcher, queueName } = await house();
      const child = startHolder(redis.url, queueName);
      await dispatcher.dispatch(message(1));
      await once(child.stdout, 'data');
      if (isAway) await redis.down();
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const outcome = await Promise.race([exited, delay(15_000, 'it hangs')]);
      child.kill('SIGKILL');
      if (isAway) await redis.up();
      assert.deepEqual(outcome, [0, null], isAway ? 'without Redis' : 'with Redis');
    }
  });
});

function startHolder(redisUrl: string, queueName: string) {
  const arguments_ = [join(import.meta.dirname, 'holder.child.ts'), redisUrl, queueName];
  return spawn(process.execPath, ['--import', 'tsx', ...arguments_], { stdio: ['ignore', 'pipe', 'inherit'] });
}

describe('the BullMQ queue without Redis', { timeout: 120_000 }, () => {
  let redis: RedisServer;
  const events: string[] = [];
  const log = (event: string) => void events.push(event);
  before(async () => {
    redis = await RedisServer.start();
  });
  after(() => redis.end());

  it('fails fast as producer, waits as consumer, and loses nothing when Redis dies in mid-job', async () => {
    await redis.down();
    const queueName = 'away';
    const settled: string[] = [];
    const begun: string[] = [];
    const go = new AbortController();
    const options = { redisUrl: redis.url, queueName, log };
    const dispatcher = new BullmqDispatcher({ ...options, onSettled: ({ shardId }) => settled.push(shardId) });
    const consumer = new BullmqConsumer({
      ...options,
      concurrency: 2,
      lockDurationMs: 1_000,
      stalledIntervalMs: 300,
      handler: async ({ shardId }) => {
        begun.push(shardId);
        if (!go.signal.aborted) await aborted(go.signal);
      },
    });
    await dispatcher.start();
    await consumer.start();
    const away = { code: 'queue_unavailable' };
    await assert.rejects(dispatcher.dispatch(message(1)), away);
    await assert.rejects(dispatcher.capacity(), away);
    await assert.rejects(dispatcher.abortJob('job'), away);

    await redis.up();
    const ready = () =>
      dispatcher.capacity().then(
        () => true,
        () => false,
      );
    await until('Redis is back', ready);
    for (const number of [1, 2, 3, 4]) await dispatcher.dispatch(message(number));
    await until('two are at work', () => begun.length === 2);

    await redis.down();
    await assert.rejects(dispatcher.dispatch(message(5)), away);
    go.abort();
    await delay(1_500);
    await redis.up();
    await until('Redis is back', ready);
    await until('nothing is left', async () => (await dispatcher.capacity()) === 64);
    assert.deepEqual([...new Set(begun)].sort(), [1, 2, 3, 4].map(shardName));
    assert.ok(events.includes('queue.away') && events.includes('queue.back'));

    await redis.down();
    await Promise.all([consumer.close({ graceMs: 10 }), dispatcher.close()]);
    await assert.rejects(dispatcher.dispatch(message(6)), { code: 'engine_stopped' });
  });
});
