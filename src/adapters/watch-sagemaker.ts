/** Listens for the ends of invocations, and looks for those of which no notification came. */
import { setTimeout as delay } from 'node:timers/promises';
import type { SageMakerDispatcher } from './dispatch-sagemaker.ts';
import { parseNotification } from './sagemaker-notification.ts';
import { SqsConsumer, type SqsConsumerOptions } from './sqs-consumer.ts';

export interface SageMakerWatcherOptions {
  readonly dispatcher: Pick<SageMakerDispatcher, 'notified' | 'reconcile'>;
  /** SQS queue behind the topics of the endpoint; absent: everything is looked for */
  readonly queueUrl?: string;
  /** as of SqsConsumerOptions */
  readonly queue?: Pick<SqsConsumerOptions, 'region' | 'credentials' | 'waitSeconds' | 'retrySeconds'>;
  /** between two rounds of looking. Default 5000 */
  readonly intervalMs?: number;
  readonly log: SqsConsumerOptions['log'];
}

const INTERVAL_MS = 5_000;
/** Notifications cost a request or two each, and come in bursts. */
const NOTIFICATIONS_AT_ONCE = 10;

export class SageMakerWatcher {
  readonly #options: SageMakerWatcherOptions;
  readonly #consumer: SqsConsumer | undefined;
  readonly #stop = new AbortController();
  #looking: Promise<void> | undefined;

  constructor(options: SageMakerWatcherOptions) {
    const { queueUrl, queue, log } = options;
    this.#options = options;
    this.#consumer =
      queueUrl === undefined
        ? undefined
        : new SqsConsumer({
            ...{ ...queue, queueUrl, log, name: 'sagemaker', concurrency: NOTIFICATIONS_AT_ONCE },
            handler: (body) => this.#handle(body),
          });
  }

  /** Idempotent. @throws NarratorError config_invalid when there is no such queue */
  async start(): Promise<void> {
    this.#looking ??= this.#look();
    await this.#consumer?.start();
  }

  /** What is not handled within `graceMs` goes back to the queue. Idempotent. */
  async close(options: { graceMs?: number } = {}): Promise<void> {
    this.#stop.abort();
    await this.#consumer?.close(options);
    await this.#looking;
  }

  async #handle(body: string): Promise<void> {
    const notification = parseNotification(body);
    if (notification === undefined) this.#options.log('sagemaker.message-ignored', { bytes: Buffer.byteLength(body) });
    else await this.#options.dispatcher.notified(notification);
  }

  async #look(): Promise<void> {
    const { dispatcher, intervalMs = INTERVAL_MS } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await dispatcher.reconcile();
      await delay(intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
