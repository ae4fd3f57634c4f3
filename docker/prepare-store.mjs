/**
 * Makes what docker-compose.yml needs before the API starts: the bucket of the store, the bucket in which manifests land, the queue
 * that hears of them (with its dead letters), the queue that hears of jobs and the one that hears of inferences. Does nothing that is done already. Plain JavaScript: it runs from the image.
 *   STORE_ENDPOINT, STORE_BUCKET, MANIFEST_BUCKET, MANIFEST_QUEUE, EVENT_QUEUE, INFERENCE_QUEUE; credentials and region as the AWS SDK finds them
 */
import { CreateBucketCommand, PutBucketNotificationConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';

const say = (line) => process.stdout.write(`${line}\n`);

function required(name) {
  const value = process.env[name];
  if (value) return value;
  process.stderr.write(`${name} is not set.\n`);
  process.exit(2);
}

const endpoint = required('STORE_ENDPOINT');
const s3 = new S3Client({ endpoint, forcePathStyle: true });
const sqs = new SQSClient({ endpoint });

async function makeBucket(bucket) {
  try {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if (error.name !== 'BucketAlreadyOwnedByYou' && error.name !== 'BucketAlreadyExists') throw error;
  }
  say(`bucket ${bucket}`);
}

/** @returns its ARN. Attributes are set afterwards: a queue that is there with other ones could not be made. */
async function makeQueue(queue, attributes = {}) {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: queue }));
  if (Object.keys(attributes).length > 0) {
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: attributes }));
  }
  const asked = { QueueUrl, AttributeNames: ['QueueArn'] };
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand(asked));
  say(`queue ${QueueUrl}`);
  return Attributes.QueueArn;
}

/** Tries of a manifest that cannot be taken, and how long it lies among the dead letters. */
const RECEIVES_MAX = 5;
const RETENTION_SECONDS = String(14 * 24 * 3600);
const MANIFEST_ENDINGS = ['.jsonl', '.csv'];

await makeBucket(required('STORE_BUCKET'));
const manifests = required('MANIFEST_BUCKET');
await makeBucket(manifests);
await makeQueue(required('EVENT_QUEUE'));
await makeQueue(required('INFERENCE_QUEUE'));
const queue = required('MANIFEST_QUEUE');
const deadLetterTargetArn = await makeQueue(`${queue}-dead`, { MessageRetentionPeriod: RETENTION_SECONDS });
const QueueArn = await makeQueue(queue, {
  MessageRetentionPeriod: RETENTION_SECONDS,
  RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: String(RECEIVES_MAX) }),
});
// The audio is written beside the manifests: nobody need hear of that.
const QueueConfigurations = MANIFEST_ENDINGS.map((ending) => ({
  Id: ending.slice(1),
  QueueArn,
  Events: ['s3:ObjectCreated:*'],
  Filter: { Key: { FilterRules: [{ Name: 'suffix', Value: ending }] } },
}));
await s3.send(
  new PutBucketNotificationConfigurationCommand({
    Bucket: manifests,
    NotificationConfiguration: { QueueConfigurations },
  }),
);
say(`${manifests} tells ${QueueArn} of ${MANIFEST_ENDINGS.join(' and ')}`);
