/** S3, SQS and SNS as the endpoint's execution role would use them. */
import { randomUUID } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

export interface AwsAddresses {
  /** address of an emulator; default: AWS */
  readonly s3?: string;
  readonly sqs?: string;
  readonly sns?: string;
  readonly region: string;
}

export interface NotificationTarget {
  /** ARN */
  readonly topic: string;
  /** the queue that is subscribed to it: SNS is left out, and this program does what SNS would. Default: SNS does it */
  readonly queueUrl?: string;
  /** RawMessageDelivery of that subscription */
  readonly raw: boolean;
}

export class Aws {
  readonly #s3: S3Client;
  readonly #sqs: SQSClient;
  readonly #sns: SNSClient;

  constructor({ s3, sqs, sns, region }: AwsAddresses) {
    this.#s3 = new S3Client({ region, ...at(s3), forcePathStyle: s3 !== undefined });
    this.#sqs = new SQSClient({ region, ...at(sqs), useQueueUrlAsEndpoint: sqs === undefined });
    this.#sns = new SNSClient({ region, ...at(sns) });
  }

  /** @throws what S3 says, or that this is no location */
  async download(location: string): Promise<Buffer> {
    const { Body } = await this.#s3.send(new GetObjectCommand(placeOf(location)));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }

  async upload(location: string, body: Buffer): Promise<void> {
    // Without a content type: whether AWS sets one is not known, and nobody may need it.
    await this.#s3.send(new PutObjectCommand({ ...placeOf(location), Body: body }));
  }

  /** @param times the same message is delivered so often */
  async publish({ topic, queueUrl, raw }: NotificationTarget, message: string, times: number): Promise<void> {
    const body = raw ? message : enveloped(topic, message);
    for (let sent = 0; sent < times; sent += 1) {
      if (queueUrl === undefined) await this.#sns.send(new PublishCommand({ TopicArn: topic, Message: message }));
      else await this.#sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));
    }
  }

  close(): void {
    this.#s3.destroy();
    this.#sqs.destroy();
    this.#sns.destroy();
  }
}

/** An emulator takes any credentials, but the SDK sends no request without. */
function at(endpoint: string | undefined) {
  if (endpoint === undefined) return {};
  if (process.env['AWS_ACCESS_KEY_ID'] !== undefined) return { endpoint };
  return { endpoint, credentials: { accessKeyId: 'emulator', secretAccessKey: 'emulator' } };
}

/** s3://bucket/key, or the same as an address: https://bucket.s3.region.amazonaws.com/key, https://s3.region.amazonaws.com/bucket/key */
export function placeOf(location: string): { Bucket: string; Key: string } {
  const [, bucket, key] =
    /^s3:\/\/([^/]+)\/(.+)$/.exec(location) ??
    /^https:\/\/([^/]+)\.s3[.-][^/]*\/(.+)$/.exec(location) ??
    /^https:\/\/s3[.-][^/]*\/([^/]+)\/(.+)$/.exec(location) ??
    [];
  if (bucket === undefined || key === undefined) throw new Error(`${location} is no place of an object.`);
  return { Bucket: bucket, Key: location.startsWith('s3:') ? key : decodeURIComponent(key) };
}

/** https://docs.aws.amazon.com/sns/latest/dg/http-notification-json.html; one id however often it is delivered */
function enveloped(topic: string, message: string): string {
  const [, , , region] = topic.split(':');
  const address = `https://sns.${region}.amazonaws.com`;
  return JSON.stringify({
    Type: 'Notification',
    MessageId: randomUUID(),
    TopicArn: topic,
    Message: message,
    Timestamp: new Date().toISOString(),
    SignatureVersion: '1',
    Signature: 'none',
    SigningCertURL: `${address}/SimpleNotificationService-0.pem`,
    UnsubscribeURL: `${address}/?Action=Unsubscribe`,
    MessageAttributes: {},
  });
}
