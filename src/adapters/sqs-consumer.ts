/**
 * Takes messages from an SQS queue: long polling, a heartbeat while one is being handled, and its deletion once it was. What could not be
 * handled is left to the queue, which hands it out again a while later and, after so many times, moves it to its dead-letter queue.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SQSClient,
  type SQSClientConfig,
} from '@aws-sdk/client-sqs';
import { NarratorError, toNarratorError } from '../core/errors.ts';

export interface SqsConsumerOptions {
  readonly queueUrl: string;
  /** Resolves once the message may be forgotten. May be called with the same message again, also while it is at work elsewhere. */
  readonly handler: (body: string, signal: AbortSignal) => Promise<void>;
  /** its events are named 'manifests.…', or as `name` says */
  readonly log: (event: string, fields: Record<string, unknown>) => void;
  readonly name?: string;
  /** messages at work at once. Default 4 */
  readonly concurrency?: number;
  /** of a queue whose address does not say it; default us-east-1, which is as good as any to an emulator */
  readonly region?: string;
  /** default: what the AWS SDK finds (variables, profile, role) */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** how long one look at an empty queue waits: SQS takes up to 20 */
  readonly waitSeconds?: number;
  /** how long a message is kept from others; renewed three times within while it is at work. Default 60 */
  readonly visibilitySeconds?: number;
  /** until a message that failed is handed out again, by how often it was. Default 10 s, doubled each time, up to 15 minutes */
  readonly retrySeconds?: (receives: number) => number;
}

const WAIT_SECONDS = 20;
const VISIBILITY_SECONDS = 60;
const CONCURRENCY = 4;
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html */
const MESSAGES_MAX = 10;
const PAUSE_MS = { first: 1_000, longest: 30_000 };
/** https://docs.aws.amazon.com/general/latest/gr/sqs-service.html; other hosts are those of emulators. */
const AWS_HOST = /(?:^|\.)sqs(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com(?:\.cn)?$/;

export class SqsConsumer {
  readonly #options: SqsConsumerOptions & { readonly waitSeconds: number; readonly visibilitySeconds: number };
  readonly #name: string;
  readonly #client: SQSClient;
  readonly #atWork = new Set<Promise<void>>();
  /** no further messages */
  readonly #stop = new AbortController();
  /** and those at work are to end */
  readonly #interrupt = new AbortController();
  #polling: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: SqsConsumerOptions) {
    const { waitSeconds = WAIT_SECONDS, visibilitySeconds = VISIBILITY_SECONDS } = options;
    this.#options = { ...options, waitSeconds, visibilitySeconds };
    this.#name = options.name ?? 'manifests';
    this.#client = new SQSClient(clientConfig(options, waitSeconds));
  }

  /** Idempotent. @throws NarratorError config_invalid when there is no such queue. One that cannot be reached is tried again. */
  async start(): Promise<void> {
    if (this.#polling !== undefined) return;
    this.#polling = Promise.resolve();
    await this.#checkQueue();
    if (!this.#stop.signal.aborted) this.#polling = this.#poll();
  }

  /** Takes no more, lets those at work end within `graceMs`, then interrupts them: they go back to the queue. Idempotent. */
  close({ graceMs = 5_000 }: { graceMs?: number } = {}): Promise<void> {
    this.#closed ??= (async () => {
      this.#stop.abort();
      const timer = setTimeout(() => this.#interrupt.abort(), graceMs);
      await this.#polling;
      await Promise.all(this.#atWork);
      clearTimeout(timer);
      this.#client.destroy();
    })();
    return this.#closed;
  }

  async #checkQueue(): Promise<void> {
    const { queueUrl, log } = this.#options;
    const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['RedrivePolicy'] });
    try {
      const { Attributes } = await this.#client.send(command, { abortSignal: this.#stop.signal });
      if (Attributes?.RedrivePolicy === undefined) {
        const error = 'what cannot be taken comes back until it expires';
        log(`${this.#name}.no-dead-letter-queue`, { queueUrl, error });
      }
    } catch (error) {
      if (error instanceof QueueDoesNotExist) {
        throw new NarratorError('config_invalid', `There is no queue ${queueUrl}.`, {}, { cause: error });
      }
      // Whoever may only receive and delete can do all that is needed.
      log(`${this.#name}.queue-not-checked`, { queueUrl, error: nameOf(error) });
    }
  }

  async #poll(): Promise<void> {
    const { log, queueUrl } = this.#options;
    let pauseMs = PAUSE_MS.first;
    while (!this.#stop.signal.aborted) {
      try {
        for (const message of await this.#receive()) this.#take(message);
        pauseMs = PAUSE_MS.first;
        await this.#untilThereIsRoom();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        log(`${this.#name}.queue-unreachable`, { queueUrl, error: nameOf(error), retryMs: pauseMs });
        await sleep(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
        pauseMs = Math.min(PAUSE_MS.longest, pauseMs * 2);
      }
    }
  }

  async #receive(): Promise<Message[]> {
    const { queueUrl, waitSeconds, visibilitySeconds, concurrency = CONCURRENCY } = this.#options;
    const command = new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: Math.min(MESSAGES_MAX, concurrency - this.#atWork.size),
      WaitTimeSeconds: waitSeconds,
      VisibilityTimeout: visibilitySeconds,
      MessageSystemAttributeNames: ['ApproximateReceiveCount'],
    });
    return (await this.#client.send(command, { abortSignal: this.#stop.signal })).Messages ?? [];
  }

  async #untilThereIsRoom(): Promise<void> {
    const { concurrency = CONCURRENCY } = this.#options;
    while (this.#atWork.size >= concurrency) await Promise.race(this.#atWork);
  }

  #take(message: Message): void {
    const work = this.#handle(message).finally(() => this.#atWork.delete(work));
    this.#atWork.add(work);
  }

  /** Never rejects. */
  async #handle({ Body = '', MessageId: messageId, ReceiptHandle: receipt, Attributes }: Message): Promise<void> {
    const { handler, log, queueUrl, visibilitySeconds, retrySeconds = doubled } = this.#options;
    const receives = Number(Attributes?.ApproximateReceiveCount ?? 1);
    const heartbeat = setInterval(() => void this.#hide(receipt, visibilitySeconds), (visibilitySeconds * 1000) / 3);
    try {
      await handler(Body, this.#interrupt.signal);
      clearInterval(heartbeat);
      await this.#client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: receipt }));
    } catch (thrown) {
      clearInterval(heartbeat);
      const { code, message } = toNarratorError(thrown);
      log(`${this.#name}.message-failed`, { messageId, receives, code, error: message });
      // What was interrupted did not fail: whoever takes over may begin at once.
      await this.#hide(receipt, this.#interrupt.signal.aborted ? 0 : retrySeconds(receives));
    }
  }

  /** From others, for so long. If it fails, somebody may do the same work again, which changes nothing. */
  async #hide(receipt: string | undefined, seconds: number): Promise<void> {
    const { queueUrl, log } = this.#options;
    const command = new ChangeMessageVisibilityCommand({
      QueueUrl: queueUrl,
      ReceiptHandle: receipt,
      VisibilityTimeout: seconds,
    });
    await this.#client.send(command).catch((error: unknown) => {
      log(`${this.#name}.message-not-kept`, { queueUrl, error: nameOf(error) });
    });
  }
}

function clientConfig({ queueUrl, region, credentials }: SqsConsumerOptions, waitSeconds: number): SQSClientConfig {
  const { hostname, origin } = new URL(queueUrl);
  return {
    // Left to itself, the SDK takes it from the queue's address too, and complains on the console each time.
    endpoint: origin,
    region: AWS_HOST.exec(hostname)?.[1] ?? region ?? 'us-east-1',
    ...(credentials !== undefined && { credentials }),
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: (waitSeconds + 10) * 1000,
      throwOnRequestTimeout: true,
    },
  };
}

const doubled = (receives: number) => Math.min(900, 10 * 2 ** (receives - 1));

const nameOf = (error: unknown) => (error instanceof Error ? error.name : 'unknown error');
