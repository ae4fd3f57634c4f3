/**
 * S3, SQS and SNS on a port of this machine: fauxqs, with what we need of S3 and fauxqs 1.9 lacks: conditional writes, lists in the
 * order of UTF-8 bytes, and messages to a queue for every object that is written. Refused instead of misunderstood: requests for parts of an object (`?tagging`, `?acl`), which
 * fauxqs would take for the object itself. One request holds at most 11 MiB. Everything is in memory.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { buildApp } from 'fauxqs';
import { objectCreated, testEvent } from './s3-event-messages.ts';

export interface S3Emulator {
  readonly endpoint: string;
  /** for openS3Store and other clients: any credentials will do */
  readonly connection: {
    readonly endpoint: string;
    readonly region: string;
    readonly forcePathStyle: true;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  createBucket(name: string): void;
  /** puts objects past the network, and says what is there */
  fill(bucket: string, keys: readonly string[]): void;
  keysIn(bucket: string): string[];
  /** `attributes`: as of SQS, such as RedrivePolicy */
  createQueue(
    name: string,
    attributes?: Readonly<Record<string, string>>,
  ): { readonly url: string; readonly arn: string };
  send(queue: string, body: string): void;
  /** how many messages lie in a queue, and how many of them a receiver has at the moment */
  messagesIn(queue: string): { readonly all: number; readonly received: number };
  /** From now on every object that is written to the bucket is told to the queue, after the test event that AWS sends first. */
  notify(bucket: string, queue: string): void;
  /** uploads in parts that were begun and neither completed nor aborted */
  openUploads(): number;
  close(): Promise<void>;
}

export interface S3EmulatorOptions {
  /** false: as a store that ignores If-None-Match and If-Match; 'put': one that honours them, but not on uploads in parts */
  readonly conditions?: boolean | 'put';
  /** default: any free one */
  readonly port?: number;
}

type Stores = NonNullable<NonNullable<Parameters<typeof buildApp>[0]>['stores']>;
type Store = Stores['s3Store'];
type Queues = Stores['sqsStore'];

const REGION = 'us-east-1';
const ACCOUNT = '000000000000';

export async function startS3Emulator({ conditions = true, port = 0 }: S3EmulatorOptions = {}): Promise<S3Emulator> {
  const store = await newStore<Store>('./s3/s3Store.js', 'S3Store');
  const queues = await newStore<Queues>('./sqs/sqsStore.js', 'SqsStore');
  listByBytes(store);
  const uploads = openUploadsOf(store);
  const enqueue = (name: string, body: unknown) => {
    const { createMessage } = queues.constructor as unknown as { createMessage: (body: string) => QueuedMessage };
    queueNamed(queues, name).enqueue(createMessage(typeof body === 'string' ? body : JSON.stringify(body)));
  };
  const listeners = new Map<string, string>();
  onWrite(store, (bucket, object) => {
    const queue = listeners.get(bucket);
    if (queue !== undefined) enqueue(queue, objectCreated(bucket, object));
  });
  // The third store is made by fauxqs, whatever its types say.
  const app = buildApp({ logger: false, stores: { s3Store: store, sqsStore: queues } as Stores });

  // A hook that does not wait is followed at once by its handler, and that is synchronous: nothing comes between the look and the write.
  app.addHook('preHandler', (request, reply, done) => {
    const refuse = ({ status, code }: Refusal) => {
      const xml = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
      void reply.code(status).type('application/xml').send(xml);
    };
    const { pathname, searchParams } = new URL(request.url, 'http://emulator');
    if (PARTS_OF_OBJECTS.some((name) => searchParams.has(name))) return refuse({ status: 501, code: 'NotImplemented' });
    const isUpload = searchParams.has('uploadId');
    const isObject = request.method === 'PUT' && !isUpload && conditions !== false;
    const isCompletion = request.method === 'POST' && isUpload && conditions === true;
    const [, bucket = '', key = ''] = /^\/([^/]+)\/(.+)$/.exec(pathname)?.map(decodeURIComponent) ?? [];
    const refusal = isObject || isCompletion ? refusalBy(request.headers, etagOf(store, bucket, key)) : undefined;
    return refusal === undefined ? done() : refuse(refusal);
  });

  const endpoint = await app.listen({ port, host: '127.0.0.1' });
  return {
    endpoint,
    connection: {
      endpoint,
      region: REGION,
      forcePathStyle: true,
      credentials: { accessKeyId: 'emulator', secretAccessKey: 'emulator' },
    },
    createBucket: (name) => store.createBucket(name),
    fill: (bucket, keys) => keys.forEach((key) => store.putObject(bucket, key, Buffer.from(key))),
    keysIn: (bucket) => store.listObjects(bucket, { maxKeys: Infinity }).objects.map(({ key }) => key),
    createQueue: (name, attributes = {}) => {
      const url = `${endpoint}/${ACCOUNT}/${name}`;
      const arn = `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
      queues.createQueue(name, url, arn, { VisibilityTimeout: '30', ...attributes });
      return { url, arn };
    },
    send: enqueue,
    messagesIn: (name) => {
      const { ready, delayed, inflight } = queueNamed(queues, name).inspectMessages();
      return { all: ready.length + delayed.length + inflight.length, received: inflight.length };
    },
    notify: (bucket, queue) => {
      enqueue(queue, testEvent(bucket));
      listeners.set(bucket, queue);
    },
    openUploads: () => uploads.size,
    close: () => app.close(),
  };
}

const PARTS_OF_OBJECTS = ['tagging', 'acl', 'retention', 'legal-hold'];

// ---------------------------------------------------------------- what fauxqs lacks

/** Its classes of stores are not exported: they are taken from beside the entry of the package. */
async function newStore<T>(file: string, name: string): Promise<T> {
  const path = new URL(file, import.meta.resolve('fauxqs')).href;
  const { [name]: Class } = (await import(path)) as Record<string, new () => T>;
  if (Class === undefined) throw new Error(`fauxqs has no ${name}`);
  return new Class();
}

type Queue = NonNullable<ReturnType<Queues['getQueueByName']>>;
type QueuedMessage = Parameters<Queue['enqueue']>[0];

function queueNamed(queues: Queues, name: string): Queue {
  const queue = queues.getQueueByName(name);
  if (queue === undefined) throw new Error(`There is no queue ${name}`);
  return queue;
}

function onWrite(store: Store, tell: (bucket: string, object: ReturnType<Store['putObject']>) => void): void {
  const put = store.putObject.bind(store);
  const begin = store.createMultipartUpload.bind(store);
  const complete = store.completeMultipartUpload.bind(store);
  const buckets = new Map<string, string>();
  store.putObject = (bucket, ...request) => {
    const object = put(bucket, ...request);
    tell(bucket, object);
    return object;
  };
  store.createMultipartUpload = (bucket, ...request) => {
    const id = begin(bucket, ...request);
    buckets.set(id, bucket);
    return id;
  };
  store.completeMultipartUpload = (id, parts) => {
    const object = complete(id, parts);
    const bucket = buckets.get(id);
    if (bucket !== undefined) tell(bucket, object);
    return object;
  };
}

interface Refusal {
  readonly status: number;
  readonly code: string;
}

function refusalBy(headers: IncomingHttpHeaders, etag: string | undefined): Refusal | undefined {
  const failed = { status: 412, code: 'PreconditionFailed' };
  if (headers['if-none-match'] === '*' && etag !== undefined) return failed;
  if (headers['if-match'] === undefined || headers['if-match'] === etag) return undefined;
  return etag === undefined ? { status: 404, code: 'NoSuchKey' } : failed;
}

function etagOf(store: Store, bucket: string, key: string): string | undefined {
  try {
    return store.headObject(bucket, key).etag;
  } catch {
    // it has its own way to say that there is none
    return undefined;
  }
}

/** It sorts as people do; S3 sorts by UTF-8 bytes. */
function listByBytes(store: Store): void {
  const listObjects = store.listObjects.bind(store);
  const before = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  store.listObjects = (bucket, { prefix = '', maxKeys = 1000, startAfter = '', delimiter, ...other } = {}) => {
    if (delimiter !== undefined) return listObjects(bucket, { prefix, maxKeys, startAfter, delimiter, ...other });
    const { objects } = listObjects(bucket, { prefix, maxKeys: Infinity });
    const after = objects.filter(({ key }) => before(key, startAfter) > 0).sort((a, b) => before(a.key, b.key));
    return { objects: after.slice(0, maxKeys), commonPrefixes: [], isTruncated: after.length > maxKeys };
  };
}

function openUploadsOf(store: Store): ReadonlySet<string> {
  const open = new Set<string>();
  const create = store.createMultipartUpload.bind(store);
  const complete = store.completeMultipartUpload.bind(store);
  const abort = store.abortMultipartUpload.bind(store);
  store.createMultipartUpload = (...request) => {
    const id = create(...request);
    open.add(id);
    return id;
  };
  store.completeMultipartUpload = (id, parts) => {
    const object = complete(id, parts);
    open.delete(id);
    return object;
  };
  store.abortMultipartUpload = (id) => {
    abort(id);
    open.delete(id);
  };
  return open;
}
