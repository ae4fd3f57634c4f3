/** Events as messages of SQS queues. Credentials and endpoint are the ones that the AWS SDK finds in its environment. */
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DeliveryError } from '../core/deliver-outbox.ts';
import { type JobEvent, payloadOf } from '../core/events.ts';

/** https://docs.aws.amazon.com/general/latest/gr/sqs-service.html; other hosts are those of emulators. */
const AWS_HOST = /^sqs(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/;

const TIMEOUT_MS = 15_000;

export class SqsSender {
  /** by region: a queue can only be reached through its own */
  readonly #clients = new Map<string | undefined, SQSClient>();

  /** @throws DeliveryError */
  async send(queueUrl: string, event: JobEvent, signal: AbortSignal): Promise<void> {
    const command = new SendMessageCommand({
      QueueUrl: queueUrl,
      MessageBody: payloadOf(event),
      MessageAttributes: {
        type: { DataType: 'String', StringValue: event.type },
        jobId: { DataType: 'String', StringValue: event.data.jobId },
      },
      // A queue that keeps order keeps it within a job, and drops what it was sent twice.
      ...(queueUrl.endsWith('.fifo') && { MessageGroupId: event.data.jobId, MessageDeduplicationId: event.id }),
    });
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      await this.#clientFor(queueUrl).send(command, { abortSignal });
    } catch (cause) {
      const name = cause instanceof Error ? cause.name : 'unknown error';
      throw new DeliveryError(`SQS did not take the message: ${name}.`, {}, { cause });
    }
  }

  /** Idempotent. */
  close(): void {
    for (const client of this.#clients.values()) client.destroy();
    this.#clients.clear();
  }

  #clientFor(queueUrl: string): SQSClient {
    const region = AWS_HOST.exec(new URL(queueUrl).hostname)?.[1];
    let client = this.#clients.get(region);
    if (client === undefined) {
      // The queue's address is a name: where SQS is, the environment says (AWS_ENDPOINT_URL_SQS), else its region.
      client = new SQSClient({ useQueueUrlAsEndpoint: false, ...(region !== undefined && { region }) });
      this.#clients.set(region, client);
    }
    return client;
  }
}
