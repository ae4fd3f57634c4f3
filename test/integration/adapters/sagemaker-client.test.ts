import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type InvocationRequest, SageMakerClient } from '../../../src/adapters/sagemaker-client.ts';
import { silenceVendors } from '../../../src/runtime/config.ts';
import { freePort } from '../../support/free-port.ts';

silenceVendors();

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly url: string | undefined;
  readonly body: Buffer;
}

/** A server in the place of SageMaker: answers in turn what the test has put up, and accepts when that is used up. */
const received: Received[] = [];
const answers: ((response: ServerResponse) => void)[] = [];
const accept = (response: ServerResponse) =>
  response
    .writeHead(202, {
      'x-amzn-sagemaker-outputlocation': 's3://bucket/out/1.out',
      'x-amzn-sagemaker-failurelocation': 's3://bucket/failed/1.out',
    })
    .end('{"InferenceId":"job_shard-000001_1_abcd"}');
const refuse = (status: number, name: string) => (response: ServerResponse) =>
  response.writeHead(status, { 'x-amzn-errortype': name }).end(JSON.stringify({ message: `${name} of the test.` }));

const server = createServer((request, response) => {
  void buffer(request).then((body) => {
    received.push({ headers: request.headers, url: request.url, body });
    (answers.shift() ?? accept)(response);
  });
});
let url = '';
before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());
beforeEach(() => {
  received.splice(0);
  answers.splice(0);
});

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const clientOf = (at = url) =>
  new SageMakerClient({ endpointName: 'narrator', url: at, credentials, retryDelayMs: 1, tries: 3 });
const request: InvocationRequest = {
  inferenceId: 'job_shard-000001_1_abcd',
  input: new TextEncoder().encode('{"v":1}'),
  customAttributes: 'attempt=1;last=false',
  timeoutS: 900,
  ttlS: 3600,
};
const invoke = (more: Partial<InvocationRequest> = {}, signal = new AbortController().signal) =>
  clientOf().invoke({ ...request, ...more }, signal);

describe('an invocation of an endpoint', () => {
  it('says everything that the container and the queue need to know', async () => {
    assert.deepEqual(await invoke(), {
      outputLocation: 's3://bucket/out/1.out',
      failureLocation: 's3://bucket/failed/1.out',
    });
    const { url: path, headers, body } = received[0] as Received;
    assert.equal(path, '/endpoints/narrator/async-invocations');
    assert.equal(body.toString(), '{"v":1}');
    const told = ['content-type', 'accept', 'custom-attributes', 'inference-id', 'invocationtimeoutseconds'].map(
      (name) => headers[`x-amzn-sagemaker-${name}`],
    );
    const type = 'application/vnd.f5-narrator.shard+json';
    assert.deepEqual(told, [type, 'application/json', 'attempt=1;last=false', request.inferenceId, '900']);
    assert.equal(headers['x-amzn-sagemaker-requestttlseconds'], '3600');
  });

  it('names the place of its input, and then has no body', async () => {
    await invoke({ input: 's3://bucket/jobs/job/plan/shard-000001.json' });
    const { headers, body } = received[0] as Received;
    assert.equal(headers['x-amzn-sagemaker-inputlocation'], 's3://bucket/jobs/job/plan/shard-000001.json');
    assert.equal(body.byteLength, 0);
  });

  it('needs no place for failures', async () => {
    answers.push((response) =>
      response.writeHead(202, { 'x-amzn-sagemaker-outputlocation': 's3://bucket/1.out' }).end('{}'),
    );
    assert.deepEqual(await invoke(), { outputLocation: 's3://bucket/1.out' });
  });

  it('is tried again when it was throttled, when the service failed, and when nothing was heard', async () => {
    const passing = [
      refuse(400, 'ThrottlingException'),
      refuse(429, 'TooManyRequestsException'),
      refuse(500, 'InternalFailure'),
      refuse(503, 'ServiceUnavailable'),
      (response: ServerResponse) => response.destroy(),
    ];
    for (const answer of passing) {
      answers.push(answer, answer);
      await invoke();
    }
    assert.equal(received.length, 3 * passing.length);
  });

  it('is given up after so many tries, and says why', async () => {
    for (let tries = 0; tries < 3; tries++) answers.push(refuse(400, 'ThrottlingException'));
    await assert.rejects(invoke(), {
      code: 'queue_unavailable',
      retryable: true,
      message: /narrator took no invocation after 3 tries \(ThrottlingException, HTTP 400\)/,
      hint: /more slowly/,
    });
    assert.equal(received.length, 3);
  });

  it('is not tried again when it was refused', async () => {
    answers.push(refuse(400, 'ValidationError'), refuse(403, 'AccessDeniedException'));
    const refused = { code: 'queue_unavailable', retryable: true };
    await assert.rejects(invoke(), { ...refused, message: /ValidationError of the test\./, hint: /InService/ });
    await assert.rejects(invoke(), { ...refused, message: /AccessDenied/, hint: /InvokeEndpointAsync/ });
    assert.equal(received.length, 2);
  });

  it('is not believed accepted by something that is no SageMaker', async () => {
    answers.push((response) => response.writeHead(202).end('{}'));
    await assert.rejects(invoke(), { code: 'queue_unavailable', message: /no place/ });
  });

  it('ends with its signal', async () => {
    const stop = new AbortController();
    answers.push(() => stop.abort());
    await assert.rejects(invoke({}, stop.signal), { code: 'engine_stopped' });
  });
});

describe('reaching for an endpoint', () => {
  it('asks whether anybody is there, whatever he says', async () => {
    answers.push(refuse(404, 'UnknownOperationException'));
    await clientOf().reach();
    assert.equal(received[0]?.url, '/ping');
  });

  it('says when nobody is', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    await assert.rejects(clientOf(nowhere).reach(), { code: 'queue_unavailable', message: /narrator .*ECONNREFUSED/ });
  });
});
