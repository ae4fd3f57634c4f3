import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readConfig } from '../../../src/runtime/config.ts';
import { openStore } from '../../../src/runtime/open-store.ts';
import { encode, openDeployment, type S3Deployment, textOf } from './s3-deployment.ts';

let emulator: S3Deployment['emulator'];
let config: S3Deployment['config'];
let shared: S3Deployment['shared'];
let bucket: S3Deployment['bucket'];
let deployment: S3Deployment;

before(async () => {
  deployment = await openDeployment();
  ({ emulator, config, shared, bucket } = deployment);
});
after(() => deployment.close());

describe('the shared store and the places that jobs name', () => {
  it('gives results a place below the folder that is allowed, and addresses to download them', async () => {
    const destination = { kind: 's3', bucket: 'books', prefix: 'in/emma/' } as const;
    const { store, prefix } = await shared.openResults(destination);
    assert.equal(prefix, 'emma/');
    await store.put(`${prefix}a.wav`, encode('sound'));
    assert.equal(await textOf(await bucket.read('in/emma/a.wav')), 'sound');
    const url = await shared.downloadUrl(destination, `${prefix}a.wav`, { expiresSeconds: 60 });
    assert.equal(await (await fetch(url ?? '')).text(), 'sound');
  });

  it('opens no place that is not allowed, its own store least of all', async () => {
    const places = [
      { bucket: 'books', prefix: '' },
      { bucket: 'books', prefix: 'internal/' },
      { bucket: 'others', prefix: 'in/' },
      { bucket: 'narrator', prefix: 'store/jobs/x/' },
      { bucket: 'narrator', prefix: '' },
    ];
    for (const place of places) {
      await assert.rejects(shared.openResults({ kind: 's3', ...place }), { code: 'bucket_not_allowed' });
      await assert.rejects(shared.downloadUrl({ kind: 's3', ...place }, 'a.wav', { expiresSeconds: 60 }), {
        code: 'bucket_not_allowed',
      });
    }
    const { store, prefix } = await shared.openResults({ kind: 's3', bucket: 'narrator', prefix: 'audio/' });
    assert.equal((await store.put(`${prefix}a.wav`, encode('x'))).status, 'written');
  });

  it('touches nothing where it only reads', async () => {
    const { store, key } = await shared.openPlace('manifest', { bucket: 'narrator', key: 'audio/a.wav' }, 'read');
    emulator.createQueue('untouched');
    emulator.notify('narrator', 'untouched');
    const again = await openStore(config);
    const before = emulator.messagesIn('untouched').all;
    await again.openPlace('manifest', { bucket: 'narrator', key: 'audio/a.wav' }, 'read');
    await again.close();
    assert.equal(emulator.messagesIn('untouched').all, before);
    assert.equal(await textOf(await store.read(key)), 'x');
  });

  it('says when no store is named, and takes a folder for one', async () => {
    await assert.rejects(openStore(readConfig({})), { code: 'config_invalid' });
    const local = await openStore(readConfig({ NARRATOR_STORE: join(deployment.folder, 'jobs') }));
    const results = await local.openResults({ kind: 'store', prefix: 'jobs/x/' });
    assert.equal(results.store, local.store);
    assert.equal(await local.downloadUrl({ kind: 'store', prefix: '' }, 'a', { expiresSeconds: 60 }), undefined);
    await local.close();
  });
});
