/**
 * S3, SQS and SNS on a port of this machine: fauxqs, with what our store needs of S3 and fauxqs 1.9 lacks: conditional writes and lists in the
 * order of UTF-8 bytes. Refused instead of misunderstood: requests for parts of an object (`?tagging`, `?acl`), which
 * fauxqs would take for the object itself. One request holds at most 11 MiB. Everything is in memory.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { buildApp } from 'fauxqs';

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

export async function startS3Emulator({ conditions = true, port = 0 }: S3EmulatorOptions = {}): Promise<S3Emulator> {
  const store = await newStore();
  listByBytes(store);
  const uploads = openUploadsOf(store);
  // The other stores are made by fauxqs, whatever its types say.
  const app = buildApp({ logger: false, stores: { s3Store: store } as Stores });

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
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'emulator', secretAccessKey: 'emulator' },
    },
    createBucket: (name) => store.createBucket(name),
    fill: (bucket, keys) => keys.forEach((key) => store.putObject(bucket, key, Buffer.from(key))),
    keysIn: (bucket) => store.listObjects(bucket, { maxKeys: Infinity }).objects.map(({ key }) => key),
    openUploads: () => uploads.size,
    close: () => app.close(),
  };
}

const PARTS_OF_OBJECTS = ['tagging', 'acl', 'retention', 'legal-hold'];

// ---------------------------------------------------------------- what fauxqs lacks

/** Its class of stores is not exported: it is taken from beside the entry of the package. */
async function newStore(): Promise<Store> {
  const path = new URL('./s3/s3Store.js', import.meta.resolve('fauxqs')).href;
  const { S3Store } = (await import(path)) as { S3Store: new () => Store };
  return new S3Store();
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
