/** What deployments ask of SageMaker itself, as far as an endpoint that is there goes: describe it, update it, scale it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { EndpointStatus } from './endpoint-status.ts';
import type { Endpoint } from './endpoint.ts';
import { ServiceError, validationException } from './service-error.ts';

const VARIANT = 'main';
const ACCOUNT = '000000000000';
/** An answer that somebody waits for, as while a configuration is being spread. */
const SLOW_SECONDS = 1;

type Json = Readonly<Record<string, unknown>>;

export class ControlPlane {
  readonly #endpoint: Endpoint;
  readonly #createdAt = Date.now() / 1000;
  #modifiedAt = this.#createdAt;
  #config: string;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#config = `${endpoint.options.name}-1`;
  }

  /** @param action as behind `SageMaker.` of X-Amz-Target @throws ServiceError */
  async answer(action: string, request: Json): Promise<Json> {
    switch (action) {
      case 'DescribeEndpoint':
        this.#require(request);
        return this.#description();
      case 'UpdateEndpoint':
        return this.#update(request);
      case 'UpdateEndpointWeightsAndCapacities':
        return this.#scale(request);
      default:
        throw new ServiceError('UnknownOperationException', 400, `This emulator has no ${action}.`);
    }
  }

  #require({ EndpointName }: Json): void {
    // SageMaker does not tell upper from lower case here, but does when the endpoint is invoked.
    const isThere = String(EndpointName).toLowerCase() === this.#endpoint.options.name.toLowerCase();
    if (!isThere) throw validationException(`Could not find endpoint "${String(EndpointName)}".`);
  }

  get #arn(): Json {
    const { name, region } = this.#endpoint.options;
    return { EndpointArn: `arn:aws:sagemaker:${region}:${ACCOUNT}:endpoint/${name}` };
  }

  #description(): Json {
    const { options, knobs, fleet } = this.#endpoint;
    const { name, outputPath, failurePath, successTarget, errorTarget } = options;
    return {
      ...this.#arn,
      EndpointName: name,
      EndpointConfigName: this.#config,
      EndpointStatus: knobs.status,
      ...(knobs.status === 'Failed' && { FailureReason: 'The emulator was told so.' }),
      CreationTime: this.#createdAt,
      LastModifiedTime: this.#modifiedAt,
      ProductionVariants: [
        {
          VariantName: VARIANT,
          CurrentWeight: 1,
          DesiredWeight: 1,
          CurrentInstanceCount: fleet.inService,
          DesiredInstanceCount: fleet.desired,
        },
      ],
      AsyncInferenceConfig: {
        ClientConfig: { MaxConcurrentInvocationsPerInstance: knobs.maxConcurrent },
        OutputConfig: {
          S3OutputPath: outputPath,
          ...(failurePath !== undefined && { S3FailurePath: failurePath }),
          NotificationConfig: {
            ...(successTarget !== undefined && { SuccessTopic: successTarget.topic }),
            ...(errorTarget !== undefined && { ErrorTopic: errorTarget.topic }),
          },
        },
      },
    };
  }

  async #update(request: Json): Promise<Json> {
    this.#require(request);
    this.#requireStatus('InService');
    const { knobs, options } = this.#endpoint;
    const config = String(request['EndpointConfigName']);
    if (knobs.configNotFoundOnce) {
      knobs.configNotFoundOnce = false;
      await delay(SLOW_SECONDS * options.secondMs);
      throw validationException(`Could not find endpoint configuration "${config}".`);
    }
    this.#change(async () => {
      await this.#endpoint.fleet.replaceAll();
      this.#config = config;
    });
    return this.#arn;
  }

  #scale(request: Json): Json {
    this.#require(request);
    this.#requireStatus('InService');
    const [variant] = (request['DesiredWeightsAndCapacities'] ?? []) as Json[];
    const { VariantName, DesiredInstanceCount: count } = variant ?? {};
    if (VariantName !== VARIANT)
      throw validationException(`There is no variant ${String(VariantName)}, only ${VARIANT}.`);
    if (!Number.isSafeInteger(count) || Number(count) < 0) {
      throw validationException(`DesiredInstanceCount is ${String(count)}; it must be a whole number from 0.`);
    }
    this.#change(async () => this.#endpoint.fleet.scaleTo(Number(count)));
    return this.#arn;
  }

  #requireStatus(status: EndpointStatus): void {
    const is = this.#endpoint.knobs.status;
    if (is !== status) throw validationException(`The endpoint is ${is}; it must be ${status} to be changed.`);
  }

  /** Updating while it goes on, then InService, unless somebody has said otherwise in between. */
  #change(work: () => Promise<void>): void {
    const { knobs } = this.#endpoint;
    knobs.status = 'Updating';
    void Promise.all([work(), this.#endpoint.tryTopics()]).then(() => {
      this.#modifiedAt = Date.now() / 1000;
      if (knobs.status === 'Updating') knobs.status = 'InService';
    });
  }
}
