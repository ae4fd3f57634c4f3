/** A controller whose shards go to an endpoint of SageMaker that the test plays, with a clock that it moves. */
import { SageMakerDispatcher, type SageMakerDispatcherOptions } from '../../../src/adapters/dispatch-sagemaker.ts';
import type { InvocationRequest } from '../../../src/adapters/sagemaker-client.ts';
import { Invocations } from '../../../src/adapters/sagemaker-invocation.ts';
import type { Controller } from '../../../src/core/controller.ts';
import { recordKey } from '../../../src/core/keys.ts';
import type { ShardMessage } from '../../../src/core/ports.ts';
import type { NarratorError } from '../../../src/core/errors.ts';
import { house } from '../core/house.ts';

/** Accepts everything, unless the test says otherwise; what became of it is what the test puts into `objects`. */
export class PlayedEndpoint {
  readonly requests: InvocationRequest[] = [];
  readonly objects = new Map<string, string>();
  /** before a request is answered: a test's way to refuse it, or to look around */
  before: (request: InvocationRequest) => unknown = () => undefined;

  readonly invoke = async (request: InvocationRequest) => {
    await this.before(request);
    this.requests.push(request);
    const { output, failure } = placesOf(this.requests.length);
    return { outputLocation: output, failureLocation: failure };
  };

  readonly exists = async (location: string) => this.objects.has(location);
  readonly readStart = async (location: string, maxBytes: number) => {
    const object = this.objects.get(location);
    return object === undefined ? undefined : new TextEncoder().encode(object).subarray(0, maxBytes);
  };

  get names(): string[] {
    return this.requests.map(({ inferenceId }) => inferenceId.replace(/_[0-9a-f]{4}$/, ''));
  }
}

/** Of the n-th request, from 1. */
export const placesOf = (number: number) => ({
  output: `s3://results/${number}.out`,
  failure: `s3://results/${number}.err`,
});

export function sageMakerHouse(given: Partial<SageMakerDispatcherOptions> = {}) {
  const h = house();
  const endpoint = new PlayedEndpoint();
  const settled: { message: ShardMessage; error: NarratorError | undefined }[] = [];
  /** a server's dispatcher and controller; several of them share the store and the endpoint */
  const server = (more: Partial<SageMakerDispatcherOptions> = {}, holder?: string) => {
    let controller: (Controller & { pass: () => Promise<unknown> }) | undefined = undefined;
    const dispatcher = new SageMakerDispatcher({
      ...{ endpointName: 'narrator', client: endpoint, locations: endpoint, store: h.store, now: h.common.now },
      ...{ storeLocation: 's3://bucket/prefix', timeoutS: 60, ttlS: 540, attempts: 3, lookAfterMs: 0 },
      ...{ lookIntervalMs: 0, ...given, ...more },
      onSettled: (message, error) => {
        settled.push({ message, error });
        controller?.settled(message, error);
      },
    });
    const lease = holder === undefined ? {} : { lease: { holder, durationMs: 10_000 } };
    controller = h.restarted({ dispatcher, dispatchesMax: Infinity, shardDeadlineMs: 6 * 3_600_000, ...lease });
    return { dispatcher, controller };
  };
  const invocations = new Invocations(h.store);
  return {
    ...h,
    ...{ endpoint, settled, invocations, server },
    ...server(),
    /** a container does a shard, as far as its record */
    done: (jobId: string, shardId: string) => h.work({ jobId, shardId, attempt: 1 }),
    isRecorded: async (jobId: string, shardId: string) => (await h.store.head(recordKey(jobId, shardId))) !== undefined,
    /** what SageMaker tells of the n-th request, from 1 */
    told: (number: number, status?: number) => ({
      inferenceId: endpoint.requests[number - 1]?.inferenceId ?? '',
      isCompleted: status === undefined,
      status,
    }),
  };
}
