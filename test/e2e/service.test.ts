/** `narrator serve` with the model in its own process, and the command line as its client: nothing else to start. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { jsonl, lines } from './manifests.ts';
import { FAST, jsonLines, LOGGING, type NarratorProcess, Workplace } from './narrator-process.ts';

interface Job {
  readonly id: string;
  readonly status: string;
  readonly items: { readonly total: number; readonly succeeded: number; readonly failed: number };
}

interface Served {
  readonly place: Workplace;
  readonly env: Record<string, string>;
  /** the server that runs now */
  readonly server: () => NarratorProcess;
  /** starts one on the same port, with the same folder */
  readonly restart: (env?: Record<string, string>) => Promise<void>;
}

async function serve(t: TestContext): Promise<Served> {
  const place = await Workplace.open(t);
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  let running: NarratorProcess;
  const restart = async (env = {}) => {
    running = place.start(['serve', '--port', port], { env: { ...LOGGING, ...env } });
    for (let tries = 0; !(await isReady(url)); tries++) {
      assert.ok(tries < 900, 'the server does not become ready');
      await delay(100);
    }
  };
  await restart();
  return { place, env: { NARRATOR_URL: url }, server: () => running, restart };
}

const isReady = (url: string) =>
  fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );

test('a job that is handed in, watched and fetched has the bytes that run gives, and its bad line by name', async (t) => {
  const { place, env } = await serve(t);
  const manifest = jsonl([...lines(5), { id: 'bad', text: '' }]);
  await place.write('m.jsonl', manifest);

  const job = await place.json<Job>(['submit', 'm.jsonl', ...FAST], { env });
  const finished = await place.json<Job>(['watch', job.id], { env, exitCode: 3 });
  assert.deepEqual([finished.status, finished.items.succeeded, finished.items.failed], ['partially_failed', 5, 1]);
  const fetched = await place.json<{ fetched: number }>(['fetch', job.id, '-o', 'fetched'], { env, exitCode: 3 });
  assert.equal(fetched.fetched, 5);

  await place.narrator(['run', 'm.jsonl', '-o', 'run', ...FAST], { exitCode: 3 });
  for (const { id } of lines(5)) {
    const [here, there] = await Promise.all(
      ['fetched', 'run'].map((folder) => readFile(place.path(folder, `${id}.wav`))),
    );
    assert.ok(here?.equals(there as Buffer), `${id}.wav differs`);
  }
  const [error, ...others] = await jsonLines<{ item: string; code: string; line: number }>(
    place.path('fetched/errors.jsonl'),
  );
  assert.deepEqual([error?.item, error?.code, error?.line, others], ['bad', 'text_empty', 6, []]);

  // What is there and whole is left alone; what is not is fetched again.
  await place.write('fetched/line-0001.wav', 'not whole');
  const again = await place.json<{ fetched: number; alreadyThere: number }>(['fetch', job.id, '-o', 'fetched'], {
    env,
    exitCode: 3,
  });
  assert.deepEqual([again.fetched, again.alreadyThere], [1, 4]);

  const { data } = await place.json<{ data: Job[] }>(['status'], { env });
  assert.deepEqual(
    data.map(({ id, status }) => [id, status]),
    [[job.id, 'partially_failed']],
  );
});

test('a server that is stopped in mid-job goes on after its restart, and who watches the job sees its end', async (t) => {
  const { place, env, server, restart } = await serve(t);
  // More than are spoken while the server ends in order.
  const items = lines(80);
  await place.write('m.jsonl', jsonl(items));
  const job = await place.json<Job>(['submit', 'm.jsonl', '--idempotency-key', 'book-1', ...FAST], { env });
  const watching = place.start(['watch', job.id, '--json'], { env });
  assert.ok(await server().reaches('batch_done', 1));
  server().kill('SIGTERM');
  assert.equal((await server().finished).exitCode, 0);
  assert.equal(server().logged('job.finished').length, 0, 'the job was finished before the server was stopped');

  await restart();
  const { exitCode, stdout } = await watching.finished;
  const finished = JSON.parse(stdout.toString()) as Job;
  assert.deepEqual([exitCode, finished.status, finished.items.succeeded], [0, 'completed', items.length]);

  const same = await place.json<Job>(['submit', 'm.jsonl', '--idempotency-key', 'book-1', ...FAST], { env });
  assert.equal(same.id, job.id, 'the same key is the same job');
  await place.write('m.jsonl', jsonl(items.slice(1)));
  const conflict = await place.json<{ error: { code: string } }>(
    ['submit', 'm.jsonl', '--idempotency-key', 'book-1', ...FAST],
    { env, exitCode: 1 },
  );
  assert.equal(conflict.error.code, 'job_conflict');
});

test('the first key closes the server, keys are let in by what they may do, and a revoked one is not', async (t) => {
  const { place, env } = await serve(t);
  const list = (key: string, exitCode: number) =>
    place.json<{ error?: { code: string } }>(['status'], { env: { ...env, NARRATOR_API_KEY: key }, exitCode });
  await place.json(['status'], { env });
  const made = await place.json<{ key: string; id: string }>([
    'keys',
    'create',
    '--name',
    'reader',
    '--scopes',
    'read',
  ]);
  const refusedBy = async (key: string): Promise<string> => {
    for (let tries = 0; tries < 60; tries++) {
      const response = await fetch(`${env['NARRATOR_URL']}/v1/jobs`, { headers: { authorization: `Bearer ${key}` } });
      if (!response.ok) return ((await response.json()) as { code: string }).code;
      await delay(500);
    }
    return 'nobody';
  };
  assert.equal(await refusedBy('nk_none'), 'api_key_invalid');
  const keyless = await place.json<{ error: { code: string; hint: string } }>(['status'], { env, exitCode: 1 });
  assert.equal(keyless.error.code, 'api_key_missing');
  await list(made.key, 0);
  const submitted = await place.json<{ error: { code: string } }>(['submit', '-'], {
    env: { ...env, NARRATOR_API_KEY: made.key },
    input: 'Good morning.',
    exitCode: 1,
  });
  assert.equal(submitted.error.code, 'scope_missing');
  await place.json(['keys', 'revoke', made.id]);
  assert.equal(await refusedBy(made.key), 'api_key_invalid');
});

test('wrong use, a server that is not there and an interruption are told in JSON as well', async (t) => {
  const place = await Workplace.open(t);
  const env = { NARRATOR_URL: `http://127.0.0.1:${await freePort()}` };
  const usage = await place.json<{ error: { code: string } }>(['fetch', 'job'], { env, exitCode: 2 });
  assert.equal(usage.error.code, 'usage');
  const away = await place.json<{ error: { code: string; retryable: boolean } }>(['status'], { env, exitCode: 1 });
  assert.deepEqual([away.error.code, away.error.retryable], ['server_unreachable', true]);
  const waiting = place.start(['watch', 'job', '--json'], { env });
  // It says once that it tries again.
  await once(waiting.child.stderr as NodeJS.ReadableStream, 'data');
  waiting.kill('SIGINT');
  const { exitCode, stdout } = await waiting.finished;
  assert.deepEqual([exitCode, (JSON.parse(stdout.toString()) as typeof usage).error.code], [130, 'cancelled']);
});
