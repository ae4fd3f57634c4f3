/**
 * The artifact store on S3, or on a store that speaks its protocol. An object is an object; its key stands behind the prefix.
 *
 * Create-only writes are `If-None-Match: *`, compare-and-swap is `If-Match`: see s3-write.ts, and docs/decisions/0007-s3-store.md.
 * An ETag says what an object holds: a version with the content of an earlier one may have its ETag too. What is swapped
 * carries something that rises.
 *
 * Listed are objects whose names are keys: the folders that consoles make (names ending in '/') are none.
 */
import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { NarratorError } from '../core/errors.ts';
import { checkKey } from '../core/keys.ts';
import type { ArtifactStore, Etag, ObjectHead, PutBody, PutOptions, PutResult, StoredObject } from '../core/ports.ts';
import { describeBucket, type S3Bucket, type S3StoreOptions } from './s3-bucket.ts';
import { isAbsent, s3Error } from './s3-errors.ts';
import { probeConditions } from './s3-probe.ts';
import { readObject, readVersion } from './s3-read.ts';
import { writeObject } from './s3-write.ts';

export interface S3ArtifactStore extends ArtifactStore {
  /**
   * That version of the object as a stream, which asks for it when it is read, and throws store_unavailable (retryable) when the object
   * is another by then, or gone.
   */
  readVersion(key: string, etag: Etag): AsyncIterable<Uint8Array>;
  /**
   * A URL that downloads the object without credentials. It is itself a secret: not for logs. Whether the object is there is not
   * looked up. Signed with temporary credentials it ends with them, whatever `expiresSeconds` (1 to 604,800) says.
   */
  presignGet(key: string, options: { expiresSeconds: number; downloadName?: string }): Promise<string>;
  /** Closes idle connections. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens a bucket and sees whether it can be used: writes, refuses as told, reads, deletes and lists. One that is `readOnly` is not touched.
 * @throws NarratorError store_unsafe for a store that ignores conditions; store_unavailable, config_invalid, key_invalid (the prefix)
 */
export async function openS3Store(
  options: S3StoreOptions,
  { readOnly = false }: { readOnly?: boolean } = {},
): Promise<S3ArtifactStore> {
  const bucket = await describeBucket(options);
  const store = new S3Store(bucket);
  if (readOnly) return store;
  try {
    if (bucket.bucket.endsWith('--x-s3')) {
      // https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
      throw new NarratorError('store_unsafe', `The directory bucket ${bucket.bucket} lists its objects in no order.`, {
        hint: 'Use a general purpose bucket.',
      });
    }
    await probeConditions(bucket);
    for await (const _ of store.list('.narrator-probe')) break;
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

class S3Store implements S3ArtifactStore {
  readonly #bucket: S3Bucket;

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
  }

  async get(key: string): Promise<StoredObject | undefined> {
    const object = await readObject(this.#bucket, this.#nameOf(key), { start: 0, end: Infinity });
    if (object === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of object.chunks) chunks.push(chunk);
    return { bytes: Buffer.concat(chunks), etag: object.etag };
  }

  async read(
    key: string,
    { start = 0, end = Infinity }: { start?: number; end?: number } = {},
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    const name = this.#nameOf(key);
    if (end <= start) return (await this.head(key)) && nothing();
    return (await readObject(this.#bucket, name, { start, end }))?.chunks;
  }

  readVersion(key: string, etag: Etag): AsyncIterable<Uint8Array> {
    return readVersion(this.#bucket, this.#nameOf(key), etag);
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    const { client, bucket } = this.#bucket;
    const name = this.#nameOf(key);
    try {
      const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: name }));
      return headOf(key, { Size: head.ContentLength, ETag: head.ETag, LastModified: head.LastModified });
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw this.#error(error, `The object ${name}`, 'read', 's3:GetObject');
    }
  }

  async put(key: string, body: PutBody, options: PutOptions = {}): Promise<PutResult> {
    return writeObject(this.#bucket, this.#nameOf(key), body, options);
  }

  async delete(key: string): Promise<void> {
    const { client, bucket } = this.#bucket;
    const name = this.#nameOf(key);
    try {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: name }));
    } catch (error) {
      if (isAbsent(error)) return;
      throw this.#error(error, `The object ${name}`, 'deleted', 's3:DeleteObject');
    }
  }

  async *list(prefix: string, { startAfter = '' }: { startAfter?: string } = {}): AsyncIterable<ObjectHead> {
    const { client, bucket, prefix: root } = this.#bucket;
    const query = {
      Bucket: bucket,
      Prefix: root + prefix,
      ...(startAfter === '' ? {} : { StartAfter: root + startAfter }),
    };
    let token: string | undefined;
    do {
      const page = await client
        .send(new ListObjectsV2Command({ ...query, ...(token === undefined ? {} : { ContinuationToken: token }) }))
        .catch((error: unknown) => {
          throw this.#error(error, `The list of ${JSON.stringify(root + prefix)}`, 'read', 's3:ListBucket');
        });
      for (const { Key = '', ...facts } of page.Contents ?? []) {
        if (!Key.endsWith('/')) yield headOf(Key.slice(root.length), facts);
      }
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }

  async presignGet(
    key: string,
    { expiresSeconds, downloadName }: { expiresSeconds: number; downloadName?: string },
  ): Promise<string> {
    if (!Number.isInteger(expiresSeconds) || expiresSeconds < 1 || expiresSeconds > SIGNED_SECONDS_MAX) {
      throw new RangeError(
        `No URL can be signed for ${expiresSeconds} s: from 1 to ${SIGNED_SECONDS_MAX} whole seconds.`,
      );
    }
    const name = this.#nameOf(key);
    const command = new GetObjectCommand({
      Bucket: this.#bucket.bucket,
      Key: name,
      ...(downloadName === undefined ? {} : { ResponseContentDisposition: attachment(downloadName) }),
    });
    try {
      return await getSignedUrl(this.#bucket.signer, command, { expiresIn: expiresSeconds });
    } catch (error) {
      throw this.#error(error, `A URL for the object ${name}`, 'signed', 's3:GetObject');
    }
  }

  async close(): Promise<void> {
    this.#bucket.client.destroy();
    this.#bucket.signer.destroy();
  }

  /** @throws NarratorError key_invalid */
  #nameOf(key: string): string {
    checkKey(key);
    const name = this.#bucket.prefix + key;
    if (Buffer.byteLength(name) <= NAME_BYTES_MAX) return name;
    throw new NarratorError(
      'key_invalid',
      `The key ${JSON.stringify(key.slice(0, 200))} is too long behind the store's prefix.`,
      {
        limit: NAME_BYTES_MAX,
      },
    );
  }

  #error(error: unknown, what: string, verb: string, permission: string): NarratorError {
    return s3Error(error, this.#bucket, { what, verb, permission });
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html */
const NAME_BYTES_MAX = 1024;
/** A week: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html */
const SIGNED_SECONDS_MAX = 604_800;

interface Facts {
  readonly Size?: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
}

const headOf = (key: string, { Size = 0, ETag = '', LastModified = new Date(0) }: Facts): ObjectHead => ({
  key,
  size: Size,
  etag: ETag,
  modifiedAt: LastModified,
});

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** RFC 6266: a plain name for old readers, the true one for the others. Quotes and line ends cannot leave it. */
function attachment(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9 ._-]/g, '_');
  // Through UTF-8: half a surrogate pair cannot be encoded.
  const exact = encodeURIComponent(Buffer.from(name).toString()).replaceAll(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16)}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`;
}
