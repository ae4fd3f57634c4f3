/**
 * The whole service on free ports of this machine, without Docker: redis-server, the emulator of S3, SQS and SNS, API processes and
 * workers; or a SageMaker endpoint in the place of Redis and workers. For `npm run stack` and for tests: each of its processes can be
 * killed and started again.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import type { SageMakerEmulator } from '../../tools/sagemaker-emulator/emulator.ts';
import { Restartable } from './child-process.ts';
import { storeSettings } from './container-process.ts';
import { freePort } from './free-port.ts';
import { ENTRY, LOADER } from './narrator-entry.ts';
import { RedisServer } from './redis-server.ts';
import { type S3Emulator, startS3Emulator } from './s3-emulator.ts';
import { type StackEndpoint, type StackEndpointOptions, startStackEndpoint } from './stack-endpoint.ts';
import type { StandInOptions } from './stand-in-engine.ts';

export interface StackWorkerSettings {
  /** an engine in place of the model */
  readonly standIn?: StandInOptions;
  /** see BullmqConsumerOptions */
  readonly lockDurationMs?: number;
  readonly stalledIntervalMs?: number;
}

export interface StackOptions {
  /** default 1 */
  readonly apis?: number;
  /** default 1 */
  readonly workers?: number;
  readonly worker?: StackWorkerSettings;
  /** a SageMaker endpoint that synthesises: then there are neither Redis nor workers */
  readonly endpoint?: StackEndpointOptions;
  /** of the first API; default: any free one */
  readonly port?: number;
  /** further settings of all processes */
  readonly env?: Readonly<Record<string, string>>;
  /** what stands between the processes and the emulator, such as an UnreliableProxy. Default: nothing */
  readonly reachS3By?: (endpoint: string) => Promise<string>;
  /** hears what is started */
  readonly onStep?: (what: string) => void;
  /** hears of a process that ended although nobody told it to */
  readonly onLost?: (process: Restartable) => void;
}

// The emulator's own clients say on every start which Node they will want some day.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

/** Who asks is answered before who speaks goes on, as with the cpu_shares of docker-compose.yml: a quarter of the processor where both want it. */
const WORKER_NICENESS = 6;
const WORKER = [...LOADER, join(import.meta.dirname, 'stack-worker.child.ts')];

/** What the processes keep in S3, and where manifests are dropped. */
export const STORE_BUCKET = 'narrator';
export const MANIFEST_BUCKET = 'manifests';
const MANIFEST_QUEUE = 'manifests';
const DEAD_LETTERS = 'manifests-dead-letters';
const TOPIC = 'jobs';
/** Tries of a manifest, before it goes to the dead letters. */
const RECEIVES_MAX = 5;

export class Stack {
  readonly #redis: RedisServer | undefined;
  readonly #endpoint: StackEndpoint | undefined;
  readonly s3: S3Emulator;
  readonly adminKey: string;
  /** signs webhooks */
  readonly webhookSecret: string;
  readonly topicArn: string;
  readonly apis: readonly Restartable[];
  readonly workers: readonly Restartable[];
  readonly urls: readonly string[];
  readonly #folder: string;
  #ended: Promise<void> | undefined;

  private constructor(parts: {
    redis: RedisServer | undefined;
    endpoint: StackEndpoint | undefined;
    s3: S3Emulator;
    s3Endpoint: string;
    folder: string;
    topicArn: string;
    ports: readonly number[];
    options: StackOptions;
  }) {
    const { redis, endpoint, s3, s3Endpoint, folder, topicArn, ports, options } = parts;
    this.#redis = redis;
    this.#endpoint = endpoint;
    this.s3 = s3;
    this.topicArn = topicArn;
    this.#folder = folder;
    this.adminKey = `admin-${randomBytes(24).toString('hex')}`;
    this.webhookSecret = `whsec_${randomBytes(32).toString('base64')}`;
    this.urls = ports.map((port) => `http://127.0.0.1:${port}`);
    const env = { ...this.#settings(s3Endpoint), ...endpoint?.serverSettings, ...options.env };
    const onLost = options.onLost === undefined ? {} : { onLost: options.onLost };
    this.apis = this.urls.map((url, at) => {
      const NARRATOR_PORT = String(ports[at]);
      return new Restartable({
        name: `api ${at + 1}`,
        args: [...ENTRY, 'serve'],
        env: { ...inherited(), ...env, NARRATOR_PORT },
        isReady: () => isReady(url),
        ...onLost,
      });
    });
    const STACK_WORKER = JSON.stringify(options.worker ?? {});
    this.workers = Array.from({ length: options.workers ?? (endpoint === undefined ? 1 : 0) }, (_, at) => {
      const args = options.worker === undefined ? [...ENTRY, 'worker'] : WORKER;
      return new Restartable({
        name: `worker ${at + 1}`,
        args,
        env: { ...inherited(), ...env, STACK_WORKER },
        niceness: WORKER_NICENESS,
        ...onLost,
      });
    });
  }

  /** Resolves once every API is ready. Workers may still load the model. @throws Error that says what did not start */
  static async start(options: StackOptions = {}): Promise<Stack> {
    const { apis = 1, reachS3By = (endpoint: string) => Promise.resolve(endpoint), onStep = () => undefined } = options;
    if (options.endpoint === undefined) onStep('redis-server');
    const redis = options.endpoint === undefined ? await RedisServer.start() : undefined;
    onStep('emulator of S3, SQS and SNS');
    const s3 = await startS3Emulator();
    const folder = await mkdtemp(join(tmpdir(), 'narrator-stack-'));
    let stack: Stack | undefined;
    let endpoint: StackEndpoint | undefined;
    try {
      for (const bucket of [STORE_BUCKET, MANIFEST_BUCKET]) s3.createBucket(bucket);
      const { arn } = s3.createQueue(DEAD_LETTERS);
      const policy = JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: RECEIVES_MAX });
      s3.createQueue(MANIFEST_QUEUE, { RedrivePolicy: policy });
      s3.notify(MANIFEST_BUCKET, MANIFEST_QUEUE);
      const ports = await Promise.all(
        Array.from({ length: apis }, async (_, at) => (at === 0 ? options.port : undefined) ?? (await freePort())),
      );
      const s3Endpoint = await reachS3By(s3.endpoint);
      const topicArn = await createTopic(s3);
      if (options.endpoint !== undefined) {
        onStep('emulator of a SageMaker endpoint');
        const containerEnv = { ...sharedSettings(folder, s3Endpoint), ...options.env };
        endpoint = await startStackEndpoint(options.endpoint, { s3, bucket: STORE_BUCKET, containerEnv });
      }
      stack = new Stack({ redis, endpoint, s3, s3Endpoint, folder, topicArn, ports, options });
      onStep(`${apis} API and ${stack.workers.length} workers`);
      await Promise.all([...stack.apis, ...stack.workers].map((process) => process.up()));
      return stack;
    } catch (error) {
      if (stack !== undefined) await stack.end();
      else {
        await endpoint?.emulator.close();
        await redis?.end();
        await s3.close();
        await rm(folder, { recursive: true, force: true });
      }
      throw error;
    }
  }

  get url(): string {
    return this.urls[0] as string;
  }

  /** @throws Error if there is none: a SageMaker endpoint has its place */
  get redis(): RedisServer {
    if (this.#redis === undefined) throw new Error('This stack has no Redis.');
    return this.#redis;
  }

  /** @throws Error if there is none */
  get endpoint(): SageMakerEmulator {
    if (this.#endpoint === undefined) throw new Error('This stack has no endpoint.');
    return this.#endpoint.emulator;
  }

  get manifestQueueUrl(): string {
    return `${this.s3.endpoint}/000000000000/${MANIFEST_QUEUE}`;
  }

  /** for the command line as a client of it */
  get clientEnv(): Record<string, string> {
    return { NARRATOR_URL: this.url, NARRATOR_API_KEY: this.adminKey };
  }

  /** Ends every process, by its id, and deletes what they kept. Idempotent. */
  end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    this.#ended ??= (async () => {
      await Promise.all([...this.apis, ...this.workers].map((process) => process.down(signal)));
      await this.#endpoint?.emulator.close(signal);
      await this.#redis?.end();
      await this.s3.close();
      await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    })();
    return this.#ended;
  }

  #settings(s3Endpoint: string): Record<string, string> {
    return {
      ...sharedSettings(this.#folder, s3Endpoint),
      NARRATOR_S3_PUBLIC_ENDPOINT: this.s3.endpoint,
      NARRATOR_BUCKETS: MANIFEST_BUCKET,
      NARRATOR_MANIFEST_QUEUE_URL: this.manifestQueueUrl,
      ...(this.#redis && { NARRATOR_REDIS_URL: this.#redis.url }),
      NARRATOR_ADMIN_KEY: this.adminKey,
      NARRATOR_WEBHOOK_SECRET: this.webhookSecret,
      NARRATOR_NOTIFY_ALLOW: this.topicArn,
      NARRATOR_ALLOW_HOSTS: '127.0.0.1',
      NARRATOR_RATE_LIMIT: '1000000',
      AWS_ENDPOINT_URL_SQS: this.s3.endpoint,
      AWS_ENDPOINT_URL_SNS: this.s3.endpoint,
    };
  }
}

/** Of every process that has the store. */
const sharedSettings = (folder: string, s3Endpoint: string) => ({
  ...storeSettings({ endpoint: s3Endpoint }, STORE_BUCKET),
  NARRATOR_HOME: join(folder, 'home'),
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
});

async function createTopic({ connection: { endpoint, region, credentials } }: S3Emulator): Promise<string> {
  const client = new SNSClient({ endpoint, region, credentials });
  try {
    const { TopicArn } = await client.send(new CreateTopicCommand({ Name: TOPIC }));
    if (TopicArn === undefined) throw new Error('The emulator made no topic.');
    return TopicArn;
  } finally {
    client.destroy();
  }
}

function inherited(): Record<string, string | undefined> {
  const mine = Object.entries(process.env).filter(([name]) => !/^(NARRATOR_|NODE_|AWS_|HF_TOKEN)/.test(name));
  return Object.fromEntries(mine);
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}
