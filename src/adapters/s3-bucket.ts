/** A bucket and how it is spoken to: what all requests of the S3 store share. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { NarratorError } from '../core/errors.ts';
import { checkKey } from '../core/keys.ts';
import type { S3Address } from './s3-errors.ts';

export type ServerSideEncryption =
  | { readonly algorithm: 'AES256' }
  /** without `keyId`: the account's own key for S3 */
  | { readonly algorithm: 'aws:kms'; readonly keyId?: string };

export interface S3StoreOptions {
  readonly bucket: string;
  /** folder within the bucket below which all keys lie: 'narrator/production' */
  readonly prefix?: string;
  /** default: what the AWS SDK finds (AWS_REGION, profile); us-east-1 where an endpoint is given */
  readonly region?: string;
  /** of an S3-compatible store: 'https://s3.example.com' */
  readonly endpoint?: string;
  /** where clients reach the same store, for signed URLs; default `endpoint` */
  readonly publicEndpoint?: string;
  /** https://endpoint/bucket/key instead of https://bucket.endpoint/key: most S3-compatible stores need it */
  readonly forcePathStyle?: boolean;
  /** default: as the bucket is set up */
  readonly serverSideEncryption?: ServerSideEncryption;
  /** default: what the AWS SDK finds (variables, profile, role) */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** streams longer than this are sent in parts of this size, four at a time; default 8 MiB, at least 5 MiB */
  readonly partBytes?: number;
  /** requests sent before an operation fails for a cause that may pass; default 5 */
  readonly attempts?: number;
  readonly timeouts?: {
    /** for a connection; default 5 000 */
    readonly connectMs?: number;
    /** for an answer to begin; default 60 000 */
    readonly requestMs?: number;
    /** without a byte in either direction; default 20 000 */
    readonly idleMs?: number;
  };
}

/** The smallest part that S3 takes, but for the last. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const PART_BYTES_MIN = 5 * 1024 * 1024;
const PART_BYTES_DEFAULT = 8 * 1024 * 1024;
const ATTEMPTS_DEFAULT = 5;
/** The SDK's own 50 are soon taken by streams that wait for their readers, and its time for connecting counts waiting for one. */
const CONNECTIONS_MAX = 256;

const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

export interface S3Bucket extends S3Address {
  readonly client: S3Client;
  /** makes URLs only: speaks for the address by which clients reach the store */
  readonly signer: S3Client;
  /** '' or with a '/' at its end */
  readonly prefix: string;
  readonly encryption: { ServerSideEncryption?: 'AES256' | 'aws:kms'; SSEKMSKeyId?: string };
  readonly partBytes: number;
  readonly attempts: number;
}

/** Connects to nothing yet. @throws NarratorError config_invalid */
export async function describeBucket(options: S3StoreOptions): Promise<S3Bucket> {
  const { bucket, partBytes = PART_BYTES_DEFAULT, attempts = ATTEMPTS_DEFAULT } = options;
  if (partBytes < PART_BYTES_MIN) {
    throw new NarratorError(
      'config_invalid',
      `Parts of ${partBytes} bytes are too small: S3 takes ${PART_BYTES_MIN} or more.`,
    );
  }
  const endpoint = options.endpoint === undefined ? undefined : originOf(options.endpoint);
  const publicEndpoint = options.publicEndpoint === undefined ? endpoint : originOf(options.publicEndpoint);
  const client = clientFor(options, endpoint, attempts);
  const signer = publicEndpoint === endpoint ? client : clientFor(options, publicEndpoint, attempts);
  return {
    client,
    signer,
    bucket,
    at: endpoint ?? `Amazon S3 in ${await regionOf(client)}`,
    prefix: prefixOf(options.prefix ?? ''),
    encryption: encryptionOf(options.serverSideEncryption),
    partBytes,
    attempts,
  };
}

function clientFor(options: S3StoreOptions, endpoint: string | undefined, attempts: number): S3Client {
  const { connectMs = 5000, requestMs = 60_000, idleMs = 20_000 } = options.timeouts ?? {};
  const region = options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
  const config: S3ClientConfig = {
    maxAttempts: attempts,
    retryMode: 'standard',
    // By default the SDK adds a CRC32 to every request, of streams in a trailer, which S3-compatible stores have refused or stored as
    // part of the object. Nothing is lost: every body here is bytes in memory, whose SHA-256 the signature covers.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would open a connection for every part.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: requestMs,
      throwOnRequestTimeout: true,
      socketTimeout: idleMs,
      httpAgent: { maxSockets: CONNECTIONS_MAX },
      httpsAgent: { maxSockets: CONNECTIONS_MAX },
      logger: SILENT,
    },
  };
  if (region !== undefined) config.region = region;
  if (endpoint !== undefined) config.endpoint = endpoint;
  if (options.forcePathStyle !== undefined) config.forcePathStyle = options.forcePathStyle;
  if (options.credentials !== undefined) config.credentials = options.credentials;
  return new S3Client(config);
}

/** User names and passwords in a URL would end up in messages; paths mean nothing to S3. */
function originOf(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.pathname === '/';
  if (url !== undefined && isPlain && ['http:', 'https:'].includes(url.protocol)) return url.origin;
  throw new NarratorError(
    'config_invalid',
    'The S3 endpoint must be like https://host:port, without user, path or query.',
  );
}

async function regionOf(client: S3Client): Promise<string> {
  try {
    return await client.config.region();
  } catch (cause) {
    const hint = 'Name the region of the bucket, or the endpoint of an S3-compatible store.';
    throw new NarratorError('config_invalid', 'No region is known for the S3 store.', { hint }, { cause });
  }
}

function prefixOf(prefix: string): string {
  const bare = prefix.replace(/\/$/, '');
  if (bare === '') return '';
  checkKey(bare);
  return `${bare}/`;
}

function encryptionOf(encryption: ServerSideEncryption | undefined): S3Bucket['encryption'] {
  if (encryption === undefined) return {};
  const { algorithm } = encryption;
  if (algorithm === 'AES256' || encryption.keyId === undefined) return { ServerSideEncryption: algorithm };
  return { ServerSideEncryption: algorithm, SSEKMSKeyId: encryption.keyId };
}
