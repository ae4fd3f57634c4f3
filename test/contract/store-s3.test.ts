import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { openS3Store } from '../../src/adapters/store-s3.ts';
import { type S3Emulator, startS3Emulator } from '../support/s3-emulator.ts';
import { testStoreContract } from './store-contract.ts';

let emulator: S3Emulator;
before(async () => {
  emulator = await startS3Emulator();
});
after(() => emulator.close());

let buckets = 0;
const openBucket = (prefix: string) => async () => {
  const bucket = `contract-${++buckets}`;
  emulator.createBucket(bucket);
  const store = await openS3Store({ bucket, prefix, ...emulator.connection });
  return {
    store,
    close: async () => {
      await store.close();
      assert.equal(emulator.openUploads(), 0, 'an upload was neither completed nor aborted');
    },
  };
};

testStoreContract('a bucket', openBucket(''));
testStoreContract('a folder of a bucket', openBucket('some/folder'));
