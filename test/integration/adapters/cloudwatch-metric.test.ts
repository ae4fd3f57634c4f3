import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CloudWatchMetric } from '../../../src/adapters/cloudwatch-metric.ts';
import { silenceVendors } from '../../../src/runtime/config.ts';
import { until } from './bullmq/until.ts';

silenceVendors();

/** A server in the place of CloudWatch. What it was sent is looked at as bytes: the SDK chooses its encoding. */
const received: { readonly operation: string; readonly body: Buffer }[] = [];
let answer = (response: ServerResponse) => void response.end();
const server = createServer((request, response) => {
  void buffer(request).then((body) => {
    const operation = [request.url, request.headers['x-amz-target'], body.toString('latin1')].join(' ');
    received.push({ operation, body });
    answer(response);
  });
});
before(() => once(server.listen(0, '127.0.0.1'), 'listening'));
after(() => server.close());
const accept = (response: ServerResponse) =>
  void response.writeHead(200, { 'smithy-protocol': 'rpc-v2-cbor', 'content-type': 'application/cbor' }).end();
beforeEach(() => {
  received.splice(0);
  answer = accept;
});

function published(value: () => number) {
  const logged: Record<string, unknown>[] = [];
  const metric = new CloudWatchMetric({
    ...{ namespace: 'f5-narrator', name: 'InFlightShards', dimensions: { EndpointName: 'narrator' }, value },
    log: (event, fields) => void logged.push({ event, ...fields }),
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    intervalMs: 10,
  });
  metric.start();
  return { logged, metric };
}

describe('a metric of CloudWatch', () => {
  it('is published under its names', async () => {
    const { metric } = published(() => 3);
    await until('something is published', () => received.length > 0);
    await metric.close();
    const { operation, body } = received[0] ?? { operation: '', body: Buffer.alloc(0) };
    assert.match(operation, /PutMetricData/);
    for (const name of ['f5-narrator', 'InFlightShards', 'EndpointName', 'narrator', 'Count'])
      assert.ok(body.includes(name), name);
  });

  it('is published while it is zero, too, and no more once it is closed', async () => {
    const { metric } = published(() => 0);
    await until('it is published again and again', () => received.length > 2);
    await metric.close();
    const total = received.length;
    await delay(50);
    assert.equal(received.length, total);
  });

  it('that cannot be published is logged, and tried again', async () => {
    answer = (response) => void response.writeHead(403).end();
    const { metric, logged } = published(() => 1);
    await until('a failure is logged', () => logged.length > 0);
    answer = accept;
    const before = received.length;
    await until('it is tried again', () => received.length > before);
    await metric.close();
    await metric.close();
    assert.deepEqual(Object.keys(logged[0] ?? {}), ['event', 'metric', 'error']);
  });
});
