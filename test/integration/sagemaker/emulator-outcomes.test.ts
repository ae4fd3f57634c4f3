/** What becomes of an invocation: the container's answer, what SageMaker makes of it, and who is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emulatedEndpoint, notificationIn, until } from './emulated-endpoint.ts';
import type { Script } from './fake-container.ts';

const failures: [what: string, script: Script, reason: RegExp, hasObject: boolean, metric: string | undefined][] = [
  [
    'a container that answers 400',
    { answer: 400 },
    /Received client error \(400\) from model/,
    true,
    'Invocation4XXErrors',
  ],
  [
    'a container that answers 500',
    { answer: 500 },
    /Received server error \(500\) from model/,
    true,
    'Invocation5XXErrors',
  ],
  ['a container that never answers', { answer: 'hang' }, /Received server error \(0\) from model/, false, undefined],
  ['a connection that breaks', { answer: 'break-off' }, /Received server error \(0\) from model/, false, undefined],
  [
    'an answer in chunks',
    { answer: 'chunked' },
    /did not specify the required Content-Length header/,
    false,
    undefined,
  ],
  [
    'headers above 4096 bytes',
    { answer: 'big-headers' },
    /headers with length greater than 4096 bytes/,
    false,
    undefined,
  ],
];

test('a failure is told of with its reason, and what the container said is kept', async (t) => {
  const { invoke, notifications, object, emulator } = await emulatedEndpoint(t, { timeScale: 0.3 });
  for (const [what, script, reason, hasObject, metric] of failures) {
    await t.test(what, async () => {
      const before = emulator.metrics();
      const { inferenceId, output, failure } = await invoke({ ...script }, { InvocationTimeoutSeconds: 1 });
      const [told] = await notifications(1);
      assert.deepEqual([told?.invocationStatus, told?.inferenceId], ['Failed', inferenceId]);
      assert.match(told?.failureReason ?? '', reason);
      assert.equal(told?.responseParameters, undefined);
      assert.equal(await object(output), undefined);
      assert.equal((await object(failure)) !== undefined, hasObject);
      const counted = (name: string) => (emulator.metrics()[name] ?? 0) - (before[name] ?? 0);
      assert.equal(counted('InvocationFailures'), 1);
      assert.equal(counted('InvocationsProcesssed'), 1);
      for (const name of ['Invocation4XXErrors', 'Invocation5XXErrors'])
        assert.equal(counted(name), name === metric ? 1 : 0);
    });
  }
});

test('those who ask for it find an object of every failure', async (t) => {
  const { invoke, notifications, object } = await emulatedEndpoint(t, { failureObjects: 'all' });
  const { failure } = await invoke({ answer: 'chunked' });
  await notifications(1);
  assert.match((await object(failure)) ?? '', /Content-Length/);
});

test('an endpoint without a place for failures names none', async (t) => {
  const { invoke, notifications } = await emulatedEndpoint(t, { failurePath: undefined } as never);
  assert.equal((await invoke({ answer: 500 })).failure, undefined);
  assert.equal((await notifications(1))[0]?.invocationStatus, 'Failed');
});

test('an input that is not there is found out later, and is a failure', async (t) => {
  const { send, notifications, object, emulator, container } = await emulatedEndpoint(t);
  const { failure, status } = await send({ InputLocation: 's3://bucket/in/nothing.json' });
  assert.equal(status, 202);
  assert.equal((await notifications(1))[0]?.invocationStatus, 'Failed');
  assert.equal(emulator.metrics()['RequestDownloadFailures'], 1);
  assert.deepEqual([container.heard, await object(failure)], [[], undefined]);
});

test('an output that cannot be stored is a failure', async (t) => {
  const { invoke, notifications, emulator } = await emulatedEndpoint(t, { outputPath: 's3://elsewhere/out' });
  await invoke({});
  assert.equal((await notifications(1))[0]?.invocationStatus, 'Failed');
  assert.equal(emulator.metrics()['ResponseUploadFailures'], 1);
});

test('whoever waits too long in the queue is forgotten without a word, or with one where that is asked for', async (t) => {
  const { invoke, notifications, emulator, container } = await emulatedEndpoint(t, {
    ...{ timeScale: 0.005, maxConcurrent: 1, expiryNotifies: true },
  });
  await invoke({ afterMs: 1_000 });
  await until(() => container.heard.length === 1);
  const late = await invoke({}, { RequestTTLSeconds: 60 });
  const [told] = await notifications(1);
  assert.deepEqual([told?.invocationStatus, told?.inferenceId], ['Failed', late.inferenceId]);
  emulator.configure({ expiryNotifies: false });
  const silent = await invoke({}, { RequestTTLSeconds: 60 });
  assert.equal((await notifications(1))[0]?.invocationStatus, 'Completed');
  assert.equal(emulator.metrics()['ExpiredRequests'], 2);
  assert.equal(emulator.invocations().find((one) => one.inferenceId === silent.inferenceId)?.outcome, 'expired');
  assert.equal(container.heard.length, 1);
});

test('the response comes along with the notification where that is asked for, up to 128 KB of it', async (t) => {
  const { invoke, notifications } = await emulatedEndpoint(t, { includeResponse: 'success' });
  await invoke({ bytes: 131_072 });
  const [told] = await notifications(1);
  assert.equal(told?.responseBody?.encoding, 'BASE64');
  assert.equal(Buffer.from(told?.responseBody?.content ?? '', 'base64').toString(), 'x'.repeat(131_072));
  await invoke({ bytes: 131_073 });
  await invoke({ answer: 500 });
  for (const other of await notifications(2)) assert.equal(other.responseBody, undefined);
});

test('faults come as often as they are asked for, and are counted', async (t) => {
  const { invoke, notifications, emulator, container } = await emulatedEndpoint(t, { timeScale: 0.05 });
  const once = async (fault: Parameters<typeof emulator.configure>[0]) => {
    emulator.configure(fault);
    await invoke({}, { InvocationTimeoutSeconds: 1 });
    emulator.configure({ failRate: 0, hangRate: 0, loseAnswers: 0, duplicateDeliveries: 0 });
  };
  await once({ failRate: 1 });
  assert.match((await notifications(1))[0]?.failureReason ?? '', /\(500\)/);
  await once({ failRate: 1, failStatus: 400 });
  assert.match((await notifications(1))[0]?.failureReason ?? '', /\(400\)/);
  await once({ hangRate: 1 });
  assert.match((await notifications(1))[0]?.failureReason ?? '', /\(0\)/);
  await once({ hangNext: 1 });
  assert.match((await notifications(1))[0]?.failureReason ?? '', /\(0\)/);
  assert.equal(container.heard.length, 0);
  await once({ loseAnswers: 1 });
  assert.match((await notifications(1))[0]?.failureReason ?? '', /\(0\)/);
  assert.equal(container.heard.length, 1);
  await once({ duplicateDeliveries: 1 });
  assert.equal((await notifications(2)).length, 2);
  assert.equal(container.heard.length, 3);
  const { failed, hung, answersLost, deliveredTwice } = emulator.faults();
  assert.deepEqual(
    { failed, hung, answersLost, deliveredTwice },
    { failed: 2, hung: 2, answersLost: 1, deliveredTwice: 1 },
  );
});

test('notifications are lost and doubled as the seed says', async (t) => {
  const told = async (seed: number) => {
    const { invoke, emulator, notifications } = await emulatedEndpoint(t, {
      ...{ seed, dropNotifications: 0.5, duplicateNotifications: 0.5, maxConcurrent: 1 },
    });
    for (let id = 1; id <= 8; id += 1) await invoke({}, { InferenceId: String(id) });
    await until(
      () => emulator.metrics()['InvocationsProcesssed'] === 8 && emulator.metrics()['ApproximateBacklogSize'] === 0,
    );
    const { notificationsDropped, notificationsDoubled } = emulator.faults();
    const ids = (await notifications(8 - notificationsDropped + notificationsDoubled)).map((one) => one.inferenceId);
    return { ids: ids.sort(), notificationsDropped, notificationsDoubled };
  };
  const [one, again, other] = [await told(7), await told(7), await told(8)];
  assert.deepEqual(one, again);
  assert.notDeepEqual(one, other);
  assert.ok(one.notificationsDropped > 0 && one.notificationsDoubled > 0);
});

test('the next notification of a failure can be lost, and no other', async (t) => {
  const { invoke, emulator, notifications } = await emulatedEndpoint(t, { dropNextFailures: 1, maxConcurrent: 1 });
  for (const [id, answer] of Object.entries({ a: 200, b: 500, c: 500 })) await invoke({ answer }, { InferenceId: id });
  assert.deepEqual((await notifications(2)).map((told) => told.inferenceId).sort(), ['a', 'c']);
  assert.equal(emulator.faults().notificationsDropped, 1);
});

test('the first message tries the topic, and messages lie in envelopes unless they are delivered raw', async (t) => {
  for (const rawDelivery of [false, true]) {
    const { messages } = await emulatedEndpoint(t, { rawDelivery });
    const bodies = await messages(2);
    for (const body of bodies) {
      assert.equal((JSON.parse(body) as { Type?: string }).Type, rawDelivery ? undefined : 'Notification');
      assert.deepEqual(notificationIn(body), {
        eventVersion: '1.0',
        eventSource: 'aws:sagemaker',
        eventName: 'TestNotification',
      });
    }
  }
});

test('a queue can be told without SNS, in envelopes or raw', async (t) => {
  const sns = await emulatedEndpoint(t);
  await sns.messages(2);
  for (const rawDelivery of [false, true]) {
    const { invoke } = await emulatedEndpoint(t, { sqs: sns.s3Address, queueUrl: sns.queueUrl, rawDelivery });
    assert.equal((await sns.messages(2)).length, 2);
    const { inferenceId } = await invoke({});
    const [body = ''] = await sns.messages(1);
    assert.equal((JSON.parse(body) as { Type?: string }).Type, rawDelivery ? undefined : 'Notification');
    assert.equal(notificationIn(body).inferenceId, inferenceId);
  }
});

test('a topic that takes nothing is counted, and the receipt is there all the same', async (t) => {
  const { invoke, object, emulator } = await emulatedEndpoint(t, {
    successTopic: 'arn:aws:sns:us-east-1:000000000000:nobody',
  });
  const { output } = await invoke({});
  await until(async () => (await object(output)) !== undefined);
  // One for the test notification.
  await until(() => emulator.metrics()['NotificationFailures'] === 2);
});
