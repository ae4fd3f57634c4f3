/**
 * The configuration: a pure function of the environment, and the only reader of it. Every problem is reported together;
 * an unknown NARRATOR_* name is an error, because a typing mistake that silently becomes the default costs hours.
 */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { z } from 'zod';
import { NarratorError } from '../core/errors.ts';
import { parseS3Place, VARIABLES } from './config-variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** How any bucket is reached, beside what the AWS SDK finds by itself. */
export interface S3Access {
  readonly region?: string;
  readonly endpoint?: string;
  /** as clients reach it */
  readonly publicEndpoint?: string;
  readonly pathStyle: boolean;
  readonly encryption?: 'AES256' | 'aws:kms';
  readonly kmsKey?: string;
}

export type StoreConfig =
  /** path: absolute */
  | { readonly kind: 'filesystem'; readonly path: string }
  /** prefix: without a slash at its end */
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string };

export type DispatchConfig =
  | { readonly kind: 'in-process' }
  | { readonly kind: 'bullmq'; readonly redisUrl: string; readonly window: number }
  | SageMakerConfig;

export interface SageMakerConfig {
  readonly kind: 'sagemaker';
  readonly endpointName: string;
  readonly region: string | undefined;
  /** in place of AWS */
  readonly url: string | undefined;
  /** of its notifications */
  readonly queueUrl: string | undefined;
  /** of one invocation, once it is at work */
  readonly timeoutS: number;
  /** of one invocation, until it is at work */
  readonly ttlS: number;
  /** invocations of one shard */
  readonly attempts: number;
  readonly window: number;
  readonly metricNamespace: string | undefined;
}

export interface ServerConfig {
  readonly host: string;
  readonly port: number;
  readonly adminKey: string | undefined;
  /** requests a minute */
  readonly rateLimit: number;
  readonly bodyLimitBytes: number;
  /** proxies whose X-Forwarded-For is believed */
  readonly trustedProxies: number;
  readonly corsOrigins: readonly string[];
  readonly clipsFolder: string | undefined;
}

/** Whom the deployment tells of every job, and whom a job may have told. */
export interface NotifyConfig {
  readonly webhookUrl: string | undefined;
  readonly webhookSecret: string | undefined;
  readonly sqsUrl: string | undefined;
  readonly snsTopic: string | undefined;
  /** undefined: those that end a job */
  readonly events: readonly string[] | undefined;
  readonly allow: readonly string[];
}

export interface Config {
  /** absolute */
  readonly home: string;
  readonly model: string;
  /** path of a lexicon */
  readonly lexicon: string | undefined;
  readonly provider: 'cpu' | 'cuda' | 'auto';
  readonly precision: 'auto' | 'f32' | 'f16';
  readonly threads: number;
  readonly budgetFrames: number | undefined;
  readonly hangTimeoutMs: number;
  /** where the ledger lies when several processes share it; undefined: each run has a folder of its own */
  readonly store: StoreConfig | undefined;
  readonly s3: S3Access;
  /** 'bucket' or 'bucket/prefix' that jobs may name */
  readonly buckets: readonly string[];
  readonly dispatch: DispatchConfig;
  readonly redisUrl: string | undefined;
  readonly queueName: string;
  readonly concurrency: number;
  /** of a worker's metrics; undefined: it serves none */
  readonly metricsPort: number | undefined;
  /** of the container, where SageMaker chooses it */
  readonly bindPort: number | undefined;
  readonly server: ServerConfig;
  readonly allowHosts: readonly string[];
  readonly manifestQueueUrl: string | undefined;
  readonly notify: NotifyConfig;
  /** of the server that the command line talks to */
  readonly client: { readonly url: string | undefined; readonly apiKey: string | undefined };
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly mirror: string | undefined;
  readonly hubToken: string | undefined;
}

type Variable = keyof typeof VARIABLES;
type Value<N extends Variable> = z.output<(typeof VARIABLES)[N]['schema']>;

/**
 * @param defaults of this program, where they differ from the documented ones
 * @throws NarratorError config_invalid naming every variable that is wrong
 */
export function readConfig(
  environment: Environment = process.env,
  defaults: Partial<Record<Variable, string>> = {},
): Config {
  const problems: string[] = [];
  for (const name of Object.keys(environment)) {
    if (name.startsWith('NARRATOR_') && !(name in VARIABLES)) {
      problems.push(`${name}: no such setting; there are ${Object.keys(VARIABLES).join(', ')}`);
    }
  }
  /** An empty variable counts as unset: that is how container runtimes pass what was left out. */
  function optional<N extends Variable>(name: N): Value<N> | undefined {
    const text = environment[name];
    if (text === undefined || text === '') return undefined;
    const parsed = VARIABLES[name].schema.safeParse(text);
    if (parsed.success) return parsed.data as Value<N>;
    problems.push(`${name}: ${parsed.error.issues.map((issue) => issue.message).join(', ')}`);
    return undefined;
  }
  const isGiven = (name: Variable) => (environment[name] ?? '') !== '';
  function withDefault<N extends Variable>(name: N): Value<N> {
    return optional(name) ?? (VARIABLES[name].schema.parse(defaults[name] ?? VARIABLES[name].initial) as Value<N>);
  }

  const redisUrl = optional('NARRATOR_REDIS_URL');
  const dispatch = optional('NARRATOR_DISPATCH') ?? (redisUrl === undefined ? 'in-process' : 'bullmq');
  if (dispatch === 'bullmq' && redisUrl === undefined && !isGiven('NARRATOR_REDIS_URL')) {
    problems.push('NARRATOR_REDIS_URL: must be set for NARRATOR_DISPATCH=bullmq');
  }
  const window = withDefault('NARRATOR_WINDOW');
  const store = optional('NARRATOR_STORE');
  const sageMaker = {
    region: optional('NARRATOR_SAGEMAKER_REGION'),
    url: optional('NARRATOR_SAGEMAKER_URL'),
    queueUrl: optional('NARRATOR_SAGEMAKER_QUEUE_URL'),
    timeoutS: withDefault('NARRATOR_SAGEMAKER_TIMEOUT_S'),
    ttlS: withDefault('NARRATOR_SAGEMAKER_TTL_S'),
    attempts: withDefault('NARRATOR_SAGEMAKER_ATTEMPTS'),
    metricNamespace: optional('NARRATOR_METRIC_NAMESPACE'),
  };
  const endpointName = optional('NARRATOR_SAGEMAKER_ENDPOINT');
  if (dispatch === 'sagemaker') {
    if (endpointName === undefined && !isGiven('NARRATOR_SAGEMAKER_ENDPOINT')) {
      problems.push('NARRATOR_SAGEMAKER_ENDPOINT: must be set for NARRATOR_DISPATCH=sagemaker');
    }
    if (store === undefined ? !isGiven('NARRATOR_STORE') : parseS3Place(store) === undefined) {
      problems.push('NARRATOR_STORE: must be s3://bucket[/prefix] for NARRATOR_DISPATCH=sagemaker');
    }
  }
  const encryption = optional('NARRATOR_S3_ENCRYPTION');
  const kmsKey = optional('NARRATOR_S3_KMS_KEY');
  if (kmsKey !== undefined && encryption !== 'aws:kms') {
    problems.push('NARRATOR_S3_KMS_KEY: needs NARRATOR_S3_ENCRYPTION=aws:kms');
  }
  const clipsFolder = optional('NARRATOR_CLIPS_FOLDER');

  const config: Config = {
    home: expandHome(withDefault('NARRATOR_HOME')),
    model: withDefault('NARRATOR_MODEL'),
    lexicon: optional('NARRATOR_LEXICON'),
    provider: withDefault('NARRATOR_PROVIDER'),
    precision: withDefault('NARRATOR_PRECISION'),
    threads: withDefault('NARRATOR_THREADS'),
    budgetFrames: optional('NARRATOR_BUDGET_FRAMES'),
    hangTimeoutMs: withDefault('NARRATOR_HANG_TIMEOUT_MS'),
    store: store === undefined ? undefined : storeConfig(store),
    s3: {
      ...present('region', optional('NARRATOR_S3_REGION')),
      ...present('endpoint', optional('NARRATOR_S3_ENDPOINT')),
      ...present('publicEndpoint', optional('NARRATOR_S3_PUBLIC_ENDPOINT')),
      pathStyle: withDefault('NARRATOR_S3_PATH_STYLE'),
      ...present('encryption', encryption),
      ...present('kmsKey', kmsKey),
    },
    buckets: optional('NARRATOR_BUCKETS') ?? [],
    dispatch:
      dispatch === 'bullmq' && redisUrl !== undefined
        ? { kind: dispatch, redisUrl, window }
        : dispatch === 'sagemaker' && endpointName !== undefined
          ? { kind: dispatch, endpointName, ...sageMaker, window }
          : { kind: 'in-process' },
    redisUrl,
    queueName: withDefault('NARRATOR_QUEUE'),
    concurrency: withDefault('NARRATOR_CONCURRENCY'),
    metricsPort: optional('NARRATOR_METRICS_PORT'),
    bindPort: optional('SAGEMAKER_BIND_TO_PORT'),
    server: {
      host: withDefault('NARRATOR_HOST'),
      port: withDefault('NARRATOR_PORT'),
      adminKey: optional('NARRATOR_ADMIN_KEY'),
      rateLimit: withDefault('NARRATOR_RATE_LIMIT'),
      bodyLimitBytes: withDefault('NARRATOR_BODY_LIMIT_MIB') * 1024 * 1024,
      trustedProxies: withDefault('NARRATOR_TRUST_PROXY'),
      corsOrigins: optional('NARRATOR_CORS_ORIGINS') ?? [],
      clipsFolder: clipsFolder === undefined ? undefined : expandHome(clipsFolder),
    },
    allowHosts: optional('NARRATOR_ALLOW_HOSTS') ?? [],
    manifestQueueUrl: optional('NARRATOR_MANIFEST_QUEUE_URL'),
    notify: {
      webhookUrl: optional('NARRATOR_WEBHOOK_URL'),
      webhookSecret: optional('NARRATOR_WEBHOOK_SECRET'),
      sqsUrl: optional('NARRATOR_NOTIFY_SQS_URL'),
      snsTopic: optional('NARRATOR_NOTIFY_SNS_TOPIC'),
      events: optional('NARRATOR_NOTIFY_EVENTS'),
      allow: optional('NARRATOR_NOTIFY_ALLOW') ?? [],
    },
    client: { url: optional('NARRATOR_URL'), apiKey: optional('NARRATOR_API_KEY') },
    logLevel: withDefault('NARRATOR_LOG_LEVEL'),
    mirror: optional('NARRATOR_MIRROR'),
    hubToken: optional('HF_TOKEN'),
  };
  if (problems.length > 0) {
    throw new NarratorError(
      'config_invalid',
      `The environment has ${problems.length} unusable setting(s):\n  ${problems.join('\n  ')}`,
    );
  }
  return config;
}

/** As an optional property: absent where there is no value. */
function present<K extends string, T>(key: K, value: T | undefined): { readonly [name in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [name in K]?: T };
}

function storeConfig(text: string): StoreConfig {
  const place = parseS3Place(text);
  return place === undefined ? { kind: 'filesystem', path: expandHome(text) } : { kind: 's3', ...place };
}

function expandHome(path: string): string {
  const expanded = path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
  return isAbsolute(expanded) ? expanded : resolve(expanded);
}

/**
 * For entry points, before anything else: the AWS SDK tells everybody who runs Node 20 that later versions of itself will not, which whoever
 * runs this program can do nothing about. It can be told so by its variable only.
 */
export function silenceVendors(): void {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
}
