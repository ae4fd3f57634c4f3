import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { NarratorError } from '../../../src/core/errors.ts';
import { sourceOpener, textFileReader } from '../../../src/runtime/manifest-source.ts';
import { openDeployment, type S3Deployment, textOf } from './s3-deployment.ts';

const LINE = '{"id":"a","text":"Hello."}\n';

let shared: S3Deployment['shared'];
let bucket: S3Deployment['bucket'];
let deployment: S3Deployment;

before(async () => {
  deployment = await openDeployment();
  ({ shared, bucket } = deployment);
});
after(() => deployment.close());

describe('sources that clients name', () => {
  const open = (address: string, maxBytes = 1000) =>
    sourceOpener({ openPlace: shared.openPlace, allowHosts: [] })(address, { field: 'manifest', maxBytes });

  it('are streamed from an allowed place in S3, with the ETag of what is read', async () => {
    await deployment.put('in/a b+c.jsonl', LINE);
    const { bytes, etag } = await open('s3://books/in/a b+c.jsonl');
    assert.equal(etag, (await bucket.head('in/a b+c.jsonl'))?.etag);
    assert.equal(await textOf(bytes), LINE);
  });

  it('are one version: what is replaced meanwhile has to be asked for again', async () => {
    await deployment.put('in/changing.jsonl', LINE);
    const { bytes } = await open('s3://books/in/changing.jsonl');
    await deployment.put('in/changing.jsonl', `${LINE}${LINE}`);
    await assert.rejects(
      textOf(bytes),
      (error: NarratorError) => error.code === 'store_unavailable' && error.retryable,
    );
  });

  it('are refused by name: not there, not allowed, too large, no address', async () => {
    await deployment.put('in/large.jsonl', 'x'.repeat(1001));
    await assert.rejects(open('s3://books/in/none.jsonl'), { code: 'manifest_not_found' });
    await assert.rejects(open('s3://others/a.jsonl'), { code: 'bucket_not_allowed' });
    await assert.rejects(open('s3://narrator/store/jobs/x/job.json'), { code: 'bucket_not_allowed' });
    await assert.rejects(open('s3://books/in/large.jsonl'), (error: NarratorError) => {
      assert.equal(error.code, 'manifest_too_large');
      assert.equal(error.details.limit, 1000);
      assert.match(error.message, /1001 bytes; the limit is 1000 bytes/);
      return true;
    });
    for (const address of ['file:///etc/passwd', 's3://books', 's3://books/in/', 'books/in/a.jsonl', '']) {
      await assert.rejects(open(address), { code: 'request_invalid' }, address);
    }
    await assert.rejects(open('http://127.0.0.1/a.jsonl'), { code: 'fetch_refused' });
  });

  it('have text files beside them, and nowhere else', async () => {
    const read = textFileReader({ openPlace: shared.openPlace });
    const source = 's3://books/in/emma/a.jsonl';
    await deployment.put('in/emma/one.txt', 'One.');
    await deployment.put('in/other.txt', 'Other.');
    for (const path of ['one.txt', './one.txt', 'x/../one.txt']) {
      assert.equal(Buffer.from(await read(path, { maxBytes: 10, source })).toString(), 'One.');
    }
    for (const path of ['../other.txt', '/in/other.txt', 'x/../../other.txt', '..', 'none.txt', 'a\\b.txt']) {
      await assert.rejects(read(path, { maxBytes: 10, source }), { code: 'text_file_unreadable' }, path);
    }
    await assert.rejects(read('one.txt', { maxBytes: 3, source }), { code: 'text_too_long' });
    for (const other of [undefined, 'https://studio.example/a.jsonl']) {
      await assert.rejects(read('one.txt', { maxBytes: 10, ...(other && { source: other }) }), {
        code: 'text_file_unreadable',
        message: /does not lie in S3/,
      });
    }
  });
});
