/** A service whose shards are done by containers behind the emulated endpoint. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { it } from 'node:test';
import { audioFunctions } from '../../../src/audio/audio-functions.ts';
import { processShard } from '../../../src/core/process-shard.ts';
import type { ShardPlan } from '../../../src/core/shard.ts';
import { readConfig, silenceVendors } from '../../../src/runtime/config.ts';
import { Service } from '../../../src/runtime/service.ts';
import { StandInEngine } from '../../support/stand-in-engine.ts';
import { until } from '../adapters/bullmq/until.ts';
import { emulatedEndpoint, ENDPOINT } from '../sagemaker/emulated-endpoint.ts';

it('a text is spoken by the endpoint, and the service is ready for as long as somebody answers there', async (t) => {
  silenceVendors();
  process.env['AWS_ACCESS_KEY_ID'] = 'emulator';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'emulator';
  const home = await mkdtemp(join(tmpdir(), 'f5-narrator-'));
  let work: (shard: ShardPlan) => Promise<unknown> = async () => undefined;
  const invoke = async (request: IncomingMessage, response: ServerResponse) => {
    await work((await json(request)) as ShardPlan);
    response.writeHead(200, { 'content-length': 2 }).end('{}');
  };
  const container = createServer((request, response) => {
    if (request.url === '/ping') response.end();
    else void invoke(request, response);
  });
  await once(container.listen(0, '127.0.0.1'), 'listening');
  const address = `http://127.0.0.1:${(container.address() as AddressInfo).port}`;
  const { emulator, s3Address, queueUrl } = await emulatedEndpoint(t, { instances: [address] });
  const config = readConfig({
    NARRATOR_HOME: home,
    NARRATOR_STORE: 's3://bucket/store',
    NARRATOR_S3_ENDPOINT: s3Address,
    NARRATOR_S3_PATH_STYLE: 'true',
    NARRATOR_DISPATCH: 'sagemaker',
    NARRATOR_SAGEMAKER_ENDPOINT: ENDPOINT,
    NARRATOR_SAGEMAKER_REGION: 'us-east-1',
    NARRATOR_SAGEMAKER_URL: emulator.url,
    NARRATOR_SAGEMAKER_QUEUE_URL: queueUrl,
  });
  const service = await Service.open(config, () => undefined);
  t.after(async () => {
    for (const { run } of service.phases()) await run();
    container.closeAllConnections();
    container.close();
    await rm(home, { recursive: true });
  });
  const { shared, narrator } = service;
  const deps = { store: shared.store, openResults: shared.openResults, audio: audioFunctions, now: () => new Date() };
  work = (shard) => {
    const context = { signal: new AbortController().signal, lastAttempt: false, shard };
    const engine = new StandInEngine(narrator, { delayMs: 0 });
    return processShard(shard, context, { ...deps, engine, modelDigest: narrator.model.digest });
  };
  await service.start();
  await until('the service is ready', () => service.health.reason === undefined, 60_000);
  const spoken = await service.speechJobs?.speak('Good morning.', {}, new AbortController().signal);
  assert.equal(
    Buffer.from(spoken?.wav ?? [])
      .subarray(0, 4)
      .toString(),
    'RIFF',
  );
  assert.equal(emulator.invocations().length, 1);
  assert.match(await service.metrics.render(), /narrator_queue_messages\{state="under-way"\} \d/);
  await emulator.close();
  await until('the endpoint is missed', () => /endpoint narrator/.test(service.health.reason ?? ''), 60_000);
});
