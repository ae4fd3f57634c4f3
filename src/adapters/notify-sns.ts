/** Events as messages of SNS topics. Credentials and endpoint are the ones that the AWS SDK finds in its environment. */
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { DeliveryError } from '../core/deliver-outbox.ts';
import { type JobEvent, payloadOf } from '../core/events.ts';

const TIMEOUT_MS = 15_000;

export class SnsSender {
  /** by region: a topic can only be reached through its own */
  readonly #clients = new Map<string, SNSClient>();

  /** @throws DeliveryError */
  async send(topicArn: string, event: JobEvent, signal: AbortSignal): Promise<void> {
    const command = new PublishCommand({
      TopicArn: topicArn,
      Message: payloadOf(event),
      MessageAttributes: {
        type: { DataType: 'String', StringValue: event.type },
        jobId: { DataType: 'String', StringValue: event.data.jobId },
      },
      // A topic that keeps order keeps it within a job, and drops what it was sent twice.
      ...(topicArn.endsWith('.fifo') && { MessageGroupId: event.data.jobId, MessageDeduplicationId: event.id }),
    });
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      await this.#clientFor(topicArn).send(command, { abortSignal });
    } catch (cause) {
      const name = cause instanceof Error ? cause.name : 'unknown error';
      throw new DeliveryError(`SNS did not take the message: ${name}.`, {}, { cause });
    }
  }

  /** Idempotent. */
  close(): void {
    for (const client of this.#clients.values()) client.destroy();
    this.#clients.clear();
  }

  #clientFor(topicArn: string): SNSClient {
    const region = topicArn.split(':')[3] ?? '';
    const client = this.#clients.get(region) ?? new SNSClient({ region });
    this.#clients.set(region, client);
    return client;
  }
}
