/** Every setting that the environment can hold: its schema, and the line that docs/configuration.md shows for it. */
import { isAbsolute } from 'node:path';
import { z } from 'zod';

const integer = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, `must be between ${minimum} and ${maximum}`);

const BOOLEAN_RULE = 'must be true or false';
const boolean = z.enum(['true', 'false'], BOOLEAN_RULE).transform((text) => text === 'true');

const name = z.string().min(1);
const url = z.url({ protocol: /^https?$/, error: 'must be an http or https address' });

/** Parts between commas, without the blanks around them. */
const list = (entry: RegExp, rule: string) =>
  z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    )
    .refine((parts) => parts.every((part) => entry.test(part)), rule);

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; longer names are those of old buckets. */
export const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/;
/** https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html */
const ENDPOINT = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const S3_PLACE = /^s3:\/\/([^/]+)(?:\/(.*))?$/;

/** @returns the bucket, and the prefix without a slash at its end; undefined if that is no s3://bucket[/prefix] */
export function parseS3Place(text: string): { bucket: string; prefix: string } | undefined {
  const [, bucket = '', prefix = ''] = S3_PLACE.exec(text) ?? [];
  return BUCKET.test(bucket) ? { bucket, prefix: prefix.replace(/\/+$/, '') } : undefined;
}

export const VARIABLES = {
  // The model and where it runs
  NARRATOR_HOME: { schema: name, meaning: 'folder of voices and pulled models', initial: '~/.f5-narrator' },
  NARRATOR_LEXICON: {
    schema: name,
    meaning: 'file (.json, .csv or .pls) of words with a pronunciation of their own',
    initial: undefined,
  },
  NARRATOR_MODEL: {
    schema: name,
    meaning: 'model: a name from `narrator models list`, or a folder',
    initial: 'tiny',
  },
  NARRATOR_PROVIDER: { schema: z.enum(['cpu', 'cuda', 'auto']), meaning: 'where the model runs', initial: 'auto' },
  NARRATOR_PRECISION: {
    schema: z.enum(['auto', 'f32', 'f16']),
    meaning: 'precision of the network; auto: f16 on cuda, f32 on cpu',
    initial: 'auto',
  },
  NARRATOR_THREADS: {
    schema: integer(0, 1024),
    meaning: 'threads of the model on the CPU; 0: one a physical core',
    initial: '0',
  },
  NARRATOR_BUDGET_FRAMES: {
    schema: integer(128, 1_000_000),
    meaning: "padded frames of one batch; unset: as the provider's preset says",
    initial: '',
  },
  NARRATOR_HANG_TIMEOUT_MS: {
    schema: integer(1_000, 86_400_000),
    meaning: 'a batch that takes longer than this and than expected is killed',
    initial: '120000',
  },

  // The store
  NARRATOR_STORE: {
    schema: z
      .string()
      .refine(
        (text) => (text.includes('://') ? parseS3Place(text) !== undefined : true),
        'must be a folder or s3://bucket[/prefix]',
      ),
    meaning:
      'artifact store that API and workers share: a folder, or s3://bucket[/prefix]; unset: `service` in `NARRATOR_HOME`, for a server that synthesises itself',
    initial: '',
  },
  NARRATOR_S3_REGION: { schema: name, meaning: 'region of the bucket; unset: as the AWS SDK finds it', initial: '' },
  NARRATOR_S3_ENDPOINT: { schema: url, meaning: 'address of an S3-compatible store in place of AWS', initial: '' },
  NARRATOR_S3_PUBLIC_ENDPOINT: {
    schema: url,
    meaning: 'address of that store as clients reach it, for signed download links',
    initial: '',
  },
  NARRATOR_S3_PATH_STYLE: {
    schema: boolean,
    meaning: 'bucket in the path instead of the host name: what most S3-compatible stores want',
    initial: 'false',
  },
  NARRATOR_S3_ENCRYPTION: {
    schema: z.enum(['AES256', 'aws:kms']),
    meaning: "server-side encryption that is asked for; unset: the bucket's own default",
    initial: '',
  },
  NARRATOR_S3_KMS_KEY: { schema: name, meaning: 'KMS key for NARRATOR_S3_ENCRYPTION=aws:kms', initial: '' },
  NARRATOR_BUCKETS: {
    schema: list(/^[^\s/]+(\/\S*)?$/, 'must be bucket or bucket/prefix, separated by commas'),
    meaning: 'buckets (bucket or bucket/prefix, comma-separated) that jobs may name for manifests and results',
    initial: '',
  },

  // The queue
  NARRATOR_DISPATCH: {
    schema: z.enum(['in-process', 'bullmq', 'sagemaker']),
    meaning: 'who synthesises; unset: bullmq where NARRATOR_REDIS_URL is set, else in-process',
    initial: '',
  },
  NARRATOR_REDIS_URL: {
    schema: z.url({ protocol: /^rediss?$/ }),
    meaning: 'Redis of the queue: redis://[user:password@]host:port[/database], or rediss://',
    initial: '',
  },
  NARRATOR_QUEUE: {
    schema: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, '_' or '-'"),
    meaning: 'name of the queue: one for each model',
    initial: 'f5-narrator',
  },
  NARRATOR_WINDOW: {
    schema: integer(1, 10_000),
    meaning: 'shards that are handed over at once: more than all workers hold together',
    initial: '64',
  },
  NARRATOR_CONCURRENCY: {
    schema: integer(1, 256),
    meaning: 'shards that one worker holds at once, so that batches fill across them',
    initial: '4',
  },
  NARRATOR_METRICS_PORT: {
    schema: integer(0, 65_535),
    meaning: 'port on which a worker answers GET /metrics, on NARRATOR_HOST; 0: any free one, unset: none',
    initial: '',
  },

  // SageMaker
  NARRATOR_SAGEMAKER_ENDPOINT: {
    schema: z.string().regex(ENDPOINT, 'must be a name of 1 to 63 letters, digits and dashes between them'),
    meaning: 'asynchronous inference endpoint that synthesises, for NARRATOR_DISPATCH=sagemaker',
    initial: '',
  },
  NARRATOR_SAGEMAKER_REGION: {
    schema: name,
    meaning: 'region of the endpoint; unset: as the AWS SDK finds it',
    initial: '',
  },
  NARRATOR_SAGEMAKER_URL: { schema: url, meaning: 'address in place of AWS: of an emulator', initial: '' },
  NARRATOR_SAGEMAKER_QUEUE_URL: {
    schema: url,
    meaning: "SQS queue of the endpoint's notifications; unset: its results are looked for",
    initial: '',
  },
  NARRATOR_SAGEMAKER_TIMEOUT_S: {
    schema: integer(1, 3_600),
    meaning: 'seconds that one shard may be at work (InvocationTimeoutSeconds)',
    initial: '900',
  },
  NARRATOR_SAGEMAKER_TTL_S: {
    schema: integer(60, 21_600),
    meaning: 'seconds that one shard may wait at the endpoint (RequestTTLSeconds)',
    initial: '3600',
  },
  NARRATOR_SAGEMAKER_ATTEMPTS: {
    schema: integer(1, 20),
    meaning: 'invocations of one shard, whoever made them, after which its items have failed',
    initial: '5',
  },
  NARRATOR_METRIC_NAMESPACE: {
    schema: z
      .string()
      .regex(/^(?!AWS\/)[A-Za-z0-9._/#:-]{1,255}$/, 'must be a namespace of CloudWatch, and none of AWS'),
    meaning: 'CloudWatch namespace of the metric InFlightShards; unset: it is not published',
    initial: '',
  },

  // The server
  NARRATOR_HOST: { schema: name, meaning: 'address that the server listens on', initial: '127.0.0.1' },
  NARRATOR_PORT: { schema: integer(0, 65_535), meaning: 'port of the server; 0: any free one', initial: '8080' },
  NARRATOR_ADMIN_KEY: {
    schema: z.string().min(24, 'must have at least 24 characters'),
    meaning: 'an API key with every scope, beside those that `narrator keys` makes',
    initial: '',
  },
  NARRATOR_RATE_LIMIT: {
    schema: integer(1, 1_000_000),
    meaning:
      'requests a minute that one API key may send, and one address without a valid one; a server without keys does not count',
    initial: '600',
  },
  NARRATOR_TRUST_PROXY: {
    schema: integer(0, 16),
    meaning:
      'proxies (load balancers) before the server: the client is whom the first of them names in X-Forwarded-For',
    initial: '0',
  },
  NARRATOR_BODY_LIMIT_MIB: {
    schema: integer(1, 1_024),
    meaning: 'largest body of a job that is handed in by HTTP',
    initial: '64',
  },
  NARRATOR_CORS_ORIGINS: {
    schema: list(/^https?:\/\/[^/\s]+$/, 'must be origins such as https://studio.example, separated by commas'),
    meaning: 'origins of web pages that may call the API; unset: none',
    initial: '',
  },
  NARRATOR_CLIPS_FOLDER: {
    schema: z.string().refine((path) => isAbsolute(path) || !path.includes('://'), 'must be a folder'),
    meaning: 'folder below which `ref_audio` may name files',
    initial: '',
  },
  NARRATOR_ALLOW_HOSTS: {
    schema: list(/^[^\s/]+$/, 'must be host names or addresses, separated by commas'),
    meaning: 'hosts that may be fetched from and notified although their address is not public',
    initial: '',
  },

  // The container
  SAGEMAKER_BIND_TO_PORT: {
    schema: integer(1, 65_535),
    meaning: 'port of the container in place of NARRATOR_PORT; set by SageMaker',
    initial: '',
  },

  // Manifests from S3, and notifications
  NARRATOR_MANIFEST_QUEUE_URL: {
    schema: url,
    meaning: 'SQS queue of S3 events: every manifest that lands in the bucket becomes a job',
    initial: '',
  },
  NARRATOR_WEBHOOK_URL: { schema: url, meaning: 'address that is told of every job', initial: '' },
  NARRATOR_WEBHOOK_SECRET: {
    schema: z
      .string()
      .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, "must be 'whsec_' and the base64 of 24 to 64 random bytes"),
    meaning: "signs webhooks that have no secret of their own: 'whsec_' and base64 of 24 to 64 bytes",
    initial: '',
  },
  NARRATOR_NOTIFY_SQS_URL: { schema: url, meaning: 'SQS queue that is told of every job', initial: '' },
  NARRATOR_NOTIFY_SNS_TOPIC: {
    schema: z.string().regex(/^arn:[a-z0-9-]+:sns:[a-z0-9-]+:\d{12}:[\w.-]+$/, 'must be the ARN of a topic'),
    meaning: 'SNS topic that is told of every job',
    initial: '',
  },
  NARRATOR_NOTIFY_EVENTS: {
    schema: list(/^(job|item)\.[a-z_]+$/, 'must be names of events, separated by commas'),
    meaning: 'events that those three are told of; unset: all that end a job',
    initial: '',
  },
  NARRATOR_NOTIFY_ALLOW: {
    schema: list(/^(https?:\/\/\S+|arn:\S+)$/, 'must be queue URLs or topic ARNs, separated by commas'),
    meaning: 'further SQS queues and SNS topics that jobs may name',
    initial: '',
  },

  // The command line as a client
  NARRATOR_URL: { schema: url, meaning: 'server that submit, status, watch and the like talk to', initial: '' },
  NARRATOR_API_KEY: { schema: name, meaning: 'API key for that server', initial: '' },

  NARRATOR_LOG_LEVEL: {
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
    meaning: 'level of the log on standard error',
    initial: 'warn',
  },
  NARRATOR_MIRROR: {
    schema: url,
    meaning: 'base address in place of https://huggingface.co for `models pull`',
    initial: '',
  },
  HF_TOKEN: { schema: name, meaning: 'access token for `models pull`, sent to the hub only', initial: '' },
} as const;
