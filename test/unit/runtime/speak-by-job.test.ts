import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller } from '../../../src/core/controller.ts';
import { processShard } from '../../../src/core/process-shard.ts';
import type { OpenResults } from '../../../src/core/results.ts';
import { submitJob } from '../../../src/core/submit-job.ts';
import type { Narrator } from '../../../src/runtime/narrator.ts';
import { sleep } from '../../../src/runtime/sleep.ts';
import { SpeechJobs } from '../../../src/runtime/speak-by-job.ts';
import { speechJob } from '../../../src/runtime/speak-text.ts';
import { audio, FakeEngine, model, planning } from '../core/fakes.ts';
import { MemoryStore } from '../core/memory-store.ts';

const now = () => new Date();
const narrator = {
  speechModel: model,
  choices: ({ voice = 'anna' }) => ({ defaults: { voice }, parameters: { steps: 4, cfg: 2, sway: -1 } }),
} as unknown as Narrator;

/** A store with workers that take nothing, or everything at once. */
function house({ works, timeoutMs = 5_000 }: { works: boolean; timeoutMs?: number }) {
  const store = new MemoryStore();
  const openResults: OpenResults = async (place) => ({ store, prefix: place.kind === 'store' ? place.prefix : '' });
  const engine = new FakeEngine();
  const written: string[] = [];
  store.beforePut = (key) => void written.push(key);
  const controller: Controller = new Controller({
    ...{ store, openResults, audio, now, planning, sleep },
    intervalMs: 2,
    cancelGraceMs: 1,
    subscriptions: [{ kind: 'sqs', queueUrl: 'everything' }],
    dispatcher: {
      start: async () => undefined,
      close: async () => undefined,
      capacity: async () => 10,
      dispatch: async (message) => {
        if (!works) return;
        const run = { signal: new AbortController().signal, lastAttempt: true };
        await processShard(message, run, { store, openResults, engine, modelDigest: model.digest, audio, now });
        controller.settled(message);
      },
    },
  });
  const stop = new AbortController();
  const running = controller.run(stop.signal);
  const speech = new SpeechJobs({
    ...{ narrator, store, openResults, timeoutMs },
    pollMs: 2,
    wake: () => controller.wake(),
    log: (event) => assert.fail(event),
  });
  const end = async (isClear = () => store.keys().length === 0) => {
    for (let tries = 0; !isClear(); tries++) {
      assert.ok(tries < 1_000, `left: ${store.keys().join(' ')}`);
      await delay(2);
    }
    await speech.close();
    stop.abort();
    await running;
  };
  return { speech, store, written, end };
}

const patient = new AbortController().signal;

test('a text becomes a job, its audio is the answer, and nothing of it stays or is told to the deployment', async () => {
  const { speech, end, written } = house({ works: true });
  const { wav, samples } = await speech.speak('Good morning.', {}, patient);
  assert.ok(samples > 0 && wav.length > samples);
  await end();
  assert.ok(written.some((key) => key.endsWith('speech.wav')));
  assert.deepEqual(
    written.filter((key) => key.includes('outbox') || key.includes('/events/')),
    [],
  );
});

test('what is wrong with a text is said as it is for every text', async () => {
  const { speech, end } = house({ works: true });
  await assert.rejects(speech.speak('Hello.', { voice: 'nobody' }, patient), { code: 'voice_not_found' });
  await end();
});

test('without workers the time limit is named, and the job is cancelled and deleted', async () => {
  const { speech, end } = house({ works: false, timeoutMs: 50 });
  await assert.rejects(speech.speak('Hello.', {}, patient), { code: 'engine_timeout', message: /within 0\.05 s/ });
  await end();
});

test('a client that leaves has its job cancelled and deleted', async () => {
  const { speech, end } = house({ works: false });
  const client = new AbortController();
  const answer = speech.speak('Hello.', {}, client.signal);
  setTimeout(() => client.abort(), 20);
  await assert.rejects(answer, { code: 'cancelled' });
  await end();
});

test('what killed servers left is cleared away, and nothing of clients, whatever they call their jobs', async (t) => {
  const { speech, store, end } = house({ works: false });
  const submit = (id: string, more: { quiet?: true }) =>
    submitJob({ ...speechJob(narrator, 'Good morning.', {}), id, ...more }, { store, now, newId: () => id });
  await submit('speech-left', { quiet: true });
  await submit('speech-of-the-king', {});
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 2 * 3_600_000 });
  await speech.sweep();
  await end(() => !store.keys().some((key) => key.includes('speech-left')));
  t.mock.timers.reset();
  assert.ok(store.keys().includes('jobs/speech-of-the-king/job.json'));
  assert.deepEqual(
    store.keys().filter((key) => key.endsWith('cancel.json')),
    [],
  );
});
