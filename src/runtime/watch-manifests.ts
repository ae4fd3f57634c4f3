/** Makes jobs of the manifests that S3 tells of through a queue. */
import { randomUUID } from 'node:crypto';
import { parseS3Events, type S3Event } from '../adapters/s3-events.ts';
import { SqsConsumer, type SqsConsumerOptions } from '../adapters/sqs-consumer.ts';
import { checkResultsPlace } from './allowed-buckets.ts';
import type { Config } from './config.ts';
import { s3Address } from './manifest-source.ts';
import type { Log, Narrator } from './narrator.ts';
import type { SharedStore } from './open-store.ts';
import { isManifestKey, takeManifest, type TakeManifestDeps } from './take-manifest.ts';

export interface ManifestWatcherOptions extends TakeManifestDeps, Omit<SqsConsumerOptions, 'handler'> {
  /** the controller should look at once */
  readonly wake: () => void;
  readonly log: Log;
}

export class ManifestWatcher {
  readonly #options: ManifestWatcherOptions;
  readonly #consumer: SqsConsumer;

  constructor(options: ManifestWatcherOptions) {
    this.#options = options;
    this.#consumer = new SqsConsumer({ ...options, handler: (body, signal) => this.#handle(body, signal) });
  }

  /** Idempotent. @throws NarratorError config_invalid when there is no such queue */
  start(): Promise<void> {
    return this.#consumer.start();
  }

  /** Manifests that are being copied may end within `graceMs`; the others go back to the queue. Idempotent. */
  close(options: { graceMs?: number } = {}): Promise<void> {
    return this.#consumer.close(options);
  }

  /** One bad object of a message does not keep the others from becoming jobs. @throws the first error, once all were tried */
  async #handle(body: string, signal: AbortSignal): Promise<void> {
    const failures: unknown[] = [];
    for (const event of parseS3Events(body)) {
      try {
        await this.#take(event, signal);
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #take(event: S3Event, signal: AbortSignal): Promise<void> {
    const { log, wake } = this.#options;
    const { bucket, key, isCreation, name } = event;
    const manifest = s3Address({ bucket, key });
    if (!isCreation || !isManifestKey(key)) {
      log('manifests.ignored', { manifest, notification: name });
      return;
    }
    const { outcome, ...taken } = await takeManifest({ bucket, key }, this.#options, signal);
    if ('error' in taken) {
      const { code, message } = taken.error;
      log(`manifests.${outcome}`, { manifest, code, error: message });
      return;
    }
    log(`manifests.${outcome}`, { manifest, ...taken });
    if (outcome === 'accepted') wake();
  }
}

/** The watcher of a deployment; undefined where no queue is named. */
export function manifestWatcher(
  config: Pick<Config, 'manifestQueueUrl' | 's3' | 'buckets' | 'store'>,
  parts: {
    readonly shared: Pick<SharedStore, 'store' | 'openPlace'>;
    readonly narrator: Pick<Narrator, 'choices' | 'speechModel'>;
  } & Pick<ManifestWatcherOptions, 'checkSubscriptions' | 'wake' | 'log'>,
): ManifestWatcher | undefined {
  const { manifestQueueUrl: queueUrl, s3 } = config;
  if (queueUrl === undefined) return undefined;
  const { shared, narrator, ...rest } = parts;
  const { id, digest } = narrator.speechModel;
  return new ManifestWatcher({
    ...rest,
    queueUrl,
    ...(s3.region !== undefined && { region: s3.region }),
    store: shared.store,
    openPlace: shared.openPlace,
    model: { id, digest },
    choices: (options) => narrator.choices(options),
    checkResults: (results) => checkResultsPlace(results, config),
    now: () => new Date(),
    newId: randomUUID,
  });
}
