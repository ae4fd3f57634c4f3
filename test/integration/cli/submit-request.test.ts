import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { submitRequest } from '../../../src/cli/submit-request.ts';

const MANIFEST = join(import.meta.dirname, '../../../examples/story.jsonl');
const secret = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3';
const notify = [{ kind: 'webhook', url: 'https://a.example/hook', secret }];

test('the secret of webhooks never stands in an address', async () => {
  const upload = await submitRequest(MANIFEST, { priority: 2, notify }, {});
  const shown = { priority: 2, notify: [{ kind: 'webhook', url: 'https://a.example/hook' }] };
  assert.deepEqual(JSON.parse(upload.query?.['options'] ?? ''), shown);
  assert.deepEqual(upload.headers, { 'narrator-webhook-secret': secret });
  const named = await submitRequest('s3://books/emma.jsonl', { notify }, {});
  assert.deepEqual([named.json, named.query], [{ notify, manifest: 's3://books/emma.jsonl' }, undefined]);
});
