/**
 * Makes what docker-compose.yml needs before the API starts: the bucket of the store, the bucket in which manifests land, the queue
 * that hears of them, the queue that hears of jobs and the one that hears of inferences. Does nothing that is done already. Plain JavaScript: it runs from the image.
 *   STORE_ENDPOINT, STORE_BUCKET, MANIFEST_BUCKET, MANIFEST_QUEUE, EVENT_QUEUE, INFERENCE_QUEUE; credentials and region as the AWS SDK finds them
 */
import { CreateBucketCommand, PutBucketNotificationConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';

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

/** Making a queue that is there with the same attributes gives its address. */
async function makeQueue(queue) {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: queue }));
  const asked = { QueueUrl, AttributeNames: ['QueueArn'] };
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand(asked));
  say(`queue ${QueueUrl}`);
  return Attributes.QueueArn;
}

await makeBucket(required('STORE_BUCKET'));
const manifests = required('MANIFEST_BUCKET');
await makeBucket(manifests);
await makeQueue(required('EVENT_QUEUE'));
await makeQueue(required('INFERENCE_QUEUE'));
const QueueArn = await makeQueue(required('MANIFEST_QUEUE'));
await s3.send(
  new PutBucketNotificationConfigurationCommand({
    Bucket: manifests,
    NotificationConfiguration: { QueueConfigurations: [{ QueueArn, Events: ['s3:ObjectCreated:*'] }] },
  }),
);
say(`${manifests} tells ${QueueArn} of every object`);
