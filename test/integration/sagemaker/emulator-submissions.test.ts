/** What the emulator says to InvokeEndpointAsync, as the official client reads it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  InvokeEndpointCommand,
  type InvokeEndpointAsyncCommandInput,
  ServiceUnavailable,
  ValidationError,
} from '@aws-sdk/client-sagemaker-runtime';
import { emulatedEndpoint, ENDPOINT } from './emulated-endpoint.ts';
import type { Heard } from './fake-container.ts';

test('a request with its input is accepted, and the container hears of it what SageMaker passes on', async (t) => {
  const { invoke, notifications, object } = await emulatedEndpoint(t);
  const accepted = await invoke(
    { text: 'Good morning.' },
    {
      ContentType: 'application/vnd.f5-narrator.shard+json',
      Accept: 'application/json',
      CustomAttributes: 'attempt=2;last=false',
      InferenceId: 'job-shard-2',
    },
  );
  assert.equal(accepted.status, 202);
  assert.equal(accepted.inferenceId, 'job-shard-2');
  assert.match(accepted.output, /^s3:\/\/bucket\/out\/[0-9a-f-]{36}\.out$/);
  assert.match(accepted.failure ?? '', /^s3:\/\/bucket\/failed\/[0-9a-f-]{36}-error\.out$/);
  assert.ok(!accepted.output.includes('job-shard-2'));

  const [told] = await notifications(1);
  const { headers, script } = JSON.parse((await object(accepted.output)) ?? '') as Heard;
  assert.deepEqual(script, { text: 'Good morning.' });
  const { host: _host, connection: _connection, 'content-length': length, ...passedOn } = headers;
  assert.equal(length, String(JSON.stringify(script).length));
  assert.deepEqual(passedOn, {
    'content-type': 'application/vnd.f5-narrator.shard+json',
    accept: 'application/json',
    'x-amzn-sagemaker-custom-attributes': 'attempt=2;last=false',
    'x-amzn-sagemaker-inference-id': 'job-shard-2',
  });
  assert.deepEqual(
    [told?.invocationStatus, told?.inferenceId, told?.responseParameters],
    ['Completed', 'job-shard-2', { contentType: 'application/json', outputLocation: accepted.output }],
  );
  assert.deepEqual(told?.requestParameters, {
    accept: 'application/json',
    contentType: 'application/vnd.f5-narrator.shard+json',
    endpointName: ENDPOINT,
  });
});

test('a request whose input lies in S3 is the same to the container', async (t) => {
  const { send, put, notifications, object } = await emulatedEndpoint(t);
  await put('s3://bucket/in/a.json', JSON.stringify({ text: 'x'.repeat(129_000) }));
  const { output } = await send({ InputLocation: 's3://bucket/in/a.json' });
  const [told] = await notifications(1);
  assert.equal(told?.requestParameters?.['inputLocation'], 's3://bucket/in/a.json');
  const heard = JSON.parse((await object(output)) ?? '') as Heard;
  assert.equal(heard.script['text'], 'x'.repeat(129_000));
});

test('without a name of its own a request gets one, and one name may be given twice', async (t) => {
  const { invoke, container, notifications } = await emulatedEndpoint(t);
  const { inferenceId } = await invoke({});
  assert.match(inferenceId, /^[0-9a-f-]{36}$/);
  const twice = [await invoke({}, { InferenceId: 'a' }), await invoke({}, { InferenceId: 'a' })];
  assert.notEqual(twice[0]?.output, twice[1]?.output);
  assert.equal((await notifications(3)).filter((told) => told.inferenceId === 'a').length, 2);
  assert.equal(container.heard.length, 3);
});

test('a request may name its output', async (t) => {
  const { invoke } = await emulatedEndpoint(t);
  const { output } = await invoke({}, { S3OutputPathExtension: 'jobs/1', Filename: 'shard-1.json' });
  assert.equal(output, 's3://bucket/out/jobs/1/shard-1.json');
});

const Body = Buffer.from('{}');
const InputLocation = 's3://bucket/in/a.json';
const refused: [what: string, input: Partial<InvokeEndpointAsyncCommandInput>, message: RegExp][] = [
  ['both inputs', { Body, InputLocation }, /Only one of InputLocation and Body/],
  ['no input', {}, /One of InputLocation and Body must be given/],
  ['too long an input', { Body: Buffer.alloc(128_001) }, /at most 128000 bytes/],
  ['an input that is nowhere', { InputLocation: '/tmp/a.json' }, /'inputLocation' .*regular expression/],
  [
    'too short a time in the queue',
    { Body, RequestTTLSeconds: 59 },
    /'requestTTLSeconds' .*greater than or equal to 60/,
  ],
  ['too long a time in the queue', { Body, RequestTTLSeconds: 21_601 }, /'requestTTLSeconds' .*to 21600/],
  ['no time at all', { Body, InvocationTimeoutSeconds: 0 }, /'invocationTimeoutSeconds' .*to 1/],
  ['too long a time', { Body, InvocationTimeoutSeconds: 3_601 }, /'invocationTimeoutSeconds' .*to 3600/],
  ['too long a name', { Body, InferenceId: 'x'.repeat(65) }, /'inferenceId' .*length less than or equal to 64/],
  ['attributes beyond ASCII', { Body, CustomAttributes: 'é' }, /'customAttributes' /],
  ['too many attributes', { Body, CustomAttributes: 'x'.repeat(1_025) }, /'customAttributes' .*to 1024/],
  ['a file name with two dots', { Body, Filename: 'a.b.c' }, /'filename' /],
  ['an extension that is a location', { Body, S3OutputPathExtension: 's3://b' }, /'s3OutputPathExtension' /],
  [
    'an endpoint that does not exist, whatever else is wrong',
    { EndpointName: 'nobody' },
    /nobody of account \d+ not found/,
  ],
  ['an endpoint in another case', { EndpointName: 'Narrator', Body }, /Narrator of account \d+ not found/],
];

test('what is wrong with a request is said at once, and nothing is done', async (t) => {
  const { send, emulator } = await emulatedEndpoint(t);
  for (const [what, input, message] of refused) {
    await t.test(what, async () => {
      await assert.rejects(send(input), (error) => {
        assert.ok(error instanceof ValidationError);
        assert.equal(error.$metadata.httpStatusCode, 400);
        assert.match(error.message, message);
        return true;
      });
    });
  }
  assert.deepEqual(emulator.invocations(), []);
});

test('the longest input is taken', async (t) => {
  const { send, notifications } = await emulatedEndpoint(t);
  await send({ Body: Buffer.from(`{}${' '.repeat(127_998)}`) });
  assert.equal((await notifications(1))[0]?.invocationStatus, 'Completed');
});

test('an endpoint that is not in service takes nothing, and none takes InvokeEndpoint', async (t) => {
  const { invoke, emulator, client } = await emulatedEndpoint(t, { status: 'Creating' });
  await assert.rejects(invoke({}), { name: 'ValidationError', message: /is Creating, not InService/ });
  emulator.configure({ status: 'InService' });
  await assert.rejects(client.send(new InvokeEndpointCommand({ EndpointName: ENDPOINT, Body })), {
    name: 'ValidationError',
    message: /InvokeEndpointAsync only/,
  });
});

test('a service that is busy or away says so by the names that the client knows', async (t) => {
  const { invoke, emulator } = await emulatedEndpoint(t, { throttleRate: 1 });
  await assert.rejects(invoke({}), { name: 'ThrottlingException' });
  emulator.configure({ throttleRate: 0, unavailableRate: 1 });
  await assert.rejects(invoke({}), ServiceUnavailable);
  assert.deepEqual(emulator.invocations(), []);
  assert.deepEqual([emulator.faults().throttled, emulator.faults().unavailable], [1, 1]);
});

test('a client that does not hear of its acceptance asks again, and the work is there twice', async (t) => {
  const { emulator, container, invoke, notifications } = await emulatedEndpoint(t, {
    loseAcceptances: 1,
    maxAttempts: 2,
  });
  await assert.rejects(invoke({}, { InferenceId: 'a' }));
  assert.equal((await notifications(2)).length, 2);
  assert.equal(container.heard.length, 2);
  assert.deepEqual(
    emulator.invocations().map(({ inferenceId, outcome }) => [inferenceId, outcome]),
    [
      ['a', 'completed'],
      ['a', 'completed'],
    ],
  );
});
