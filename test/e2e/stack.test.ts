/** The whole service on this machine: two APIs and two workers over S3 and Redis, with the built-in model. E2E_LINES=200 makes it long. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { MANIFEST_BUCKET, Stack, STORE_BUCKET } from '../support/stack.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';
import { jsonl, lines } from './manifests.ts';
import { parseWav } from './narration.ts';
import { FAST, jsonLines, Workplace } from './narrator-process.ts';

const LINES = Number(process.env.E2E_LINES ?? 30);

interface Job {
  readonly id: string;
  readonly status: string;
  readonly items: { readonly total: number; readonly succeeded: number; readonly failed: number };
}

describe('the stack', { timeout: 900_000 }, () => {
  let stack: Stack;
  let receiver: WebhookReceiver;
  before(async () => {
    stack = await Stack.start({ apis: 2, workers: 2 });
    receiver = await WebhookReceiver.start(stack.webhookSecret);
  });
  after(async () => {
    await receiver?.close();
    await stack?.end();
  });

  const wavsIn = (bucket: string, prefix: string) =>
    stack.s3.keysIn(bucket).filter((key) => key.startsWith(prefix) && key.endsWith('.wav'));
  const ask = (path: string, { at = 0, ...init }: RequestInit & { at?: number } = {}) =>
    fetch(`${stack.urls[at]}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${stack.adminKey}`, ...init.headers },
    });
  const jobOf = async (id: string, at = 0) => (await (await ask(`/v1/jobs/${id}`, { at })).json()) as Job;
  const until = async (what: string, isTrue: () => boolean | Promise<boolean>, timeoutMs = 240_000) => {
    for (const deadline = performance.now() + timeoutMs; !(await isTrue()); await delay(100)) {
      assert.ok(performance.now() < deadline, `not within ${timeoutMs} ms: ${what}`);
    }
  };

  test('every line ends as one WAV in S3, the webhook hears of it once, and the bytes are those of a run without any of it', async (t) => {
    const place = await Workplace.open(t);
    const env = stack.clientEnv;
    const items = lines(LINES);
    await place.write('m.jsonl', jsonl(items));
    const submitting = ['submit', 'm.jsonl', '--notify', receiver.url, '--metadata', 'book=7', ...FAST];
    const job = await place.json<Job>([...submitting, '--wait'], {
      env: { ...env, NARRATOR_WEBHOOK_SECRET: stack.webhookSecret },
    });
    assert.deepEqual([job.status, job.items.succeeded], ['completed', LINES]);
    assert.equal(wavsIn(STORE_BUCKET, `store/jobs/${job.id}/`).length, LINES);
    assert.deepEqual((await jobOf(job.id, 1)).items, job.items, 'the other API says something else');

    const fetched = await place.json<{ fetched: number }>(['fetch', job.id, '-o', 'out'], { env });
    assert.equal(fetched.fetched, LINES);
    assert.equal((await jsonLines(place.path('out/results.jsonl'))).length, LINES);
    const few = items.slice(0, 4);
    await place.write('few.jsonl', jsonl(few));
    await place.narrator(['run', 'few.jsonl', '-o', 'run', ...FAST]);
    for (const { id } of few) {
      const [here, there] = await Promise.all(
        ['out', 'run'].map((folder) => readFile(place.path(folder, `${id}.wav`))),
      );
      assert.ok(here?.equals(there as Buffer), `${id}.wav differs`);
    }

    await until('the webhook is told', () => receiver.events.some(({ data }) => data.jobId === job.id));
    const told = receiver.events.filter(({ data }) => data.jobId === job.id);
    assert.deepEqual([told.map(({ type }) => type), receiver.refused], [['job.completed'], []]);
  });

  test('a text that is spoken at once goes through the queue, and leaves no job behind', async () => {
    const body = JSON.stringify({ text: 'Good morning.', steps: 2, cfg: 0 });
    const headers = { 'content-type': 'application/json' };
    const answer = await ask('/tts', { method: 'POST', headers, body, at: 1 });
    assert.equal(answer.status, 200);
    assert.equal(parseWav(new Uint8Array(await answer.arrayBuffer())).sampleRateHz, 24_000);
    const bad = await ask('/tts', { method: 'POST', headers, body: JSON.stringify({ text: '🙂' }) });
    assert.equal(bad.status, 422);
    const left = () => stack.s3.keysIn(STORE_BUCKET).filter((key) => key.includes('/speech-'));
    await until('the jobs are deleted', () => left().length === 0, 30_000);
  });

  test('a manifest that is dropped into the bucket becomes a job, with its audio beside it', async () => {
    const manifest = jsonl(lines(3, 7));
    const dropped = await fetch(`${stack.s3.endpoint}/${MANIFEST_BUCKET}/in/emma.jsonl`, {
      method: 'PUT',
      body: manifest,
    });
    assert.ok(dropped.ok);
    await until('its audio is there', () => wavsIn(MANIFEST_BUCKET, 'in/emma/').length === 3);
    await until('its results are there', () => stack.s3.keysIn(MANIFEST_BUCKET).includes('in/emma/results.jsonl'));
  });

  test('a cancelled job stops within seconds, and what is finished is kept', async (t) => {
    const place = await Workplace.open(t);
    const env = stack.clientEnv;
    await place.write('long.jsonl', jsonl(lines(400, 3)));
    const job = await place.json<Job>(['submit', 'long.jsonl'], { env });
    await until('some of it is stored', () =>
      stack.s3.keysIn(STORE_BUCKET).some((key) => key.includes(`/${job.id}/plan/`)),
    );
    await place.json(['cancel', job.id], { env });
    await until('it is over', async () => (await jobOf(job.id)).status === 'cancelled', 60_000);
    const { items } = await jobOf(job.id);
    assert.equal(items.succeeded + items.failed, 400);
    assert.equal(wavsIn(STORE_BUCKET, `store/jobs/${job.id}/results/`).length, items.succeeded);
  });

  test('without Redis an API is alive and not ready, takes jobs, and they are done once it is back', async () => {
    const headers = { 'content-type': 'application/json' };
    await stack.redis.down();
    const status = async (path: string) => (await ask(path)).status;
    await until('it is not ready', async () => (await status('/readyz')) === 503);
    assert.equal(await status('/healthz'), 200);
    const text = 'The lamp was lit at six.';
    const body = JSON.stringify({ text, parameters: { steps: 2, cfg: 0 } });
    const accepted = await ask('/v1/jobs', { method: 'POST', headers, body });
    assert.equal(accepted.status, 202);
    const { id } = (await accepted.json()) as Job;
    await stack.redis.up();
    await until('it is ready again', async () => (await status('/readyz')) === 200);
    await until('the job is done', async () => (await jobOf(id)).status === 'completed');
  });

  test('SIGTERM ends every process in order, by itself', async () => {
    const codes = await Promise.all([...stack.apis, ...stack.workers].map((process) => process.down('SIGTERM')));
    assert.deepEqual(codes, [0, 0, 0, 0]);
  });
});
