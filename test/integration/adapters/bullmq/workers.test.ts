/** A controller here, two workers as child processes, a folder as ledger: what may be killed, restarted and doubled while they work. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BullmqDispatcher } from '../../../../src/adapters/dispatch-bullmq.ts';
import { openFilesystemStore } from '../../../../src/adapters/store-filesystem.ts';
import { audioFunctions } from '../../../../src/audio/audio-functions.ts';
import { cancelJob } from '../../../../src/core/cancel-job.ts';
import { Controller } from '../../../../src/core/controller.ts';
import type { ArtifactStore, Dispatcher } from '../../../../src/core/ports.ts';
import type { JobSummary } from '../../../../src/core/record.ts';
import { submitJob } from '../../../../src/core/submit-job.ts';
import { jsonLines, planning, request } from '../../../unit/core/fakes.ts';
import { RedisServer } from '../../../support/redis-server.ts';
import { until } from './until.ts';

const now = () => new Date();

describe('workers that share a queue', { timeout: 180_000 }, () => {
  let redis: RedisServer;
  let root: string;
  const children = new Set<ChildProcess>();
  before(async () => {
    redis = await RedisServer.start();
    root = await mkdtemp(join(tmpdir(), 'narrator-workers-'));
  });
  after(async () => {
    await Promise.all([...children].map((child) => end(child, 'SIGKILL')));
    await redis.end();
    await rm(root, { recursive: true });
  });

  function startWorker(folder: string, queue: string): ChildProcess {
    const environment = { NARRATOR_STORE: folder, NARRATOR_REDIS_URL: redis.url, NARRATOR_QUEUE: queue };
    const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'worker.child.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...environment, NARRATOR_LOG_LEVEL: 'silent', NARRATOR_CONCURRENCY: '3' },
    });
    children.add(child);
    child.stdout?.resume();
    return child;
  }

  async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    children.delete(child);
    if (child.exitCode !== null) return child.exitCode;
    const exited = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    return (await exited)[0];
  }

  /** A job under a controller that runs until the job is finished. `share` of the messages is doubled. */
  async function startJob(name: string, manifest: string, share = 0) {
    const folder = join(root, name);
    const store = await openFilesystemStore({ root: folder });
    const queue = new BullmqDispatcher({
      redisUrl: redis.url,
      queueName: name,
      window: 16,
      retryDelayMs: 50,
      onSettled: (message, error) => controller.settled(message, error),
    });
    const dispatcher: Dispatcher = {
      start: () => queue.start(),
      capacity: () => queue.capacity(),
      close: () => queue.close(),
      dispatch: async (message) => {
        await queue.dispatch(message);
        if (Math.random() < share) await queue.dispatch({ ...message, attempt: message.attempt + 100 });
      },
    };
    const stop = new AbortController();
    let summary: JobSummary | undefined;
    const controller = new Controller({
      store,
      openResults: async () => ({ store, prefix: 'results/' }),
      audio: audioFunctions,
      now,
      dispatcher,
      planning,
      intervalMs: 100,
      retryDelayMs: 200,
      shardDeadlineMs: 10_000,
      sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
      onEvent: (event) => {
        if (event.type !== 'finished') return;
        summary = event.summary;
        stop.abort();
      },
    });
    const results = { kind: 'store', prefix: 'results/' } as const;
    await submitJob(request(manifest, { id: name, shardSeconds: 1, results }), { store, now, newId: randomUUID });
    await dispatcher.start();
    const running = controller.run(stop.signal);
    const finished = async (): Promise<JobSummary> => {
      await running;
      await dispatcher.close();
      return summary ?? assert.fail('the controller ended, and the job did not');
    };
    const records = () => countOf(store, `jobs/${name}/records/`);
    return { folder, store, records, finished };
  }

  it('end every item as one WAV or one named error, whoever dies, and whatever is doubled', async () => {
    const items = Array.from({ length: 200 }, (_, n) => ({ id: `item-${n}`, text: `This is the short line ${n}.` }));
    const manifest = jsonLines(...items.slice(0, 100), { id: 'bad', text: '' }, ...items.slice(100));
    const { folder, records, finished } = await startJob('whole', manifest, 0.05);
    let mortal = startWorker(folder, 'whole');
    const steady = startWorker(folder, 'whole');

    for (let kills = 0; kills < 2; kills++) {
      // It says when it begins a segment: it is killed in the middle of one.
      for (let segments = 0; segments < 3; segments++) await once(mortal.stdout ?? assert.fail(), 'data');
      await end(mortal, 'SIGKILL');
      mortal = startWorker(folder, 'whole');
    }
    await redis.down();
    const recorded = await records();
    await delay(500);
    await redis.up();

    const summary = await finished();
    const outcomes = [...(await lines(folder, 'results.jsonl')), ...(await lines(folder, 'errors.jsonl'))];
    const wavs = (await readdir(join(folder, 'results'), { recursive: true })).filter((file) => file.endsWith('.wav'));
    const succeeded = await lines(folder, 'results.jsonl');
    assert.deepEqual(outcomes.map(({ item }) => item).sort(), [...items.map(({ id }) => id), 'bad'].sort());
    assert.equal(wavs.length, succeeded.length);
    assert.ok(recorded > 0 && recorded < (await records()), 'Redis was restarted before or after the job');
    const failures = await lines(folder, 'errors.jsonl');
    assert.ok(failures.length <= 5, `too many failed: ${JSON.stringify(failures)}`);
    for (const { item, code } of failures) assert.equal(code, item === 'bad' ? 'text_empty' : 'engine_crashed');
    assert.equal(summary.succeeded, wavs.length);
    assert.deepEqual(await Promise.all([mortal, steady].map((child) => end(child, 'SIGTERM'))), [0, 0]);
  });

  it('stop within seconds what is at work of a cancelled job, and keep what is finished', async () => {
    const items = Array.from({ length: 400 }, (_, n) => ({ id: `item-${n}`, text: `This is the short line ${n}.` }));
    const { folder, store, records, finished } = await startJob('cancelled', jsonLines(...items));
    const worker = startWorker(folder, 'cancelled');
    await until('some shards are recorded', async () => (await records()) >= 3, 60_000);
    await cancelJob('cancelled', { store, now });
    const summary = await finished();
    assert.equal(summary.outcome, 'cancelled');
    assert.ok(summary.succeeded > 0 && summary.succeeded < 400);
    assert.equal((await lines(folder, 'errors.jsonl')).length, 400 - summary.succeeded);
    assert.equal(await end(worker, 'SIGTERM'), 0);
  });
});

async function countOf(store: ArtifactStore, prefix: string): Promise<number> {
  let count = 0;
  for await (const _object of store.list(prefix)) count += 1;
  return count;
}

async function lines(folder: string, file: string): Promise<{ item: string; code?: string }[]> {
  const text = await readFile(join(folder, 'results', file), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { item: string; code?: string });
}
