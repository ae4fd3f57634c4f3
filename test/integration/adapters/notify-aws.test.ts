import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { SnsSender } from '../../../src/adapters/notify-sns.ts';
import { SqsSender } from '../../../src/adapters/notify-sqs.ts';
import type { JobEvent } from '../../../src/core/events.ts';
import { type S3Emulator, startS3Emulator } from '../../support/s3-emulator.ts';

const event = (number: number): JobEvent => ({
  id: `evt_${String(number).padStart(32, '0')}`,
  type: 'job.completed',
  timestamp: '2026-01-01T00:00:00.000Z',
  data: { jobId: 'job', round: 1 },
});
const idle = new AbortController().signal;

describe('events through SQS and SNS', { timeout: 60_000 }, () => {
  let emulator: S3Emulator;
  let sqs: SQSClient;
  let sns: SNSClient;
  const senders = { sqs: new SqsSender(), sns: new SnsSender() };
  const environment = { ...process.env };
  before(async () => {
    emulator = await startS3Emulator();
    const { endpoint, region, credentials } = emulator.connection;
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_SQS: endpoint,
      AWS_ENDPOINT_URL_SNS: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    });
    sqs = new SQSClient({ endpoint, region, credentials });
    sns = new SNSClient({ endpoint, region, credentials });
  });
  after(async () => {
    process.env = environment;
    senders.sqs.close();
    senders.sns.close();
    sqs.destroy();
    sns.destroy();
    await emulator.close();
  });

  async function queue(name: string): Promise<{ url: string; arn: string }> {
    const Attributes = name.endsWith('.fifo') ? { FifoQueue: 'true' } : {};
    const { QueueUrl: url = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
    const asked = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] });
    return { url, arn: (await sqs.send(asked)).Attributes?.['QueueArn'] ?? '' };
  }

  async function messagesOf(url: string) {
    const asked = { QueueUrl: url, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] };
    return (await sqs.send(new ReceiveMessageCommand(asked))).Messages ?? [];
  }

  it('arrive in a queue as the event, with its type and job as attributes', async () => {
    const { url } = await queue('told');
    await senders.sqs.send(url, event(1), idle);
    const [message = assert.fail(), ...others] = await messagesOf(url);
    assert.deepEqual(others, []);
    assert.deepEqual(JSON.parse(message.Body ?? ''), event(1));
    assert.equal(message.MessageAttributes?.['type']?.StringValue, 'job.completed');
    assert.equal(message.MessageAttributes?.['jobId']?.StringValue, 'job');
  });

  it('go where the environment says that SQS is, whatever host the queue’s address names', async () => {
    const sent = senders.sqs.send('https://sqs.us-east-1.amazonaws.com/000000000000/told', event(1), idle);
    // The emulator's answer: it knows its queues by its own address.
    await assert.rejects(sent, { message: /QueueDoesNotExist/ });
  });

  it('arrive once in a queue that keeps order, although they are sent again', async () => {
    const { url } = await queue('told.fifo');
    for (const number of [1, 2, 1]) await senders.sqs.send(url, event(number), idle);
    const asked = { QueueUrl: url, AttributeNames: ['ApproximateNumberOfMessages' as const] };
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand(asked));
    assert.equal(Attributes?.['ApproximateNumberOfMessages'], '2');
  });

  it('arrive through a topic, to be filtered by type', async () => {
    const { url, arn } = await queue('by-topic');
    const { TopicArn: topic = '' } = await sns.send(new CreateTopicCommand({ Name: 'told' }));
    const Attributes = {
      RawMessageDelivery: 'true',
      FilterPolicy: JSON.stringify({ type: ['job.completed'] }),
    };
    await sns.send(new SubscribeCommand({ TopicArn: topic, Protocol: 'sqs', Endpoint: arn, Attributes }));
    await senders.sns.send(topic, event(1), idle);
    await senders.sns.send(topic, { ...event(2), type: 'job.failed' }, idle);
    const messages = await messagesOf(url);
    assert.deepEqual(
      messages.map(({ Body }) => (JSON.parse(Body ?? '') as JobEvent).id),
      [event(1).id],
    );
    assert.equal(messages[0]?.MessageAttributes?.['jobId']?.StringValue, 'job');
  });

  it('that are not taken can be sent again, and say why by the name of the error', async () => {
    const nowhere = `${emulator.endpoint}/000000000000/nowhere`;
    await assert.rejects(senders.sqs.send(nowhere, event(1), idle), {
      code: 'delivery_failed',
      message: /SQS did not take the message: QueueDoesNotExist/,
    });
    await assert.rejects(senders.sns.send('arn:aws:sns:us-east-1:000000000000:nowhere', event(1), idle), {
      code: 'delivery_failed',
      message: /SNS did not take the message: NotFound/,
    });
    const aborted = AbortSignal.abort();
    await assert.rejects(senders.sqs.send(nowhere, event(1), aborted), { code: 'delivery_failed' });
  });
});
