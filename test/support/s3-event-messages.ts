/**
 * The messages in which S3 tells of a written object, as AWS sends them.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and ev-events.html
 */
import { randomUUID } from 'node:crypto';

export interface WrittenObject {
  readonly key: string;
  readonly etag: string;
  readonly contentLength: number;
}

const REGION = 'us-east-1';
let written = 0;

/** To an SQS queue. Keys are encoded as in forms: a blank is a plus sign. */
export function objectCreated(
  bucket: string,
  { key, etag, contentLength }: WrittenObject,
  eventName = 'ObjectCreated:Put',
) {
  written += 1;
  return {
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: REGION,
        eventTime: new Date().toISOString(),
        eventName,
        userIdentity: { principalId: 'AWS:EXAMPLE' },
        requestParameters: { sourceIPAddress: '127.0.0.1' },
        responseElements: { 'x-amz-request-id': randomUUID(), 'x-amz-id-2': randomUUID() },
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: 'manifests',
          bucket: { name: bucket, ownerIdentity: { principalId: 'EXAMPLE' }, arn: `arn:aws:s3:::${bucket}` },
          object: {
            key: encodeURIComponent(key).replaceAll('%2F', '/').replaceAll('%20', '+'),
            size: contentLength,
            eTag: etag.replaceAll('"', ''),
            sequencer: written.toString(16).toUpperCase().padStart(18, '0'),
          },
        },
      },
    ],
  };
}

/** What a queue gets once, when it is named in a bucket's notifications. */
export const testEvent = (bucket: string) => ({
  Service: 'Amazon S3',
  Event: 's3:TestEvent',
  Time: new Date().toISOString(),
  Bucket: bucket,
  RequestId: 'EXAMPLE123',
  HostId: 'EXAMPLE456',
});

/** The same by way of an SNS topic whose subscription does not deliver raw messages. */
export const throughSns = (message: unknown) => ({
  Type: 'Notification',
  MessageId: randomUUID(),
  TopicArn: `arn:aws:sns:${REGION}:000000000000:uploads`,
  Subject: 'Amazon S3 Notification',
  Message: JSON.stringify(message),
  Timestamp: new Date().toISOString(),
});

/** The same by way of EventBridge: its keys are not encoded. */
export const throughEventBridge = (bucket: string, { key, etag, contentLength }: WrittenObject) => ({
  version: '0',
  id: randomUUID(),
  'detail-type': 'Object Created',
  source: 'aws.s3',
  account: '000000000000',
  time: new Date().toISOString(),
  region: REGION,
  resources: [`arn:aws:s3:::${bucket}`],
  detail: {
    version: '0',
    bucket: { name: bucket },
    object: { key, size: contentLength, etag: etag.replaceAll('"', ''), sequencer: '00617F08299329D189' },
    'request-id': 'EXAMPLE123',
    requester: '000000000000',
    reason: 'PutObject',
  },
});
