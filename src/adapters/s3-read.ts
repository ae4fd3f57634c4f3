/** Objects of S3 as streams that survive broken connections. */
import { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { NarratorError } from '../core/errors.ts';
import type { Etag } from '../core/ports.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { isAbsent, isBehindEnd, isRefusedByCondition, s3Error } from './s3-errors.ts';

export interface OpenObject {
  readonly etag: Etag;
  /** holds a connection until it is read to its end or left */
  readonly chunks: AsyncIterable<Uint8Array>;
}

interface Range {
  readonly start: number;
  /** exclusive */
  readonly end: number;
}

/** @param name the key within the bucket, prefix included */
export async function readObject(bucket: S3Bucket, name: string, range: Range): Promise<OpenObject | undefined> {
  const first = await request(bucket, name, range);
  return first && { etag: first.etag, chunks: resumed(bucket, name, range, first) };
}

/** One version of an object, whole; asked for when it is read. @throws NarratorError store_unavailable (retryable) when it is another, or gone */
export async function* readVersion(bucket: S3Bucket, name: string, etag: Etag): AsyncGenerator<Uint8Array> {
  const range = { start: 0, end: Infinity };
  const first = await request(bucket, name, range, etag);
  if (first === undefined) throw replaced(name);
  yield* resumed(bucket, name, range, first);
}

/** The SDK tries again until an answer begins; where a body breaks off, the rest of the same version is asked for. */
async function* resumed(
  bucket: S3Bucket,
  name: string,
  { start, end }: Range,
  first: Answer,
): AsyncGenerator<Uint8Array> {
  let answer = first;
  let at = start;
  for (let failures = 0; ; ) {
    try {
      for await (const chunk of answer.body) {
        at += chunk.byteLength;
        failures = 0;
        yield chunk;
      }
      return;
    } catch (thrown) {
      failures += 1;
      const error = s3Error(thrown, bucket, attemptOf(name));
      if (failures >= bucket.attempts) throw error;
    }
    if (at >= end) return;
    const rest = await request(bucket, name, { start: at, end }, first.etag);
    if (rest === undefined) throw replaced(name);
    answer = rest;
  }
}

interface Answer {
  readonly etag: Etag;
  readonly body: AsyncIterable<Uint8Array>;
}

async function request(
  bucket: S3Bucket,
  name: string,
  { start, end }: Range,
  etag?: Etag,
): Promise<Answer | undefined> {
  const isWhole = start === 0 && end === Infinity;
  const command = new GetObjectCommand({
    Bucket: bucket.bucket,
    Key: name,
    // S3's ends are inclusive.
    ...(isWhole ? {} : { Range: `bytes=${start}-${end === Infinity ? '' : end - 1}` }),
    ...(etag === undefined ? {} : { IfMatch: etag }),
  });
  try {
    const { Body, ETag } = await bucket.client.send(command);
    return { etag: ETag ?? '', body: Body as Readable };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    if (isBehindEnd(error)) return { etag: '', body: Readable.from([]) };
    if (isRefusedByCondition(error)) throw replaced(name);
    throw s3Error(error, bucket, attemptOf(name));
  }
}

const attemptOf = (name: string) => ({ what: `The object ${name}`, verb: 'read', permission: 's3:GetObject' });

function replaced(name: string): NarratorError {
  return new NarratorError('store_unavailable', `The object ${name} was replaced or deleted while it was read.`);
}
