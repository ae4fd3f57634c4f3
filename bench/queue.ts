/**
 * What a shard costs beside its synthesis: dispatch, claim, the worker's traffic with the store, record. BullMQ on a redis-server, the store
 * on a folder and on the S3 emulator, the worker in a process of its own, and an engine that takes no time, or exactly the time of a
 * GPU that makes 100 seconds of audio a second.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { BullmqDispatcher } from '../src/adapters/dispatch-bullmq.ts';
import { openManifestFile } from '../src/adapters/manifest-file.ts';
import { MemoryStore } from '../src/adapters/store-memory.ts';
import { audioFunctions } from '../src/audio/audio-functions.ts';
import { Controller } from '../src/core/controller.ts';
import { openPrefix } from '../src/core/keys.ts';
import { planJob } from '../src/core/planner.ts';
import type { ArtifactStore } from '../src/core/ports.ts';
import { readAhead } from '../src/core/read-ahead.ts';
import { submitJob } from '../src/core/submit-job.ts';
import { readConfig, silenceVendors } from '../src/runtime/config.ts';
import type { Narrator } from '../src/runtime/narrator.ts';
import { openStore } from '../src/runtime/open-store.ts';
import { RedisServer } from '../test/support/redis-server.ts';
import { cpuMsOf } from './child-report.ts';
import type { StoreRequest } from './metered-store.ts';
import type { WorkerReport, WorkerTask } from './queue-worker.child.ts';
import { type BenchOptions, mebibytes, percent, printTable } from './report.ts';
import { withStoreServer } from './store-server.ts';
import { type ManifestShape, openNarrator, withFolder, writeManifest } from './workload.ts';

const SHARD_SECONDS = 120;
const AUDIO_SECONDS_PER_SECOND = 100;
const SYNTHESIS_MS = (1000 * SHARD_SECONDS) / AUDIO_SECONDS_PER_SECOND;
const BUCKET = 'bench';

/** What is measured with: so many shards, and a job like this. */
interface Shape {
  readonly name: string;
  readonly manifest: (shards: number) => ManifestShape;
  /** a shard is full once it has so much audio */
  readonly shardSeconds: number;
  readonly reuse: boolean;
  /** shards for one of the others */
  readonly times: number;
}

const SHAPES: readonly [alone: Shape, ...others: Shape[]] = [
  // As little as a shard can hold: one line of one sentence, of which nothing is looked up. Its WAV and sidecar are all that is written besides the record.
  {
    name: 'dispatch, claim and record: one line',
    manifest: (lines) => ({ lines, sentences: 1 }),
    ...{ shardSeconds: 0.1, reuse: false, times: 8 },
  },
  {
    name: 'lines of 1 or 2 sentences',
    manifest: (shards) => ({ lines: 31 * shards, sentences: 2 }),
    ...{ shardSeconds: SHARD_SECONDS, reuse: true, times: 1 },
  },
  {
    name: 'chapters of 2 shards',
    manifest: (shards) => ({ lines: Math.ceil(shards / 2), sentences: 120 }),
    ...{ shardSeconds: SHARD_SECONDS, reuse: true, times: 1 },
  },
];

interface Place {
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  /** the process whose CPU time is the store's own */
  readonly emulator?: Emulator;
}

interface Emulator {
  readonly pid: number;
  readonly endpoint: string;
}

interface Run {
  readonly shards: number;
  /** from the moment that the planned job was there to the last shard's record, and from there to the finished job */
  readonly recordedMs: number;
  readonly finishedMs: number;
  readonly controllerCpuMs: number;
  readonly emulatorCpuMs: number;
  readonly worker: WorkerReport;
}

export async function benchQueue({ quick }: BenchOptions): Promise<void> {
  const shards = quick ? 4 : 16;
  // A worker works for days; its first thousands of requests, while V8 still compiles the S3 client, take three times as long.
  const warmShards = quick ? 4 : 48;
  const redis = await RedisServer.start();
  try {
    await printQueueAlone(redis.url, quick ? 100 : 500);
    await withFolder(async (folder) => {
      const narrator = await openNarrator(join(folder, 'home'));
      const costs: string[][] = [];
      const losses: string[][] = [];
      for (const shape of SHAPES) {
        const { name, manifest, times } = shape;
        const manifests = { warm: join(folder, 'warm.jsonl'), measured: join(folder, 'measured.jsonl') };
        await writeManifest(manifests.warm, { ...manifest(warmShards * times), seeds: 1_000_000 });
        await writeManifest(manifests.measured, { ...manifest(shards * times), seeds: 0 });
        for (const withPlace of [withFolderPlace, withEmulatorPlace]) {
          await withPlace(async (place) => {
            const run = await measure(narrator, { ...shape, ...manifests }, place, redis.url);
            costs.push([name, place.name, ...costRow(run)]);
            if (place.emulator !== undefined) {
              costs.push([name, 'the same requests, bare', ...(await bareRow(run, place.emulator))]);
            }
          });
          if (shape === SHAPES[0]) continue;
          await withPlace(async (place) => {
            const run = await measure(narrator, { ...shape, ...manifests }, place, redis.url, AUDIO_SECONDS_PER_SECOND);
            losses.push([name, place.name, ...lossRow(run)]);
          });
        }
      }
      await narrator.close();
      printTable(
        `A shard of ${SHARD_SECONDS} s with an engine that takes no time, ms a shard; share of ${SYNTHESIS_MS} ms of synthesis`,
        ['manifest', 'store', 'wall', 'share', 'finish', 'CPU: worker', 'controller', 'emulator', 'requests', 'MiB'],
        costs,
      );
      printTable(
        `The same with an engine that makes ${AUDIO_SECONDS_PER_SECOND} s of audio a second, four shards held at once`,
        ['manifest', 'store', 'engine at work s', 'of s', 'time lost'],
        losses,
      );
    });
  } finally {
    await redis.end();
  }
}

// ---------------------------------------------------------------- places: fresh ones, so that no segment is there already

function withFolderPlace<T>(use: (place: Place) => Promise<T>): Promise<T> {
  return withFolder((folder) => use({ name: 'folder', environment: { NARRATOR_STORE: folder } }));
}

async function withEmulatorPlace<T>(use: (place: Place) => Promise<T>): Promise<T> {
  return withStoreServer(BUCKET, (emulator) => {
    const environment = {
      NARRATOR_STORE: `s3://${BUCKET}`,
      NARRATOR_S3_ENDPOINT: emulator.endpoint,
      NARRATOR_S3_PATH_STYLE: 'true',
    };
    return use({ name: 'S3 emulator', environment, emulator });
  });
}

// ---------------------------------------------------------------- runs

/** A short job first, so that programs are compiled and connections open; then the one that counts. */
async function measure(
  narrator: Narrator,
  job: Shape & { readonly warm: string; readonly measured: string },
  place: Place,
  redisUrl: string,
  audioSecondsPerSecond?: number,
): Promise<Run> {
  const queueName = `bench-${randomUUID()}`;
  const environment = { ...place.environment, NARRATOR_REDIS_URL: redisUrl, NARRATOR_QUEUE: queueName };
  silenceVendors();
  const shared = await openStore(readConfig(environment));
  const modelDigest = narrator.speechModel.digest;
  const worker = await BenchWorker.start({
    environment,
    modelDigest,
    ...(audioSecondsPerSecond !== undefined && { audioSecondsPerSecond }),
  });
  const happened = new EventEmitter();
  let recordedAt = 0;
  const dispatcher = new BullmqDispatcher({
    redisUrl,
    queueName,
    onSettled: (message, error) => {
      if (error !== undefined) happened.emit('error', error);
      recordedAt = performance.now();
      controller.settled(message);
    },
  });
  const controller = new Controller({
    ...{ store: shared.store, openResults: shared.openResults, dispatcher, audio: audioFunctions },
    planning: narrator.planning(),
    now: () => new Date(),
    sleep: async (ms, signal) => void (await delay(ms, undefined, { signal }).catch(() => undefined)),
    onEvent: (event) => {
      if (event.type === 'finished') happened.emit('finished', performance.now());
      if (event.type === 'problem') happened.emit('error', event.error);
    },
  });
  await dispatcher.start();
  const stop = new AbortController();
  const running = controller.run(stop.signal);

  const runJob = async (manifest: string): Promise<Run> => {
    await worker.reset();
    const shards = await submitPlanned(narrator, manifest, job, shared.store);
    const cpuBefore = process.cpuUsage();
    const emulatorBefore = emulatorCpuMs(place);
    const startedAt = performance.now();
    controller.wake();
    const [finishedAt] = (await once(happened, 'finished')) as [number];
    const { user, system } = process.cpuUsage(cpuBefore);
    return {
      shards,
      recordedMs: recordedAt - startedAt,
      finishedMs: finishedAt - recordedAt,
      controllerCpuMs: (user + system) / 1000,
      emulatorCpuMs: emulatorCpuMs(place) - emulatorBefore,
      worker: await worker.report(),
    };
  };
  await runJob(job.warm);
  const run = await runJob(job.measured);

  await worker.end();
  stop.abort();
  await running;
  await dispatcher.close();
  await shared.close();
  return run;
}

/** Planned before the controller sees it: planning has a benchmark of its own. @returns its shards */
async function submitPlanned(
  narrator: Narrator,
  manifestPath: string,
  { shardSeconds, reuse }: Shape,
  store: ArtifactStore,
): Promise<number> {
  const manifest = await openManifestFile(manifestPath);
  const { id, digest } = narrator.speechModel;
  const request = {
    manifest: { format: manifest.format, bytes: manifest.read() },
    model: { id, digest },
    shardSeconds,
    reuse,
  };
  const deps = { now: () => new Date(), newId: randomUUID };
  // Into memory first: a submitted job is open at once, and the controller would plan it too.
  const draft = new MemoryStore();
  const { job } = await submitJob({ ...request, ...narrator.choices({}) }, { store: draft, ...deps });
  const { shards } = await planJob(job, { ...narrator.planning(manifest), store: draft });
  const keys: string[] = [];
  for await (const { key } of draft.list('')) if (!key.startsWith(openPrefix)) keys.push(key);
  for (const key of keys) await store.put(key, (await draft.get(key))!.bytes);
  await store.put(`${openPrefix}${job.id}`, new Uint8Array());
  return shards;
}

const emulatorCpuMs = ({ emulator }: Place) => (emulator === undefined ? 0 : cpuMsOf(emulator.pid));

class BenchWorker {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  static async start(task: WorkerTask): Promise<BenchWorker> {
    const child = fork(join(import.meta.dirname, 'queue-worker.child.ts'), [JSON.stringify(task)]);
    await once(child, 'message');
    return new BenchWorker(child);
  }

  async reset(): Promise<void> {
    await this.report();
  }

  /** Of what it has done since the last report. */
  async report(): Promise<WorkerReport> {
    const reported = once(this.#process, 'message') as Promise<[WorkerReport]>;
    this.#process.send('report');
    return (await reported)[0];
  }

  async end(): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.disconnect();
    await exited;
  }
}

// ---------------------------------------------------------------- rows

function costRow({ shards, recordedMs, finishedMs, controllerCpuMs, emulatorCpuMs, worker }: Run): string[] {
  const bytes = worker.requests.reduce((sum, one) => sum + one.bytes, 0);
  const each = (ms: number) => (ms / shards).toFixed(0);
  return [
    ...[each(recordedMs), percent(recordedMs / shards / SYNTHESIS_MS), each(finishedMs)],
    ...[each(worker.cpuMs), each(controllerCpuMs), each(emulatorCpuMs)],
    ...[each(worker.requests.length), mebibytes(bytes / shards)],
  ];
}

/** The worker's requests as plain HTTP, without credentials, hashes and conditions: what the emulator itself takes for them. */
async function bareRow({ shards, worker }: Run, { pid, endpoint }: Emulator): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const before = cpuMsOf(pid);
  const startedAt = performance.now();
  const send = (one: StoreRequest) => bareRequest(`${endpoint}/${BUCKET}/bare-${randomUUID()}`, one, agent);
  for await (const _done of readAhead(worker.requests, 32, send));
  const ms = performance.now() - startedAt;
  agent.destroy();
  const each = (value: number) => (value / shards).toFixed(0);
  const share = percent(ms / shards / SYNTHESIS_MS);
  return [each(ms), share, '', '', '', each(cpuMsOf(pid) - before), each(worker.requests.length), ''];
}

/** Reads ask for what is not there, as most of the worker's do. */
async function bareRequest(url: string, { kind, bytes }: StoreRequest, agent: Agent): Promise<void> {
  const method = kind === 'put' ? 'PUT' : kind === 'head' ? 'HEAD' : 'GET';
  const sent = request(url, { method, agent });
  sent.end(kind === 'put' ? Buffer.alloc(bytes) : undefined);
  const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream];
  response.resume();
  await once(response, 'end');
}

function lossRow({ worker: { engine } }: Run): string[] {
  const { busyMs, elapsedMs } = engine;
  return [(busyMs / 1000).toFixed(2), (elapsedMs / 1000).toFixed(2), percent(1 - busyMs / elapsedMs, 2)];
}

// ---------------------------------------------------------------- the queue by itself

/** BullMQ and Redis without anything of ours: what a message takes, alone and among others. */
async function printQueueAlone(url: string, messages: number): Promise<void> {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue('alone', { connection });
  // Each message that is waited for listens.
  queue.setMaxListeners(0);
  const events = new QueueEvents('alone', { connection });
  const worker = new Worker('alone', async () => undefined, { connection, concurrency: 4 });
  await Promise.all([events.waitUntilReady(), worker.waitUntilReady()]);
  const send = async (name: string) => {
    const message = await queue.add('shard', { name });
    await message.waitUntilFinished(events);
  };
  await send('warm');
  const startedAt = performance.now();
  for (let at = 0; at < messages; at += 1) await send(`one-${at}`);
  const aloneMs = (performance.now() - startedAt) / messages;
  const togetherAt = performance.now();
  await Promise.all(Array.from({ length: messages }, (_, at) => send(`many-${at}`)));
  const togetherMs = (performance.now() - togetherAt) / messages;
  console.log(
    `\nBullMQ and redis-server by themselves: a message from add to its event takes ${aloneMs.toFixed(1)} ms alone, ${togetherMs.toFixed(2)} ms of ${messages} at once.`,
  );
  await Promise.all([worker.close(), events.close(), queue.close()]);
  connection.disconnect();
}
