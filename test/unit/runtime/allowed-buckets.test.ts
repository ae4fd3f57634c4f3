import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allowedPlace, checkAllowedPlace, checkResultsPlace } from '../../../src/runtime/allowed-buckets.ts';
import type { StoreConfig } from '../../../src/runtime/config.ts';

const rules = (buckets: string[], store?: string) => {
  const [bucket = '', ...prefix] = store?.split('/') ?? [];
  const where: StoreConfig | undefined =
    store === undefined ? undefined : { kind: 's3', bucket, prefix: prefix.join('/') };
  return { buckets, store: where };
};
const isAllowed = (address: string, list: string[], store?: string) => {
  const [bucket = '', ...key] = address.split('/');
  return allowedPlace({ bucket, key: key.join('/') }, rules(list, store)) !== undefined;
};

describe('places that jobs may name', () => {
  it('lie in a listed bucket, or below a listed prefix', () => {
    for (const address of ['books/a.jsonl', 'books/deep/a.jsonl', 'books/', 'shared/in/a.csv', 'shared/in/']) {
      assert.equal(isAllowed(address, ['books', 'shared/in']), true, address);
    }
    for (const address of [
      'other/a.jsonl',
      'shared/a.csv',
      'shared/',
      'shared/in',
      'shared/internal/a.csv',
      'book/a',
    ]) {
      assert.equal(isAllowed(address, ['books', 'shared/in']), false, address);
    }
    assert.equal(isAllowed('books/a.jsonl', []), false);
  });

  it('are seen from the folder that allows them', () => {
    for (const entry of ['books/in', 'books/in/', 'books/in//']) {
      assert.deepEqual(allowedPlace({ bucket: 'books', key: 'in/emma/a.jsonl' }, rules([entry])), {
        ...{ folder: 'in', key: 'emma/a.jsonl' },
      });
    }
    assert.deepEqual(allowedPlace({ bucket: 'books', key: 'a' }, rules(['books'])), { folder: '', key: 'a' });
  });

  it('are never in the deployment’s own store, nor above it', () => {
    const inStore = ['b/store/jobs/x/job.json', 'b/store/', 'b/'];
    for (const address of inStore) assert.equal(isAllowed(address, ['b'], 'b/store'), false, address);
    for (const address of ['b/in/a.jsonl', 'b/stores/a.jsonl', 'b/store', 'c/store/a']) {
      assert.equal(isAllowed(address, ['b', 'c'], 'b/store'), true, address);
    }
    assert.equal(isAllowed('b/store/jobs/x', ['b/store'], 'b/store'), false);
    assert.equal(isAllowed('b/deep/', ['b'], 'b/deep/store'), false);
    assert.equal(isAllowed('b/anything', ['b'], 'b'), false);
  });

  it('are in a folder of the store only where an entry names that folder', () => {
    assert.equal(isAllowed('b/in/a.jsonl', ['b/in'], 'b'), true);
    assert.equal(isAllowed('b/jobs/x/job.json', ['b/in'], 'b'), false);
    assert.equal(isAllowed('b/store/in/a.jsonl', ['b', 'b/store/in'], 'b/store'), true);
  });

  it('are refused by name, with the field that they came in', () => {
    assert.throws(() => checkAllowedPlace('manifest', { bucket: 'x', key: 'a.csv' }, rules(['books'])), {
      code: 'bucket_not_allowed',
      message: 'manifest: s3://x/a.csv is not in a place that jobs may use.',
    });
    const results = { kind: 's3', bucket: 'books', prefix: '' } as const;
    assert.throws(() => checkResultsPlace(results, rules(['books/in'])), { code: 'bucket_not_allowed' });
    assert.doesNotThrow(() => checkResultsPlace({ kind: 'store', prefix: 'jobs/x/' }, rules([])));
  });
});
