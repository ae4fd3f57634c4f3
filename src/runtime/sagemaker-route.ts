/** Shards to a SageMaker endpoint and back: what invokes it, what hears of its ends, and what tells CloudWatch how much is under way. */
import { CloudWatchMetric } from '../adapters/cloudwatch-metric.ts';
import { SageMakerDispatcher } from '../adapters/dispatch-sagemaker.ts';
import { S3Locations } from '../adapters/s3-locations.ts';
import { SageMakerClient } from '../adapters/sagemaker-client.ts';
import { SageMakerWatcher } from '../adapters/watch-sagemaker.ts';
import { NarratorError } from '../core/errors.ts';
import type { ShardMessage } from '../core/ports.ts';
import type { Config, SageMakerConfig, StoreConfig } from './config.ts';
import type { Log } from './narrator.ts';
import { s3Options, type SharedStore } from './open-store.ts';
import type { OnSettled, RemoteShards } from './remote-shards.ts';

export interface SageMakerRouteParts {
  readonly shared: Pick<SharedStore, 'store'>;
  readonly onSettled: OnSettled;
  readonly log: Log;
}

/** Reading its health costs a request: once in so long. */
const REACH_INTERVAL_MS = 10_000;
/** Without notifications everything is looked for, and sooner. */
const LOOK_AFTER_MS = { withQueue: 15_000, without: 5_000 };

export class SageMakerRoute implements RemoteShards {
  readonly countsDispatches = true;
  readonly #client: SageMakerClient;
  readonly #locations: S3Locations;
  readonly #dispatcher: SageMakerDispatcher;
  readonly #watcher: SageMakerWatcher;
  readonly #metric: CloudWatchMetric | undefined;
  #reached: { readonly answer: Promise<void>; readonly atMs: number } | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    config: Pick<Config, 's3' | 'store'> & { readonly dispatch: SageMakerConfig },
    { shared, onSettled, log }: SageMakerRouteParts,
  ) {
    const { endpointName, region, url, queueUrl, timeoutS, ttlS, attempts, window, metricNamespace } = config.dispatch;
    const inRegion = region === undefined ? {} : { region };
    this.#client = new SageMakerClient({ endpointName, ...inRegion, ...(url !== undefined && { url }) });
    this.#locations = new S3Locations({
      ...s3Options(config.s3),
      onForbidden: (bucket) => log('sagemaker.bucket-not-listed', { bucket }),
    });
    this.#dispatcher = new SageMakerDispatcher({
      ...{ endpointName, timeoutS, ttlS, attempts, window, onSettled, log },
      ...{ client: this.#client, locations: this.#locations, store: shared.store },
      storeLocation: locationOf(config.store),
      lookAfterMs: queueUrl === undefined ? LOOK_AFTER_MS.without : LOOK_AFTER_MS.withQueue,
    });
    this.#watcher = new SageMakerWatcher({
      ...{ dispatcher: this.#dispatcher, log, queue: inRegion },
      ...(queueUrl !== undefined && { queueUrl }),
    });
    this.#metric =
      metricNamespace === undefined
        ? undefined
        : new CloudWatchMetric({
            ...{ namespace: metricNamespace, name: 'InFlightShards', dimensions: { EndpointName: endpointName } },
            ...{ value: () => this.#dispatcher.underWay, log, ...inRegion },
          });
  }

  async start(): Promise<void> {
    this.#metric?.start();
  }

  listen(): Promise<void> {
    return this.#watcher.start();
  }

  dispatch(message: ShardMessage): Promise<void> {
    return this.#dispatcher.dispatch(message);
  }

  capacity(): Promise<number> {
    return this.#dispatcher.capacity();
  }

  async depth(): Promise<Readonly<Record<string, number>>> {
    return { 'under-way': this.#dispatcher.underWay };
  }

  abortJob(jobId: string): void {
    this.#dispatcher.abortJob(jobId);
  }

  async check(): Promise<void> {
    if (this.#dispatcher.problem !== undefined) throw this.#dispatcher.problem;
    const nowMs = performance.now();
    if (this.#reached === undefined || nowMs - this.#reached.atMs > REACH_INTERVAL_MS) {
      this.#reached = { answer: this.#client.reach(), atMs: nowMs };
    }
    await this.#reached.answer;
  }

  close(options: { graceMs?: number } = {}): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.all([this.#watcher.close(options), this.#dispatcher.close(options), this.#metric?.close()]);
      this.#client.close();
      await this.#locations.close();
    })();
    return this.#closed;
  }
}

/** Endpoints read large plans where they lie. @throws NarratorError config_invalid, where the configuration was not read from the environment */
function locationOf(store: StoreConfig | undefined): string {
  if (store?.kind !== 's3') throw new NarratorError('config_invalid', 'A SageMaker endpoint needs a store in S3.');
  return ['s3:/', store.bucket, store.prefix].filter((part) => part !== '').join('/');
}
