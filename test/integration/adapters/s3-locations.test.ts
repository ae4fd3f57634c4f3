import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { S3Locations } from '../../../src/adapters/s3-locations.ts';
import { openS3Store } from '../../../src/adapters/store-s3.ts';
import { silenceVendors } from '../../../src/runtime/config.ts';
import { type S3Emulator, startS3Emulator } from '../../support/s3-emulator.ts';

silenceVendors();

describe('objects that others name', () => {
  let emulator: S3Emulator;
  let locations: S3Locations;
  before(async () => {
    emulator = await startS3Emulator();
    emulator.createBucket('results');
    const store = await openS3Store({ bucket: 'results', ...emulator.connection });
    await store.put('out/1.out', new TextEncoder().encode('x'.repeat(100_000)));
    await store.close();
    locations = new S3Locations(emulator.connection);
  });
  after(async () => {
    await locations.close();
    await emulator.close();
  });

  it('are there or are not', async () => {
    assert.equal(await locations.exists('s3://results/out/1.out'), true);
    assert.equal(await locations.exists('s3://results/out/2.out'), false);
    assert.equal(await locations.readStart('s3://results/out/2.out', 10), undefined);
  });

  it('are read as far as somebody wants', async () => {
    assert.equal((await locations.readStart('s3://results/out/1.out', 10))?.byteLength, 10);
    assert.equal((await locations.readStart('s3://results/out/1.out', 1e6))?.byteLength, 100_000);
  });

  it('are an error where the bucket is none, or the name is no address', async () => {
    await assert.rejects(locations.readStart('s3://nothing/1.out', 10), { code: 'store_unavailable' });
    for (const name of ['', 'out/1.out', 'https://results/1.out', 's3://results', 's3:///1.out']) {
      await assert.rejects(locations.exists(name), { code: 'config_invalid' }, name);
    }
  });
});

describe('a bucket that may not be listed', () => {
  it('answers 403 for what is not there, which is told once', async (t) => {
    const server = createServer((_request, response) => response.writeHead(403).end());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const told: string[] = [];
    const locations = new S3Locations({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ...{ forcePathStyle: true, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } },
      onForbidden: (bucket) => told.push(bucket),
    });
    t.after(async () => {
      await locations.close();
      server.closeAllConnections();
      server.close();
    });
    assert.equal(await locations.exists('s3://results/1.out'), false);
    assert.equal(await locations.readStart('s3://results/1.err', 10), undefined);
    assert.deepEqual(told, ['results']);
  });
});
