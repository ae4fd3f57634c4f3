import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { startS3Emulator } from '../../support/s3-emulator.ts';

const SCRIPT = join(import.meta.dirname, '../../../docker/prepare-store.mjs');
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

async function prepare(endpoint: string): Promise<void> {
  const child = spawn(process.execPath, [SCRIPT], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      STORE_ENDPOINT: endpoint,
      STORE_BUCKET: 'store',
      MANIFEST_BUCKET: 'manifests',
      MANIFEST_QUEUE: 'manifests',
      EVENT_QUEUE: 'events',
      INFERENCE_QUEUE: 'inferences',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
  });
  const [exitCode] = (await once(child, 'exit')) as [number];
  assert.equal(exitCode, 0);
}

test('makes buckets and queues once: manifests only are told of, and what cannot be taken goes to dead letters', async (t) => {
  const emulator = await startS3Emulator();
  t.after(() => emulator.close());
  // The emulator knows no notifications of buckets: they are looked at on the way.
  const asked: string[] = [];
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(request);
    if (request.url?.includes('notification') === true) {
      asked.push(body.toString());
      response.end();
      return;
    }
    const { host: _host, ...headers } = request.headers;
    const answer = await fetch(emulator.endpoint + request.url, {
      method: request.method ?? 'GET',
      headers: headers as Record<string, string>,
      ...(body.length > 0 && { body }),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
    response.end(Buffer.from(await answer.arrayBuffer()));
  };
  const server = createServer((request, response) => void pass(request, response)).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const before = emulator.createQueue('manifests');
  await prepare(endpoint);
  await prepare(endpoint);

  for (const bucket of ['store', 'manifests']) assert.deepEqual(emulator.keysIn(bucket), []);
  const sqs = new SQSClient(emulator.connection);
  t.after(() => sqs.destroy());
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: before.url, AttributeNames: ['RedrivePolicy'] }),
  );
  const redrive = JSON.parse(Attributes?.['RedrivePolicy'] ?? '{}') as Record<string, string>;
  assert.match(redrive['deadLetterTargetArn'] ?? '', /:manifests-dead$/);
  assert.equal(Number(redrive['maxReceiveCount']), 5);
  assert.equal(asked.length, 2);
  const suffixes = [...asked[0]!.matchAll(/<FilterRule><Name>suffix<\/Name><Value>(.*?)<\/Value>/g)].map(([, s]) => s);
  assert.deepEqual(suffixes, ['.jsonl', '.csv']);
  assert.equal(asked[0]!.match(new RegExp(`<Queue>${before.arn}</Queue>`, 'g'))?.length, 2);
});
