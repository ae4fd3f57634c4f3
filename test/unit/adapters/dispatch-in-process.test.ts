import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InProcessDispatcher, type ShardRun } from '../../../src/adapters/dispatch-in-process.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import type { ShardMessage } from '../../../src/core/ports.ts';

const message = (shardId: string, jobId = 'job'): ShardMessage => ({ jobId, shardId, attempt: 1 });

/** A dispatcher whose shards end when the test says so, and whose delays are over at once. */
function house(options: { concurrency?: number; attempts?: number } = {}) {
  const running = new Map<string, { run: ShardRun; end: (error?: Error) => void }>();
  const settled: [string, string | undefined][] = [];
  const delays: number[] = [];
  const dispatcher = new InProcessDispatcher({
    ...options,
    handler: ({ shardId }, run) =>
      new Promise<void>((resolve, reject) => {
        const end = (error?: Error) => {
          running.delete(shardId);
          if (error === undefined) resolve();
          else reject(error);
        };
        running.set(shardId, { run, end });
      }),
    sleep: async (ms) => void delays.push(ms),
    random: () => 1,
    onSettled: ({ shardId }, error) => settled.push([shardId, error?.code]),
  });
  const end = async (shardId: string, error?: Error) => {
    (running.get(shardId) ?? assert.fail(`${shardId} is not at work`)).end(error);
    await tick();
  };
  return { dispatcher, running, settled, delays, end, atWork: () => [...running.keys()] };
}
const tick = () => new Promise((resolve) => setImmediate(resolve));
const crash = () => new NarratorError('engine_crashed', 'x');

describe('the dispatcher in this process', () => {
  it('holds so many shards at once, some more in waiting, and says how many it wants', async () => {
    const { dispatcher, atWork, end } = house({ concurrency: 2 });
    await dispatcher.start();
    assert.equal(await dispatcher.capacity(), 4);
    for (const id of ['a', 'b', 'c', 'd']) await dispatcher.dispatch(message(id));
    assert.deepEqual(atWork(), ['a', 'b']);
    assert.equal(await dispatcher.capacity(), 0);
    await end('a');
    assert.deepEqual(atWork(), ['b', 'c']);
    assert.equal(await dispatcher.capacity(), 1);
  });

  it('takes the more urgent of what waits first, and the longest waiting of those that are equal', async () => {
    const { dispatcher, atWork } = house({ concurrency: 4 });
    for (const [id, priority] of [
      ['a', 0],
      ['low', -1],
      ['b', undefined],
      ['urgent', 10],
    ] as const) {
      await dispatcher.dispatch({ ...message(id), ...(priority !== undefined && { priority }) });
    }
    await dispatcher.start();
    assert.deepEqual(atWork(), ['urgent', 'a', 'b', 'low']);
  });

  it('starts nothing before it is started', async () => {
    const { dispatcher, atWork } = house();
    await dispatcher.dispatch(message('a'));
    assert.deepEqual(atWork(), []);
    await dispatcher.start();
    assert.deepEqual(atWork(), ['a']);
  });

  it('does not take a shard twice that waits or is at work, whatever the attempt', async () => {
    const { dispatcher, atWork, end, settled } = house({ concurrency: 1 });
    await dispatcher.start();
    for (const id of ['a', 'b', 'a', 'b']) await dispatcher.dispatch({ ...message(id), attempt: 2 });
    await end('a');
    await end('b');
    assert.deepEqual(atWork(), []);
    assert.deepEqual(settled, [
      ['a', undefined],
      ['b', undefined],
    ]);
  });

  it('tries again what may pass, later and later, and says when it is the last time', async () => {
    const { dispatcher, running, delays, settled, end } = house({ attempts: 3 });
    await dispatcher.start();
    await dispatcher.dispatch(message('a'));
    for (const isLast of [false, false, true]) {
      assert.equal(running.get('a')?.run.lastAttempt, isLast);
      await end('a', crash());
    }
    assert.deepEqual(delays, [500, 1000]);
    assert.deepEqual(settled, [['a', 'engine_crashed']]);
  });

  it('does not try again what cannot succeed, and goes on with the others', async () => {
    const { dispatcher, settled, end, atWork } = house({ concurrency: 1 });
    await dispatcher.start();
    await dispatcher.dispatch(message('a'));
    await dispatcher.dispatch(message('b'));
    await end('a', new TypeError('a defect'));
    assert.deepEqual(settled, [['a', 'internal']]);
    assert.deepEqual(atWork(), ['b']);
  });

  it('stops the shards of a job that is cancelled, and no others', async () => {
    const { dispatcher, running, settled } = house({ concurrency: 2 });
    await dispatcher.start();
    for (const [id, job] of [
      ['a', 'one'],
      ['b', 'two'],
      ['c', 'one'],
      ['d', 'two'],
    ] as const) {
      await dispatcher.dispatch(message(id, job));
    }
    dispatcher.abortJob('one');
    assert.equal(running.get('a')?.run.signal.aborted, true);
    assert.equal(running.get('b')?.run.signal.aborted, false);
    assert.deepEqual(settled, [['c', 'cancelled']]);
    assert.equal(await dispatcher.capacity(), 1);
  });

  it('waits for what is at work when it closes, tells it to stop after the grace, and takes nothing more', async () => {
    const { dispatcher, running, end, settled } = house({ concurrency: 1 });
    await dispatcher.start();
    await dispatcher.dispatch(message('a'));
    await dispatcher.dispatch(message('b'));
    const closed = dispatcher.close();
    assert.equal(dispatcher.close(), closed);
    await tick();
    // This test's sleep is over at once: so is the grace.
    assert.equal(running.get('a')?.run.signal.aborted, true);
    await assert.rejects(dispatcher.dispatch(message('c')), { code: 'engine_stopped' });
    assert.equal(await dispatcher.capacity(), 0);
    await end('a', new NarratorError('engine_stopped', 'x'));
    await closed;
    assert.deepEqual(settled, [['a', 'engine_stopped']]);
    assert.deepEqual([...running.keys()], [], 'what waited is not started');
  });
});
