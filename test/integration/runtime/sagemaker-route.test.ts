import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { MemoryStore } from '../../../src/adapters/store-memory.ts';
import { readConfig, type SageMakerConfig, silenceVendors } from '../../../src/runtime/config.ts';
import { SageMakerRoute } from '../../../src/runtime/sagemaker-route.ts';
import { freePort } from '../../support/free-port.ts';
import { type S3Emulator, startS3Emulator } from '../../support/s3-emulator.ts';

let emulator: S3Emulator;
let nowhere = '';
before(async () => {
  silenceVendors();
  process.env['AWS_ACCESS_KEY_ID'] = 'emulator';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'emulator';
  emulator = await startS3Emulator();
  nowhere = `http://127.0.0.1:${await freePort()}`;
});
after(() => emulator.close());

/** As the environment has it. */
function route(environment: Readonly<Record<string, string>> = {}) {
  const config = readConfig({
    NARRATOR_DISPATCH: 'sagemaker',
    NARRATOR_STORE: 's3://bucket/prefix',
    NARRATOR_S3_ENDPOINT: emulator.endpoint,
    NARRATOR_SAGEMAKER_ENDPOINT: 'narrator',
    NARRATOR_SAGEMAKER_REGION: 'us-east-1',
    NARRATOR_SAGEMAKER_URL: nowhere,
    NARRATOR_WINDOW: '7',
    ...environment,
  });
  const dispatch = config.dispatch as SageMakerConfig;
  const shared = { store: new MemoryStore() };
  return new SageMakerRoute({ ...config, dispatch }, { shared, onSettled: () => undefined, log: () => undefined });
}

describe('the way to a SageMaker endpoint', () => {
  it('wants as many shards as its window holds, and counts what is under way', async () => {
    const one = route();
    await one.start();
    await one.listen();
    assert.deepEqual([await one.capacity(), await one.depth()], [7, { 'under-way': 0 }]);
    await one.close();
    await one.close();
    assert.equal(await one.capacity(), 0);
  });

  it('is well while somebody answers at its address, and says when nobody does', async () => {
    const server = createServer((_request, response) => response.writeHead(404).end());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const [well, unwell] = [route({ NARRATOR_SAGEMAKER_URL: `http://127.0.0.1:${port}` }), route()];
    await well.check();
    await assert.rejects(unwell.check(), { code: 'queue_unavailable', message: /The endpoint narrator/ });
    await Promise.all([well.close(), unwell.close()]);
    server.close();
  });

  it('is refused where its queue of notifications does not exist', async () => {
    const one = route({ NARRATOR_SAGEMAKER_QUEUE_URL: `${emulator.endpoint}/000000000000/none` });
    await assert.rejects(one.listen(), { code: 'config_invalid', message: /no queue/ });
    await one.close();
  });
});
