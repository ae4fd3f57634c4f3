/**
 * The whole service while everything around it fails: workers and the API are killed, Redis restarts, messages are doubled,
 * the store answers late or not at all, and the receiver of webhooks is as bad. E2E_LINES=5000 makes it long, E2E_SEED
 * repeats its choices. A stand-in engine hums in place of speaking: what is tested is that nothing gets lost.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Stack } from '../support/stack.ts';
import { UnreliableProxy } from '../support/unreliable-proxy.ts';
import { type ReceivedEvent, WebhookReceiver } from '../support/webhook-receiver.ts';
import { linesWithBroken, seededRandom } from './manifests.ts';
import { ask, type Job, keysBelow, linesOf, requestHeaders, until, wavsOf } from './stack-client.ts';

const LINES = Number(process.env.E2E_LINES ?? 250);
const SEED = Number(process.env.E2E_SEED ?? Date.now() % 1_000_000);
const DEADLINE_MS = Math.max(20, LINES / 125) * 60_000;
const QUEUE = 'f5-narrator';

test('every item ends as one WAV file or one named error, and every event is told, whatever fails meanwhile', async (t) => {
  t.diagnostic(`${LINES} lines; choices by E2E_SEED=${SEED}`);
  const random = seededRandom(SEED);
  let proxy: UnreliableProxy | undefined;
  const stack = await Stack.start({
    workers: 3,
    worker: { standIn: { delayMs: 150 }, lockDurationMs: 4_000, stalledIntervalMs: 1_000 },
    reachS3By: async (endpoint) => (proxy = await UnreliableProxy.start(endpoint)).url,
    env: { NARRATOR_LOG_LEVEL: 'info' },
  });
  t.after(() => stack.end());
  t.after(() => proxy?.close());
  assert.ok(proxy !== undefined);
  const receiver = await WebhookReceiver.start(stack.webhookSecret);
  t.after(() => receiver.close());
  // The third try of a delivery comes after five minutes: one that is refused must not be killed as well, or refused again.
  const delivered = new Set<string>();
  let refusals = 0;
  let mayRefuse = true;
  receiver.answerWith(({ id }) => {
    const isFirst = !delivered.has(id);
    delivered.add(id);
    if (!isFirst || !mayRefuse || (refusals > 0 && random() >= 0.3)) return 204;
    refusals += 1;
    return 500;
  });

  const { items, broken } = linesWithBroken(LINES, SEED);
  const events = ['job.planned', 'job.progress', 'item.failed', 'job.completed', 'job.partially_failed', 'job.failed'];
  const job = await ask<Job>(stack, 'POST', '/v1/jobs', {
    items,
    shardSeconds: 10,
    notify: [{ kind: 'webhook', url: receiver.url, events }],
  });
  // From here on: 5 % of the requests to the store are refused, 1 % answered after 5 s.
  proxy.reset(() => {
    const chance = random();
    if (chance < 0.05) return { kind: 'status', status: 503, code: 'SlowDown' };
    return chance < 0.06 ? { kind: 'slow', afterMs: 5_000 } : undefined;
  });

  const stop = new AbortController();
  const doubled = { count: 0 };
  const chaos = Promise.all([
    killWorkers(stack, random, stop.signal),
    doubleMessages(stack, random, stop.signal, doubled),
  ]);
  let restarts = 0;
  let finished: Job | undefined;
  const startedAt = performance.now();
  try {
    while (finished === undefined) {
      assert.ok(performance.now() - startedAt < DEADLINE_MS, `the job is not finished:\n${stack.apis[0]?.output}`);
      await delay(300);
      const seen = await ask<Job>(stack, 'GET', `/v1/jobs/${job.id}`).catch(() => undefined);
      if (seen === undefined) continue;
      if (!['planning', 'running'].includes(seen.status)) finished = seen;
      else if (restarts < 3 && seen.percent >= [15, 40, 65][restarts]!) {
        mayRefuse = false;
        await restart(stack, restarts++);
      }
    }
  } finally {
    stop.abort();
    await chaos;
  }
  proxy.reset();
  t.diagnostic(
    `finished after ${Math.round((performance.now() - startedAt) / 1000)} s; ${restarts} restarts, ${doubled.count} messages doubled`,
  );
  assert.equal(restarts, 3, 'the job was finished before everything had been restarted: take more lines');
  assert.ok(doubled.count > 0);

  await t.test('each item is there once, as a WAV file or as an error with its line', async () => {
    const good = items.filter(({ id }) => !broken.has(id)).map(({ id }) => id);
    assert.equal(finished.status, 'partially_failed');
    assert.deepEqual([finished.items.succeeded, finished.items.failed], [good.length, broken.size]);
    const results = await linesOf<{ item: string; samples: number }>(stack, `/v1/jobs/${job.id}/results`);
    assert.deepEqual(
      results.map(({ item }) => item),
      good,
    );
    const errors = await linesOf<{ item: string; line: number; code: string }>(stack, `/v1/jobs/${job.id}/errors`);
    assert.deepEqual(
      errors.map(({ item, code }) => [item, code]),
      [...broken],
    );
    assert.deepEqual(wavsOf(stack, job.id), good);
    const named = (folder: string) => keysBelow(stack, `jobs/${job.id}/${folder}/shard-`).length;
    assert.ok(named('plan') > 10);
    assert.equal(named('records'), named('plan'), 'a shard has one record');
    for (const { item, samples } of [results[0]!, results.at(-1)!, results[Math.floor(results.length / 2)]!]) {
      const audio = await fetch(`${stack.url}/v1/jobs/${job.id}/items/${item}/audio`, {
        headers: requestHeaders(stack),
      });
      assert.equal((await audio.arrayBuffer()).byteLength, 44 + 2 * samples, item);
    }
  });

  await t.test('each event came at least once, with a good signature, and under one id', async () => {
    await until(() => keysBelow(stack, 'outbox/').length === 0, 120_000, 'deliveries are owed still');
    assert.deepEqual(receiver.refused, []);
    assert.ok(refusals > 0);
    const ids = new Map<string, Set<string>>();
    for (const event of receiver.events) {
      const fact = `${event.type} ${detailOf(event)}`;
      ids.set(fact, (ids.get(fact) ?? new Set()).add(event.id));
    }
    const facts = [...ids.keys()];
    const expected = ['job.planned ', ...[...broken.keys()].map((id) => `item.failed ${id}`), 'job.partially_failed '];
    const isMilestone = (fact: string) => /^job\.progress (25|50|75)$/.test(fact);
    assert.deepEqual(facts.filter((fact) => !isMilestone(fact)).sort(), expected.sort());
    // One that is passed while the controller is down is not told afterwards.
    assert.ok(facts.some(isMilestone));
    for (const [fact, those] of ids) assert.equal(those.size, 1, fact);
    assert.deepEqual(keysBelow(stack, 'open/'), [], 'the job is still listed as open');
  });
});

/** One after another, each up again a second later. */
async function killWorkers(stack: Stack, random: () => number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(2_000 + 3_000 * random(), signal);
    const worker = stack.workers[Math.floor(random() * stack.workers.length)]!;
    await worker.down('SIGKILL');
    await pause(1_000, signal);
    await worker.up();
  }
}

/** One message in twenty is there twice. */
async function doubleMessages(
  stack: Stack,
  random: () => number,
  signal: AbortSignal,
  doubled: { count: number },
): Promise<void> {
  const { port } = stack.redis;
  const queue = new Queue<{ attempt: number }>(QUEUE, { connection: { host: '127.0.0.1', port } });
  // Redis is restarted on purpose: it connects again.
  queue.on('error', () => undefined);
  const seen = new Set<string>();
  while (!signal.aborted) {
    await pause(200, signal);
    const waiting = await queue.getJobs(['waiting', 'prioritized', 'active']).catch(() => []);
    for (const message of waiting) {
      const id = message?.id;
      if (id === undefined || seen.has(id) || message.data.attempt >= 90) continue;
      seen.add(id);
      if (doubled.count > 0 && random() >= 0.05) continue;
      const data = { ...message.data, attempt: message.data.attempt + 90 };
      const added = await queue
        .add('shard', data, { jobId: id.replace(/_\d+$/, `_${data.attempt}`), priority: 1 })
        .catch(() => undefined);
      if (added !== undefined) doubled.count += 1;
    }
  }
  await queue.close().catch(() => undefined);
}

/** Redis, the API, and Redis again: killed, and up a little later. */
async function restart(stack: Stack, which: number): Promise<void> {
  const process = which === 1 ? stack.apis[0]! : stack.redis;
  await process.down('SIGKILL');
  await delay(500);
  await process.up();
}

function detailOf({ data }: ReceivedEvent): string {
  const { percent, item } = data as { percent?: number; item?: string };
  return item ?? percent?.toString() ?? '';
}

const pause = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal }).catch(() => undefined);
