/** Jobs over S3, SQS and the emulator of SageMaker, with containers that the test plays. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { SageMakerDispatcher } from '../../../src/adapters/dispatch-sagemaker.ts';
import { S3Locations } from '../../../src/adapters/s3-locations.ts';
import { SageMakerClient } from '../../../src/adapters/sagemaker-client.ts';
import { openS3Store } from '../../../src/adapters/store-s3.ts';
import { SageMakerWatcher } from '../../../src/adapters/watch-sagemaker.ts';
import { Controller } from '../../../src/core/controller.ts';
import { readSummary } from '../../../src/core/ledger.ts';
import { processShard } from '../../../src/core/process-shard.ts';
import type { ShardPlan } from '../../../src/core/shard.ts';
import { sleep } from '../../../src/runtime/sleep.ts';
import { audio, FakeEngine, model, planning, submitted } from '../../unit/core/fakes.ts';
import { lines, linesOf } from '../../unit/core/house.ts';
import { emulatedEndpoint, ENDPOINT, type EndpointSettings } from '../sagemaker/emulated-endpoint.ts';
import { until as untilWithin } from './bullmq/until.ts';

/** Dozens of requests a shard, on whatever machine. */
const until = (what: string, isTrue: () => boolean | Promise<boolean>) => untilWithin(what, isTrue, 60_000);

const REGION = 'us-east-1';
const credentials = { accessKeyId: 'emulator', secretAccessKey: 'emulator' };

/** What a container does instead of the shard; undefined: the shard. */
type Instead = (shard: ShardPlan, times: number) => ((response: ServerResponse) => unknown) | undefined;
const answerWith = (status: number, problem: object) => (response: ServerResponse) => {
  const body = JSON.stringify({ status, ...problem });
  response.writeHead(status, { 'content-type': 'application/problem+json', 'content-length': body.length }).end(body);
};

interface Settings extends EndpointSettings {
  readonly instead?: Instead;
  readonly mayWork?: () => boolean;
  readonly attempts?: number;
  readonly withoutQueue?: boolean;
}

async function deployment(t: TestContext, settings: Settings = {}) {
  const { instead = () => undefined, mayWork = () => true, attempts = 4, withoutQueue = false, ...rest } = settings;
  const asked: string[] = [];
  let work: (shard: ShardPlan) => Promise<unknown> = async () => undefined;
  const invoke = async (request: IncomingMessage, response: ServerResponse) => {
    const shard = (await json(request)) as ShardPlan;
    asked.push(shard.shardId);
    const other = instead(shard, asked.filter((id) => id === shard.shardId).length);
    if (other !== undefined) return other(response);
    await until('the containers may work', mayWork);
    await work(shard);
    const receipt = JSON.stringify({ v: 1, status: 'recorded' });
    return response.writeHead(200, { 'content-length': receipt.length }).end(receipt);
  };
  const container = createServer((request, response) => {
    if (request.url === '/ping') response.end();
    else void invoke(request, response);
  });
  await once(container.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    container.closeAllConnections();
    container.close();
  });
  const address = `http://127.0.0.1:${(container.address() as AddressInfo).port}`;
  const { emulator, s3Address, queueUrl } = await emulatedEndpoint(t, { instances: [address], ...rest });
  const connection = { endpoint: s3Address, region: REGION, forcePathStyle: true, credentials };
  const store = await openS3Store({ bucket: 'bucket', prefix: 'store', ...connection });
  const openResults = async () => ({ store, prefix: 'results/' });
  const common = { store, openResults, audio, now: () => new Date() };
  work = (shard) => {
    const context = { signal: new AbortController().signal, lastAttempt: false };
    return processShard(shard, context, { ...common, engine: new FakeEngine(), modelDigest: model.digest });
  };

  /** one that the test may stop at any time */
  const startServer = (holder: string, endpointName = ENDPOINT) => {
    const problems: string[] = [];
    const stop = new AbortController();
    const client = new SageMakerClient({ endpointName, url: emulator.url, credentials, retryDelayMs: 10 });
    const locations = new S3Locations(connection);
    const log = () => undefined;
    const dispatcher = new SageMakerDispatcher({
      ...{ endpointName, client, locations, store, log, attempts, window: 8 },
      ...{ storeLocation: 's3://bucket/store', timeoutS: 30, ttlS: 60, lookAfterMs: 300, lookIntervalMs: 100 },
      onSettled: (message, error) => controller.settled(message, error),
    });
    const controller: Controller = new Controller({
      ...{ ...common, dispatcher, planning, sleep, intervalMs: 50, retryDelayMs: 50, dispatchesMax: Infinity },
      lease: { holder, durationMs: 1_000 },
      onEvent: (event) => void (event.type === 'problem' && problems.push(event.error.message)),
    });
    const queue = { region: REGION, credentials, waitSeconds: 1 };
    const watcher = new SageMakerWatcher({
      ...{ dispatcher, queue, log, intervalMs: 100 },
      ...(!withoutQueue && { queueUrl }),
    });
    const running = Promise.all([watcher.start(), controller.run(stop.signal)]);
    let closed: Promise<void> | undefined;
    const close = () =>
      (closed ??= (async () => {
        stop.abort();
        await Promise.all([watcher.close({ graceMs: 0 }), dispatcher.close({ graceMs: 0 }), running]);
        client.close();
        await locations.close();
      })());
    t.after(close);
    return { dispatcher, problems, close };
  };
  t.after(() => store.close());
  const summaryOf = (jobId: string) => readSummary(store, jobId);
  const finished = async (jobId: string) => {
    await until(`${jobId} is finished`, async () => (await summaryOf(jobId)) !== undefined);
    return summaryOf(jobId);
  };
  const submit = (id: string, items: number) => submitted(store, lines(items, id), { id, shardSeconds: 0.15 });
  const errorsOf = async () =>
    linesOf(new TextDecoder().decode((await store.get('results/errors.jsonl'))?.bytes)).map(({ code }) => code);
  return { emulator, asked, store, submit, finished, startServer, summaryOf, errorsOf };
}

describe('jobs over an endpoint of SageMaker', () => {
  for (const rawDelivery of [false, true]) {
    it(`are done, each shard by one invocation; notifications ${rawDelivery ? 'come as they are' : "in SNS's envelopes"}`, async (t) => {
      const d = await deployment(t, { rawDelivery });
      await d.submit('job', 10);
      const { dispatcher } = d.startServer('a');
      assert.equal((await d.finished('job'))?.succeeded, 10);
      await until('nothing is under way', () => dispatcher.underWay === 0);
      assert.equal(d.emulator.invocations().length, 10);
    });
  }

  it('are done without notifications, and with doubled ones', async (t) => {
    const d = await deployment(t, { dropNotifications: 0.5, duplicateNotifications: 0.5 });
    await d.submit('job', 20);
    const { dispatcher } = d.startServer('a');
    assert.equal((await d.finished('job'))?.succeeded, 20);
    await until('nothing is under way', () => dispatcher.underWay === 0);
    assert.equal(d.emulator.invocations().length, 20);
  });

  it('are done without a queue', async (t) => {
    const d = await deployment(t, { withoutQueue: true });
    await d.submit('job', 10);
    const { dispatcher } = d.startServer('a');
    assert.equal((await d.finished('job'))?.succeeded, 10);
    await until('nothing is under way', () => dispatcher.underWay === 0);
  });

  it('are done by an endpoint that throttles, fails and forgets to answer', async (t) => {
    const instead: Instead = (_shard, times) =>
      times === 1 ? answerWith(503, { code: 'out_of_memory', detail: 'No memory.' }) : undefined;
    const d = await deployment(t, { throttleRate: 0.3, unavailableRate: 0.2, instead });
    await d.submit('job', 6);
    d.startServer('a');
    assert.equal((await d.finished('job'))?.succeeded, 6);
    assert.equal(d.asked.length, 12);
  });

  it('end with an error for each item that no container does, after so many invocations', async (t) => {
    const instead: Instead = ({ shardId }) =>
      shardId === 'shard-000002' ? (response: ServerResponse) => response.destroy() : undefined;
    const d = await deployment(t, { instead, attempts: 3 });
    await d.submit('job', 3);
    d.startServer('a');
    const summary = await d.finished('job');
    assert.deepEqual([summary?.succeeded, summary?.failed], [2, 1]);
    assert.deepEqual(await d.errorsOf(), ['shard_abandoned']);
    assert.equal(d.asked.filter((shardId) => shardId === 'shard-000002').length, 3);
  });

  it('end with what a container objects to, after one invocation', async (t) => {
    const instead: Instead = () => answerWith(400, { code: 'model_mismatch', detail: 'Another model.' });
    const d = await deployment(t, { instead });
    await d.submit('job', 2);
    d.startServer('a');
    assert.equal((await d.finished('job'))?.failed, 2);
    assert.deepEqual(await d.errorsOf(), ['model_mismatch', 'model_mismatch']);
    assert.equal(d.emulator.invocations().length, 2);
  });

  it('may have plans that are too large to travel', async (t) => {
    const d = await deployment(t);
    const text = Array.from({ length: 1_000 }, (_, n) => `This is sentence ${n} of a long text.`).join(' ');
    await submitted(d.store, JSON.stringify({ id: 'long', text }), { id: 'job', shardSeconds: 1e6, reuse: false });
    d.startServer('a');
    assert.equal((await d.finished('job'))?.succeeded, 1);
    const plan = await d.store.head('jobs/job/plan/shard-000001.json');
    assert.ok((plan?.size ?? 0) > 129_000, `${plan?.size} bytes`);
    assert.equal(d.emulator.invocations().length, 1);
  });

  it('are taken over from a server that was stopped, without invoking again what is under way', async (t) => {
    let mayWork = false;
    const d = await deployment(t, { mayWork: () => mayWork });
    await d.submit('job', 12);
    const first = d.startServer('a');
    await until('the window is full', () => first.dispatcher.underWay === 8);
    await first.close();
    mayWork = true;
    const second = d.startServer('b');
    assert.equal((await d.finished('job'))?.succeeded, 12);
    await until('nothing is under way', () => second.dispatcher.underWay === 0);
    assert.equal(d.emulator.invocations().length, 12);
  });

  it('are shared by servers, each with jobs of its own, that hear of the ends of all', async (t) => {
    const d = await deployment(t);
    const servers = [d.startServer('a'), d.startServer('b')];
    for (const id of ['one', 'two', 'three']) await d.submit(id, 5);
    for (const id of ['one', 'two', 'three']) assert.equal((await d.finished(id))?.succeeded, 5);
    await until('nothing is under way', () => servers.every(({ dispatcher }) => dispatcher.underWay === 0));
    assert.equal(d.emulator.invocations().length, 15);
  });

  it('wait while there is no such endpoint, and say why', async (t) => {
    const d = await deployment(t);
    await d.submit('job', 1);
    const server = d.startServer('a', 'nothing');
    await until('the problem is known', () => server.problems.length > 0);
    assert.match(server.problems[0] ?? '', /endpoint nothing took no invocation .*ValidationError/);
    assert.match(server.dispatcher.problem?.hint ?? '', /NARRATOR_SAGEMAKER_ENDPOINT/);
    await delay(100);
    assert.equal(await d.summaryOf('job'), undefined);
  });
});
