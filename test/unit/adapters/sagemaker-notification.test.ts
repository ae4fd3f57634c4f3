import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNotification } from '../../../src/adapters/sagemaker-notification.ts';

/** As captured and documented; members that are not always there are left out in places. */
const completed = {
  awsRegion: 'us-east-1',
  eventTime: '2022-01-25T22:46:00.608Z',
  receivedTime: '2022-01-25T22:46:00.455Z',
  invocationStatus: 'Completed',
  requestParameters: { contentType: 'text/csv', endpointName: 'narrator', inputLocation: 's3://bucket/in' },
  responseParameters: { contentType: 'application/json', outputLocation: 's3://bucket/out/1.out' },
  responseBody: { content: 'e30=', encoding: 'BASE64' },
  inferenceId: 'job_shard-000001_1_abcd',
  eventVersion: '1.0',
  eventSource: 'aws:sagemaker',
  eventName: 'InferenceResult',
};
const failed = (failureReason?: unknown) => ({
  invocationStatus: 'Failed',
  failureReason,
  inferenceId: 'job_shard-000001_1_abcd',
  eventName: 'InferenceResult',
});
const enveloped = (message: unknown) =>
  JSON.stringify({ Type: 'Notification', MessageId: 'm', TopicArn: 'arn', Message: message });

const done = { inferenceId: 'job_shard-000001_1_abcd', isCompleted: true, status: undefined };

test('a result is read from the envelope of SNS, and without one', () => {
  assert.deepEqual(parseNotification(enveloped(JSON.stringify(completed))), done);
  assert.deepEqual(parseNotification(JSON.stringify(completed)), done);
});

test('a failure says with what the container answered, as far as its reason does', () => {
  const statusOf = (reason?: unknown) => parseNotification(JSON.stringify(failed(reason)))?.status;
  assert.equal(statusOf('ClientError: Received client error (400) from model. See the logs.'), 400);
  assert.equal(statusOf('ClientError: Received server error (500) from model.'), 500);
  assert.equal(statusOf('ClientError: Received server error (0) from model.'), 0);
  assert.equal(statusOf('Amazon SageMaker could not get a response from the narrator endpoint.'), undefined);
  assert.equal(statusOf(undefined), undefined);
  assert.equal(statusOf({ text: '(400)' }), undefined);
});

test('what is no end of an invocation is nothing', () => {
  const test = { eventVersion: '1.0', eventSource: 'aws:sagemaker', eventName: 'TestNotification' };
  const bodies = [
    ...[JSON.stringify(test), enveloped(JSON.stringify(test)), enveloped('no JSON'), enveloped(completed)],
    ...['', 'no JSON', 'null', '[]', '"text"', '{"Type":"SubscriptionConfirmation","Message":"hello"}'],
    JSON.stringify({ ...completed, inferenceId: undefined }),
    JSON.stringify({ ...completed, inferenceId: 'x'.repeat(65) }),
    JSON.stringify({ ...completed, invocationStatus: 'InProgress' }),
  ];
  for (const body of bodies) assert.equal(parseNotification(body), undefined, body);
});
