/** Queues with a queue of their own for what nobody could take, and the topics that SageMaker tells of ended invocations. */
import { Duration } from 'aws-cdk-lib';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface QueuePair {
  readonly queue: sqs.Queue;
  readonly dead: sqs.Queue;
}

const SHARED = { encryption: sqs.QueueEncryption.SQS_MANAGED, enforceSSL: true, retentionPeriod: Duration.days(14) };

/** Consumers renew a message's time while they are at it, so it need not be long. */
export function queuePair(parent: Construct, id: string): QueuePair {
  const scope = new Construct(parent, id);
  const dead = new sqs.Queue(scope, 'Dead', SHARED);
  const queue = new sqs.Queue(scope, 'Queue', {
    ...SHARED,
    visibilityTimeout: Duration.seconds(60),
    receiveMessageWaitTime: Duration.seconds(20),
    deadLetterQueue: { queue: dead, maxReceiveCount: 5 },
  });
  return { queue, dead };
}

export interface ResultTopics {
  readonly success: sns.Topic;
  readonly error: sns.Topic;
}

/** What SageMaker says holds ids and locations, neither texts nor audio: it needs no key of its own. */
export function resultTopics(scope: Construct, { queue, dead }: QueuePair): ResultTopics {
  const topic = (id: string) => {
    const made = new sns.Topic(scope, id, { enforceSSL: true });
    made.addSubscription(new subscriptions.SqsSubscription(queue, { rawMessageDelivery: true, deadLetterQueue: dead }));
    return made;
  };
  return { success: topic('Succeeded'), error: topic('Failed') };
}
