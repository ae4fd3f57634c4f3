/**
 * Writing to S3 under conditions. What fits into one part is one PutObject; what does not is sent in parts, never held whole, and
 * becomes visible with CompleteMultipartUpload, which takes the same conditions.
 *
 * An answer may be lost after S3 has written: the repeated request then meets its own object and is refused. So every object
 * carries the mark of the put that wrote it, and who is refused after a repetition looks whether the mark is his.
 */
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { NarratorError } from '../core/errors.ts';
import type { Etag, PutBody, PutOptions, PutResult } from '../core/ports.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { isAbsent, isConflict, isRefusedByCondition, isUploadGone, s3Error, wasRetried } from './s3-errors.ts';

const MARK = 'narrator-put';
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const PARTS_MAX = 10_000;
const PARTS_AT_ONCE = 4;
const CONFLICT_PAUSE_MS = 50;

/** @param name the key within the bucket, prefix included */
export async function writeObject(
  bucket: S3Bucket,
  name: string,
  body: PutBody,
  options: PutOptions,
): Promise<PutResult> {
  // One signal serves all writes of a shard: more listeners than Node's default of 10, each removed when its write is done.
  if (options.signal !== undefined) setMaxListeners(0, options.signal);
  const put = new Put(bucket, name, options);
  if (body instanceof Uint8Array && body.byteLength <= bucket.partBytes) return put.whole(body);
  const source = new Source(name, PARTS_MAX * bucket.partBytes, options.signal);
  const chunks = source.chunksOf(body instanceof Uint8Array ? oneChunk(body) : body);
  const start: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { value, done } = await chunks.next();
    if (done === true) return put.whole(Buffer.concat(start));
    start.push(value);
    bytes += value.byteLength;
    if (bytes > bucket.partBytes) return put.inParts(continued(start, chunks), source);
  }
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* continued(start: Uint8Array[], rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* start.splice(0);
  yield* rest;
}

class Put {
  readonly #bucket: S3Bucket;
  readonly #name: string;
  readonly #options: PutOptions;
  readonly #mark = randomUUID();

  constructor(bucket: S3Bucket, name: string, options: PutOptions) {
    this.#bucket = bucket;
    this.#name = name;
    this.#options = options;
  }

  async whole(bytes: Uint8Array): Promise<PutResult> {
    const { client, attempts } = this.#bucket;
    const { signal } = this.#options;
    const command = new PutObjectCommand({ ...this.#parameters(), Body: bytes });
    for (let attempt = 1; ; attempt++) {
      try {
        const { ETag } = await client.send(command, signal === undefined ? {} : { abortSignal: signal });
        return this.#written(ETag);
      } catch (error) {
        if (isConflict(error) && attempt < attempts) await this.#pause(attempt);
        else return await this.#refused(error, attempt > 1);
      }
    }
  }

  /** Parts that are not completed are deleted, be it because the body or S3 failed or the signal aborted. */
  async inParts(chunks: AsyncIterable<Uint8Array>, source: Source): Promise<PutResult> {
    const { client, partBytes } = this.#bucket;
    const { signal } = this.#options;
    const upload = new Upload({
      client,
      params: { ...this.#parameters(), Body: Readable.from(chunks, { objectMode: true, highWaterMark: 1 }) },
      partSize: partBytes,
      queueSize: PARTS_AT_ONCE,
    });
    const abort = () => void upload.abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const { ETag } = await upload.done();
      return this.#written(ETag);
    } catch (error) {
      if (source.failure !== undefined) throw source.failure.cause;
      return await this.#refused(error, false);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #parameters() {
    const { bucket, encryption } = this.#bucket;
    const { ifAbsent, ifMatch, contentType } = this.#options;
    return {
      Bucket: bucket,
      Key: this.#name,
      Metadata: { [MARK]: this.#mark },
      ...encryption,
      ...(contentType === undefined ? {} : { ContentType: contentType }),
      ...(ifAbsent === true ? { IfNoneMatch: '*' } : ifMatch === undefined ? {} : { IfMatch: ifMatch }),
    };
  }

  #written(etag: Etag | undefined): PutResult {
    if (etag !== undefined) return { status: 'written', etag };
    throw new NarratorError('store_unsafe', `The store at ${this.#bucket.at} gives no ETag for what it writes.`);
  }

  async #refused(error: unknown, isRepeated: boolean): Promise<PutResult> {
    const { ifAbsent, ifMatch } = this.#options;
    const mayBeOurs = isRepeated || wasRetried(error);
    // If-Match finds nothing to match: 404.
    const isLost = isRefusedByCondition(error) || (ifMatch !== undefined && isAbsent(error));
    if (mayBeOurs && (isLost || isUploadGone(error))) {
      const ours = await this.#ownEtag();
      if (ours !== undefined) return { status: 'written', etag: ours };
    }
    if (isLost) return { status: ifAbsent === true ? 'exists' : 'changed' };
    throw s3Error(error, this.#bucket, this.#attempt('written', 's3:PutObject'));
  }

  /** The ETag of what is there, if this put has written it. */
  async #ownEtag(): Promise<Etag | undefined> {
    const { client, bucket } = this.#bucket;
    try {
      const { ETag, Metadata } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: this.#name }));
      return Metadata?.[MARK] === this.#mark ? ETag : undefined;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw s3Error(error, this.#bucket, this.#attempt('read', 's3:GetObject'));
    }
  }

  #attempt(verb: string, permission: string) {
    return { what: `The object ${this.#name}`, verb, permission };
  }

  /** Random, so that writers who met once do not meet again. */
  async #pause(attempt: number): Promise<void> {
    const { signal } = this.#options;
    try {
      await sleep(Math.random() * CONFLICT_PAUSE_MS * 2 ** attempt, undefined, signal === undefined ? {} : { signal });
    } catch (cause) {
      throw interrupted(this.#name, cause);
    }
  }
}

/** Where the chunks come from: knows its own failure, which is not the store's, and ends when the signal aborts. */
class Source {
  readonly #name: string;
  readonly #bytesMax: number;
  readonly #signal: AbortSignal | undefined;
  #bytes = 0;
  failure: { readonly cause: unknown } | undefined;

  constructor(name: string, bytesMax: number, signal: AbortSignal | undefined) {
    this.#name = name;
    this.#bytesMax = bytesMax;
    this.#signal = signal;
  }

  async *chunksOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
    const iterator = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#next(iterator);
        if (next.done === true) return undefined;
        yield next.value;
      }
    } finally {
      // Not awaited: a body that waits for something hears of it only when that has come.
      iterator.return?.().catch(() => {});
    }
  }

  async #next(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    try {
      const next = await this.#nextOrAborted(iterator);
      if (next.done !== true) this.#bytes += next.value.byteLength;
      if (this.#bytes > this.#bytesMax) throw tooLong(this.#name, this.#bytesMax);
      return next;
    } catch (cause) {
      this.failure = { cause };
      throw cause;
    }
  }

  /** An abort is heard also while the body says nothing. */
  #nextOrAborted(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    const signal = this.#signal;
    if (signal === undefined) return iterator.next();
    return new Promise((resolve, reject) => {
      const stop = () => reject(interrupted(this.#name));
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      const settled = () => signal.removeEventListener('abort', stop);
      iterator.next().then(resolve, reject).finally(settled);
    });
  }
}

const interrupted = (name: string, cause?: unknown) =>
  new NarratorError('cancelled', `Writing the object ${name} was interrupted.`, {}, { cause });

function tooLong(name: string, limit: number): NarratorError {
  const message = `The object ${name} is longer than ${limit} bytes, the ${PARTS_MAX} parts that S3 takes.`;
  return new NarratorError('store_unavailable', message, {
    retryable: false,
    limit,
    hint: 'Set a larger size of parts.',
  });
}
