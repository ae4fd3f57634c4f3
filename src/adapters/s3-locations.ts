/** Objects that somebody else names by s3:// addresses, such as results of SageMaker: looked at, never written. */
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { NarratorError } from '../core/errors.ts';
import { describeBucket, type S3Bucket, type S3StoreOptions } from './s3-bucket.ts';
import { isAbsent, isForbidden, s3Error } from './s3-errors.ts';

export interface S3LocationsOptions extends Omit<S3StoreOptions, 'bucket' | 'prefix'> {
  /** a bucket answers that it may not be read: so it does for what is not there where it may not be listed. Told once a bucket. */
  readonly onForbidden?: (bucket: string) => void;
}

export class S3Locations {
  readonly #options: S3LocationsOptions;
  readonly #buckets = new Map<string, Promise<S3Bucket>>();
  readonly #forbidden = new Set<string>();

  constructor(options: S3LocationsOptions) {
    this.#options = options;
  }

  /** @throws NarratorError store_unavailable; config_invalid if it is no s3:// address */
  async exists(location: string): Promise<boolean> {
    const there = await this.#ask(location, ({ client, bucket }, key) =>
      client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })),
    );
    return there !== undefined;
  }

  /** Its first bytes, or undefined if there is no such object. @throws as `exists` */
  async readStart(location: string, maxBytes: number): Promise<Uint8Array | undefined> {
    return this.#ask(location, async ({ client, bucket }, key) => {
      const { Body, ContentLength } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return firstBytes(Body as AsyncIterable<Uint8Array>, Math.min(maxBytes, ContentLength ?? maxBytes));
    });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    const opened = [...this.#buckets.values()];
    this.#buckets.clear();
    for (const bucket of opened) (await bucket.catch(() => undefined))?.client.destroy();
  }

  async #ask<T>(location: string, ask: (bucket: S3Bucket, key: string) => Promise<T>): Promise<T | undefined> {
    const { bucket: name, key } = parseLocation(location);
    const bucket = await this.#bucket(name);
    try {
      return await ask(bucket, key);
    } catch (thrown) {
      if (isAbsent(thrown)) return undefined;
      if (!isForbidden(thrown)) {
        throw s3Error(thrown, bucket, { what: `The object ${key}`, verb: 'read', permission: 's3:GetObject' });
      }
      if (!this.#forbidden.has(name)) this.#options.onForbidden?.(name);
      this.#forbidden.add(name);
      return undefined;
    }
  }

  #bucket(name: string): Promise<S3Bucket> {
    const known = this.#buckets.get(name);
    if (known !== undefined) return known;
    const { onForbidden: _told, ...options } = this.#options;
    const opening = describeBucket({ ...options, bucket: name });
    this.#buckets.set(name, opening);
    opening.catch(() => this.#buckets.delete(name));
    return opening;
  }
}

/** What is left of it is not asked for. */
async function firstBytes(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}

function parseLocation(location: string): { bucket: string; key: string } {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(location) ?? [];
  if (bucket !== undefined && key !== undefined) return { bucket, key };
  throw new NarratorError('config_invalid', `${JSON.stringify(location.slice(0, 200))} is no object in S3.`);
}
