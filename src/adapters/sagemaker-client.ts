/**
 * InvokeEndpointAsync, tried again where that can help. It knows no idempotency token: a 202 that got lost means that the work is
 * queued twice, which whoever invokes must bear.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  InvokeEndpointAsyncCommand,
  type InvokeEndpointAsyncOutput,
  SageMakerRuntimeClient,
  type SageMakerRuntimeClientConfig,
} from '@aws-sdk/client-sagemaker-runtime';
import { NarratorError } from '../core/errors.ts';

export interface SageMakerClientOptions {
  readonly endpointName: string;
  /** default: what the AWS SDK finds; us-east-1 where a URL is given */
  readonly region?: string;
  /** in place of AWS */
  readonly url?: string;
  /** default: what the AWS SDK finds (variables, profile, role) */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** requests for one invocation. Default 3: whoever invokes comes again anyway */
  readonly tries?: number;
  /** before the second try; doubled before each further one, with jitter. Default 250 */
  readonly retryDelayMs?: number;
  /** from 0 to 1, for the jitter. Default Math.random */
  readonly random?: () => number;
}

export interface InvocationRequest {
  readonly inferenceId: string;
  /** inline, or where it lies: s3://bucket/key */
  readonly input: Uint8Array | string;
  readonly customAttributes: string;
  /** once it is at work */
  readonly timeoutS: number;
  /** until it is at work */
  readonly ttlS: number;
}

export interface AcceptedInvocation {
  readonly outputLocation: string;
  /** only where the endpoint has a place for failures */
  readonly failureLocation?: string;
}

/** Bytes that travel inline: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html */
export const INLINE_BYTES_MAX = 128_000;

const SHARD_TYPE = 'application/vnd.f5-narrator.shard+json';
const DEFAULTS = { tries: 3, retryDelayMs: 250, random: Math.random };
const TIMEOUTS_MS = { connect: 5_000, request: 10_000, reach: 4_000 };
const DETAIL_CHARACTERS_MAX = 300;

/** Names of https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html and of the SDK's own list. */
const THROTTLED = [
  'ThrottlingException',
  'Throttling',
  'ThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'SlowDown',
];

export class SageMakerClient {
  readonly #options: SageMakerClientOptions & typeof DEFAULTS;
  readonly #client: SageMakerRuntimeClient;

  constructor(options: SageMakerClientOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#client = new SageMakerRuntimeClient(clientConfig(options));
  }

  /** @throws NarratorError queue_unavailable, always retryable: what is wrong is the endpoint or the way to it, not the shard; engine_stopped once `signal` aborts */
  async invoke(request: InvocationRequest, signal: AbortSignal): Promise<AcceptedInvocation> {
    const { endpointName, tries, retryDelayMs, random } = this.#options;
    const { inferenceId, input, customAttributes, timeoutS, ttlS } = request;
    const command = new InvokeEndpointAsyncCommand({
      EndpointName: endpointName,
      InferenceId: inferenceId,
      ...(typeof input === 'string' ? { InputLocation: input } : { Body: input }),
      ContentType: SHARD_TYPE,
      Accept: 'application/json',
      CustomAttributes: customAttributes,
      InvocationTimeoutSeconds: timeoutS,
      RequestTTLSeconds: ttlS,
    });
    for (let tried = 1; ; tried++) {
      try {
        return accepted(await this.#client.send(command, { abortSignal: signal }));
      } catch (thrown) {
        if (signal.aborted) {
          throw new NarratorError('engine_stopped', 'An invocation was interrupted.', {}, { cause: thrown });
        }
        if (thrown instanceof NarratorError) throw thrown;
        if (tried >= tries || !mayPass(thrown)) throw this.#error(thrown, tried);
        // With jitter: those who were throttled together do not come back together.
        const delayMs = retryDelayMs * 2 ** (tried - 1) * (0.5 + random() / 2);
        await delay(delayMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Whether anybody answers where the endpoint is; what, is of no interest. @throws NarratorError queue_unavailable */
  async reach(): Promise<void> {
    const { endpointProvider, region } = this.#client.config;
    const { url } = this.#options;
    try {
      const address = url ?? endpointProvider({ Region: await region() }).url;
      const answer = await fetch(new URL('/ping', address), { signal: AbortSignal.timeout(TIMEOUTS_MS.reach) });
      await answer.body?.cancel();
    } catch (thrown) {
      throw this.#error(thrown, 1);
    }
  }

  /** Idempotent. */
  close(): void {
    this.#client.destroy();
  }

  #error(thrown: unknown, tried: number): NarratorError {
    const { endpointName } = this.#options;
    const { name, status, code, message } = factsOf(thrown);
    const reason = [code ?? name, status === undefined ? '' : `HTTP ${status}`].filter(Boolean).join(', ');
    const times = tried > 1 ? ` after ${tried} tries` : '';
    // What SageMaker says of a refused request is the only explanation there is.
    const said = status === 400 ? `: ${message.slice(0, DETAIL_CHARACTERS_MAX)}` : '.';
    return new NarratorError(
      'queue_unavailable',
      `The endpoint ${endpointName} took no invocation${times} (${reason})${said}`,
      { hint: hintFor({ name, status, code }) },
      { cause: thrown },
    );
  }
}

/** Something that is not SageMaker may answer. */
function accepted({ OutputLocation, FailureLocation }: InvokeEndpointAsyncOutput): AcceptedInvocation {
  if (OutputLocation === undefined) {
    throw new NarratorError('queue_unavailable', 'The answer to an invocation names no place for its result.', {
      hint: 'Check NARRATOR_SAGEMAKER_URL.',
    });
  }
  return { outputLocation: OutputLocation, ...(FailureLocation !== undefined && { failureLocation: FailureLocation }) };
}

function clientConfig({ region, url, credentials }: SageMakerClientOptions): SageMakerRuntimeClientConfig {
  const named = region ?? (url === undefined ? undefined : 'us-east-1');
  return {
    // Each request is counted here.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: TIMEOUTS_MS.connect,
      requestTimeout: TIMEOUTS_MS.request,
      throwOnRequestTimeout: true,
    },
    ...(named !== undefined && { region: named }),
    ...(url !== undefined && { endpoint: url }),
    ...(credentials !== undefined && { credentials }),
  };
}

interface Facts {
  readonly name: string;
  readonly status: number | undefined;
  /** of the socket */
  readonly code: string | undefined;
  readonly message: string;
}

function factsOf(thrown: unknown): Facts {
  if (!(thrown instanceof Error)) return { name: 'unknown error', status: undefined, code: undefined, message: '' };
  const { name, message, cause } = thrown;
  const { code = (cause as { code?: unknown } | undefined)?.code, $metadata } = thrown as {
    code?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  return { name, message, status: $metadata?.httpStatusCode, code: typeof code === 'string' ? code : undefined };
}

/** Throttling, errors of the service, and no answer at all. */
function mayPass(thrown: unknown): boolean {
  const { name, status } = factsOf(thrown);
  if (name === 'CredentialsProviderError') return false;
  return status === undefined || status >= 500 || status === 408 || status === 429 || THROTTLED.includes(name);
}

function hintFor({ name, status }: Pick<Facts, 'name' | 'status' | 'code'>): string {
  if (THROTTLED.includes(name) || status === 429) return 'It is tried again, more slowly.';
  if (name === 'CredentialsProviderError') return 'Give this process credentials of AWS, or a role.';
  if (status === 400) return 'Check NARRATOR_SAGEMAKER_ENDPOINT and its region, and that the endpoint is InService.';
  if (status === 401 || status === 403) return 'Allow sagemaker:InvokeEndpointAsync on the endpoint.';
  return 'Check the network to SageMaker; it is tried again.';
}
