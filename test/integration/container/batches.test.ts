/** The built-in model with the batches of a GPU: invocations that come together go through it together, and nobody hears it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ContainerProcess, pinged, startContainer } from '../../support/container-process.ts';
import { until } from '../adapters/bullmq/until.ts';
import { invoke, openPlannedJobs, type PlannedJobs, receiptOf } from './planned-jobs.ts';

const SEGMENTS = 8;
const TEXTS = ['The boat', 'A cart', 'My coat', 'His hat', 'One leaf', 'The lamp', 'A letter', 'Her song'];
const FIRST = TEXTS.map((text) => `${text} was lost this morning.`);
const SECOND = TEXTS.map((text) => `${text} was found in the evening.`);

let jobs: PlannedJobs;
before(async () => {
  jobs = await openPlannedJobs();
});
after(() => jobs.close());

/** Every file of both jobs, from a container that gets them as `both` says. */
async function spoken(
  name: string,
  batches: boolean,
  both: (container: ContainerProcess, calls: (() => Promise<unknown>)[]) => Promise<void>,
): Promise<Buffer[]> {
  const container = await startContainer({
    settings: { batches },
    env: { ...jobs.env, NARRATOR_METRICS_PORT: '0' },
  });
  try {
    const names = [`${name}-first`, `${name}-second`];
    const shards = await Promise.all(
      [FIRST, SECOND].map((texts, at) => jobs.plan(names[at] as string, texts, { reuse: false })),
    );
    assert.deepEqual(
      shards.map(({ parts }) => parts.flatMap(({ segments }) => segments).length),
      [SEGMENTS, SEGMENTS],
    );
    await both(
      container,
      shards.map((shard) => async () => {
        assert.deepEqual((await receiptOf(invoke(container.url, shard))).items, { done: SEGMENTS, failed: 0 });
      }),
    );
    const files = names.flatMap((id) => Array.from({ length: SEGMENTS }, (_, at) => jobs.wav(id, at + 1)));
    return (await Promise.all(files)).map((wav) => Buffer.from(wav ?? []));
  } finally {
    await container.process.down();
  }
}

/** Batches that held more segments than `size`, as the metrics tell it. */
async function batchesAbove(size: number, container: ContainerProcess): Promise<number> {
  const port = String(container.logged('container.metrics')[0]?.['port']);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const value = (name: string) =>
    Number(
      metrics
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1],
    );
  return value('narrator_batch_segments_count') - value(`narrator_batch_segments_bucket{le="${size}"}`);
}

test('two invocations of eight segments share batches, and each file is what it is alone', async () => {
  const together = await spoken('together', true, async (container, calls) => {
    // While the engine is at work on something else, what both invocations ask for gathers.
    const before = fetch(`${container.url}/tts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'Something else is spoken before.', steps: 16 }),
    });
    await Promise.all(calls.map((call) => call()));
    assert.equal((await before).status, 200);
    assert.equal(await pinged(container.url), 200);
    // A batch of more than eight has segments of both.
    assert.ok((await batchesAbove(SEGMENTS, container)) > 0);
  });
  const alone = await spoken('alone', false, async (container, calls) => {
    for (const call of calls) await call();
    await until('every batch is told of', () => container.logged('batch_done').length === 2 * SEGMENTS);
    assert.equal(await batchesAbove(1, container), 0);
  });
  assert.equal(alone.length, 2 * SEGMENTS);
  for (const [at, wav] of alone.entries()) {
    assert.ok(wav.byteLength > 10_000);
    assert.ok(wav.equals(together[at] as Buffer), `file ${at + 1} sounds otherwise`);
  }
});
