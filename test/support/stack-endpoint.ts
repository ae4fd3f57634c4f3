/** A SageMaker endpoint for a stack: the emulator in this process, with containers that are processes of ours. */
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  type SageMakerEmulator,
  type SageMakerEmulatorOptions,
  startSageMakerEmulator,
} from '../../tools/sagemaker-emulator/emulator.ts';
import { CONTAINER_CHILD, type ContainerChildSettings } from './container-process.ts';
import type { S3Emulator } from './s3-emulator.ts';

export interface StackEndpointOptions extends Omit<Partial<SageMakerEmulatorOptions>, 'command' | 'instances'> {
  /** the most containers */
  readonly instances: number;
  readonly container: ContainerChildSettings;
}

export interface StackEndpoint {
  readonly emulator: SageMakerEmulator;
  /** what makes a server dispatch to it */
  readonly serverSettings: Readonly<Record<string, string>>;
}

const NAME = 'narrator';
const QUEUE = 'inferences';

/**
 * @param bucket gets receipts and failures below `async/`
 * @param containerEnv of the containers: the store above all
 */
export async function startStackEndpoint(
  { instances, container, ...knobs }: StackEndpointOptions,
  { s3, bucket, containerEnv }: { s3: S3Emulator; bucket: string; containerEnv: Readonly<Record<string, string>> },
): Promise<StackEndpoint> {
  const queue = s3.createQueue(QUEUE);
  const topics = await createTopics(s3, queue.arn);
  const env = {
    ...withoutInherited(),
    ...containerEnv,
    NARRATOR_HOST: '127.0.0.1',
    CONTAINER_CHILD: JSON.stringify(container),
  };
  const emulator = await startSageMakerEmulator({
    ...{ endpoint: NAME, s3: s3.endpoint, sqs: s3.endpoint, sns: s3.endpoint, instances },
    command: { argv: [process.execPath, ...CONTAINER_CHILD, 'serve'], env },
    outputPath: `s3://${bucket}/async/out`,
    failurePath: `s3://${bucket}/async/failed`,
    ...topics,
    ...knobs,
  });
  return {
    emulator,
    serverSettings: {
      NARRATOR_DISPATCH: 'sagemaker',
      NARRATOR_SAGEMAKER_ENDPOINT: NAME,
      NARRATOR_SAGEMAKER_URL: emulator.url,
      NARRATOR_SAGEMAKER_QUEUE_URL: queue.url,
    },
  };
}

/** What this process was started with is not meant for its containers. */
function withoutInherited(): Record<string, undefined> {
  const names = Object.keys(process.env).filter((name) => /^(NARRATOR_|NODE_|AWS_)/.test(name));
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

async function createTopics({ connection }: S3Emulator, queueArn: string) {
  const { endpoint, region, credentials } = connection;
  const client = new SNSClient({ endpoint, region, credentials });
  const create = async (Name: string) => {
    const { TopicArn = '' } = await client.send(new CreateTopicCommand({ Name }));
    await client.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: queueArn }));
    return TopicArn;
  };
  try {
    return { successTopic: await create('inferences-done'), errorTopic: await create('inferences-failed') };
  } finally {
    client.destroy();
  }
}
