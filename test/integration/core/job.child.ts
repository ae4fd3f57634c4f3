/**
 * Runs a job on a folder to its end, with an engine that is a stand-in, and writes one character to standard output before every
 * write to the store: the parent kills it at one of them. Arguments: the folder, the manifest.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { InProcessDispatcher } from '../../../src/adapters/dispatch-in-process.ts';
import { openFilesystemStore } from '../../../src/adapters/store-filesystem.ts';
import { Controller } from '../../../src/core/controller.ts';
import type { ArtifactStore } from '../../../src/core/ports.ts';
import { processShard } from '../../../src/core/process-shard.ts';
import { JobReader } from '../../../src/core/read-job.ts';
import { submitJob } from '../../../src/core/submit-job.ts';
import { audio, FakeEngine, model, planning, request } from '../../unit/core/fakes.ts';

const [folder = '', manifest = ''] = process.argv.slice(2);

function announcing(store: ArtifactStore): ArtifactStore {
  const put = store.put.bind(store);
  store.put = async (key, body, options) => {
    writeSync(1, '.');
    return put(key, body, options);
  };
  return store;
}

const temporary = join(folder, '.narrator', 'tmp');
const store = announcing(await openFilesystemStore({ root: join(folder, '.narrator'), temporary }));
const results = announcing(await openFilesystemStore({ root: folder, temporary }));
const openResults = async () => ({ store: results, prefix: '' });
const now = () => new Date();
const engine = new FakeEngine();
engine.before = () => delay(Math.random() * 10);

const finished = new AbortController();
const dispatcher = new InProcessDispatcher({
  concurrency: 3,
  handler: (message, run) =>
    processShard(message, run, { store, openResults, engine, modelDigest: model.digest, audio, now }),
  onSettled: (message, error) => controller.settled(message, error),
});
const controller = new Controller({
  store,
  openResults,
  audio,
  now,
  dispatcher,
  planning,
  sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
  onEvent: (event) => {
    if (event.type === 'problem') throw event.error;
    if (event.type === 'finished') finished.abort();
  },
});

const job = request('', { manifest: { format: 'jsonl', bytes: createReadStream(manifest) }, shardSeconds: 2 });
await submitJob(job, { store, now, newId: randomUUID });
await dispatcher.start();
const { summary } = (await new JobReader(store).read(job.id ?? '')) ?? {};
if (summary === undefined) await controller.run(finished.signal);
await dispatcher.close();
