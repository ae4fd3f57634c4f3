/** An endpoint with S3, SNS and SQS around it, and the official client in front. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { GetObjectCommand, NoSuchKey, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  InvokeEndpointAsyncCommand,
  type InvokeEndpointAsyncCommandInput,
  SageMakerRuntimeClient,
} from '@aws-sdk/client-sagemaker-runtime';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import {
  type SageMakerEmulator,
  type SageMakerEmulatorOptions,
  startSageMakerEmulator,
} from '../../../tools/sagemaker-emulator/emulator.ts';
import { startS3Emulator } from '../../support/s3-emulator.ts';
import { createFakeContainer, type FakeContainer, type Script } from './fake-container.ts';

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

export const ENDPOINT = 'narrator';
const QUEUE = 'inferences';

export interface Notification {
  readonly eventName: string;
  readonly invocationStatus?: 'Completed' | 'Failed';
  readonly failureReason?: string;
  readonly inferenceId?: string;
  readonly requestParameters?: Readonly<Record<string, string>>;
  readonly responseParameters?: Readonly<Record<string, string>>;
  readonly responseBody?: { readonly content: string; readonly encoding: string };
}

export interface EmulatedEndpoint {
  readonly emulator: SageMakerEmulator;
  /** in this process, where no command was given */
  readonly container: FakeContainer;
  readonly client: SageMakerRuntimeClient;
  readonly s3Address: string;
  readonly queueUrl: string;
  readonly invoke: (script: Script & Readonly<Record<string, unknown>>, more?: Asked) => Promise<Accepted>;
  readonly send: (input: Asked) => Promise<Accepted>;
  /** waits for so many messages, as they are in the queue */
  readonly messages: (count: number) => Promise<string[]>;
  /** waits for so many notifications, without the test notifications and SNS's envelopes */
  readonly notifications: (count: number) => Promise<Notification[]>;
  readonly put: (location: string, body: string) => Promise<void>;
  /** undefined if there is no such object */
  readonly object: (location: string | undefined) => Promise<string | undefined>;
}

type Asked = Partial<InvokeEndpointAsyncCommandInput>;

export interface Accepted {
  readonly inferenceId: string;
  readonly output: string;
  readonly failure: string | undefined;
  readonly status: number | undefined;
}

export type EndpointSettings = Partial<SageMakerEmulatorOptions> & { readonly maxAttempts?: number };

export async function emulatedEndpoint(t: TestContext, settings: EndpointSettings = {}): Promise<EmulatedEndpoint> {
  const { maxAttempts = 1, ...options } = settings;
  const s3Emulator = await startS3Emulator();
  const { endpoint, region, credentials } = s3Emulator.connection;
  s3Emulator.createBucket('bucket');
  const queue = s3Emulator.createQueue(QUEUE);
  const s3 = new S3Client(s3Emulator.connection);
  const sqs = new SQSClient({ endpoint, region, credentials });
  const topics = await subscribedTopics(
    new SNSClient({ endpoint, region, credentials }),
    queue.arn,
    options.rawDelivery,
  );
  const container = createFakeContainer();
  container.server.listen(0, '127.0.0.1');
  await once(container.server, 'listening');
  const address = `http://127.0.0.1:${(container.server.address() as AddressInfo).port}`;
  const emulator = await startSageMakerEmulator({
    ...{ endpoint: ENDPOINT, s3: endpoint, sqs: endpoint, sns: endpoint, seed: 1 },
    instances: options.command === undefined ? [address] : 1,
    ...{ outputPath: 's3://bucket/out/', failurePath: 's3://bucket/failed' },
    ...{ successTopic: topics.success, errorTopic: topics.error },
    ...options,
  });
  const client = new SageMakerRuntimeClient({ endpoint: emulator.url, region, credentials, maxAttempts });
  t.after(async () => {
    await emulator.close();
    container.server.closeAllConnections();
    container.server.close();
    for (const one of [s3, sqs, client]) one.destroy();
    await s3Emulator.close();
  });

  const send = async (input: Asked): Promise<Accepted> => {
    const answer = await client.send(new InvokeEndpointAsyncCommand({ EndpointName: ENDPOINT, ...input }));
    return {
      inferenceId: answer.InferenceId ?? '',
      output: answer.OutputLocation ?? '',
      failure: answer.FailureLocation,
      status: answer.$metadata.httpStatusCode,
    };
  };
  const messages = async (count: number): Promise<string[]> => {
    const bodies: string[] = [];
    await until(async () => {
      const asked = { QueueUrl: queue.url, MaxNumberOfMessages: 10 };
      for (const { Body = '', ReceiptHandle } of (await sqs.send(new ReceiveMessageCommand(asked))).Messages ?? []) {
        bodies.push(Body);
        await sqs.send(new DeleteMessageCommand({ QueueUrl: queue.url, ReceiptHandle }));
      }
      return bodies.length >= count;
    });
    return bodies;
  };
  const received: Notification[] = [];
  return {
    ...{ emulator, container, client, send, messages, s3Address: endpoint, queueUrl: queue.url },
    invoke: (script, more = {}) => send({ Body: Buffer.from(JSON.stringify(script)), ...more }),
    async notifications(count) {
      while (received.length < count) {
        const news = (await messages(1)).map(notificationIn);
        received.push(...news.filter(({ eventName }) => eventName === 'InferenceResult'));
      }
      return received.splice(0);
    },
    async put(location, body) {
      await s3.send(new PutObjectCommand({ ...placeOf(location), Body: body }));
    },
    async object(location) {
      if (location === undefined) return undefined;
      try {
        return await (await s3.send(new GetObjectCommand(placeOf(location)))).Body?.transformToString();
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
  };
}

/** The fake container as a process of its own. */
export const fakeProcess = (env: Readonly<Record<string, string>> = {}) => ({
  argv: [
    process.execPath,
    '--import',
    import.meta.resolve('tsx'),
    join(import.meta.dirname, 'fake-container.child.ts'),
  ] as const,
  env,
});

export function notificationIn(body: string): Notification {
  const parsed = JSON.parse(body) as Notification & { readonly Message?: string };
  return parsed.Message === undefined ? parsed : (JSON.parse(parsed.Message) as Notification);
}

export async function until(holds: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('It did not come to be.');
    await delay(20);
  }
}

function placeOf(location: string): { Bucket: string; Key: string } {
  const { host, pathname } = new URL(location);
  return { Bucket: host, Key: pathname.slice(1) };
}

async function subscribedTopics(sns: SNSClient, queueArn: string, raw = false) {
  const create = async (Name: string) => {
    const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name }));
    const Attributes = { RawMessageDelivery: String(raw) };
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: queueArn, Attributes }));
    return TopicArn;
  };
  const topics = { success: await create('success'), error: await create('error') };
  sns.destroy();
  return topics;
}
