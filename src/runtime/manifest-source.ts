/** What clients name by address: manifests and texts in S3 and on the web, and the text files beside a manifest in S3. */
import { posix } from 'node:path';
import { fetchUntrusted } from '../adapters/fetch-untrusted.ts';
import { NarratorError } from '../core/errors.ts';
import type { ReadTextFile } from '../core/plan-items.ts';
import type { S3Place } from './allowed-buckets.ts';
import type { OpenPlace } from './open-store.ts';

export interface OpenedSource {
  /** opened when it is read. A manifest in S3 is streamed, and is the version of `etag` or nothing. */
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly etag?: string;
}

export interface SourceDeps {
  readonly openPlace: OpenPlace;
  /** see fetchUntrusted */
  readonly allowHosts: readonly string[];
}

/**
 * Opens 's3://bucket/key' within NARRATOR_BUCKETS, or an http(s) address.
 * @throws NarratorError request_invalid, bucket_not_allowed, manifest_not_found, manifest_too_large, fetch_refused, fetch_failed, store errors
 */
export type OpenSource = (
  address: string,
  options: { field: string; maxBytes: number; signal?: AbortSignal },
) => Promise<OpenedSource>;

/** A million lines of a thousand bytes. */
export const MANIFEST_BYTES_MAX = 1024 ** 3;

export function sourceOpener({ openPlace, allowHosts }: SourceDeps): OpenSource {
  return async (address, { field, maxBytes, signal }) => {
    if (/^https?:\/\//i.test(address)) {
      const bytes = await fetchUntrusted(address, { field, maxBytes, allowHosts, ...(signal && { signal }) });
      return { bytes: inOne(bytes) };
    }
    const place = parseS3Address(address);
    if (place !== undefined) return openObject(place, { field, maxBytes, openPlace, signal });
    const rule = 'must be an address: s3://bucket/key, http:// or https://';
    throw new NarratorError('request_invalid', `${field} ${rule}.`, { field });
  };
}

async function* inOne(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function openObject(
  place: S3Place,
  options: { field: string; maxBytes: number; openPlace: OpenPlace; signal: AbortSignal | undefined },
): Promise<OpenedSource> {
  const { field, maxBytes, openPlace, signal } = options;
  const { store, key } = await openPlace(field, place, 'read');
  const head = await store.head(key);
  if (head === undefined) {
    throw new NarratorError('manifest_not_found', `${field}: there is no ${s3Address(place)}.`, { field });
  }
  if (head.size > maxBytes) {
    throw new NarratorError(
      'manifest_too_large',
      `${field}: ${s3Address(place)} has ${head.size} bytes; the limit is ${maxBytes} bytes.`,
      { field, limit: maxBytes },
    );
  }
  return { bytes: interruptible(store.readVersion(key, head.etag), signal), etag: head.etag };
}

export async function* interruptible(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (signal?.aborted === true) throw new NarratorError('cancelled', 'Reading was interrupted.', { retryable: true });
    yield chunk;
  }
}

/** @returns undefined for what does not have the form s3://bucket/key. The key is taken as it is: nothing in it is decoded. */
export function parseS3Address(address: string): S3Place | undefined {
  const [, bucket, key] = /^s3:\/\/([^/\s]+)\/(.*[^/])$/is.exec(address) ?? [];
  return bucket === undefined || key === undefined ? undefined : { bucket, key };
}

export const s3Address = ({ bucket, key }: S3Place) => `s3://${bucket}/${key}`;

/**
 * Text files of manifests in S3: objects by relative keys, in the manifest's folder or below. Manifests that came any other way have no
 * folder, and their items no text files.
 */
export function textFileReader({ openPlace }: Pick<SourceDeps, 'openPlace'>): ReadTextFile {
  return async (path, { maxBytes, source = '' }) => {
    const field = 'textFile';
    const shown = `${field} ${JSON.stringify(path)}`;
    const refuse = (why: string, hint?: string) =>
      new NarratorError('text_file_unreadable', `${shown} ${why}.`, { field, ...(hint !== undefined && { hint }) });
    const manifest = parseS3Address(source);
    if (manifest === undefined) {
      throw refuse('has no folder: this manifest does not lie in S3', 'Give the text itself, in the field text.');
    }
    const name = posix.normalize(path);
    if (posix.isAbsolute(path) || /[\u0000-\u001f\u007f\\]/.test(path)) throw refuse('is not a relative path');
    if (name === '..' || name.startsWith('../')) throw refuse("lies outside of the manifest's folder");
    const folder = manifest.key.slice(0, manifest.key.lastIndexOf('/') + 1);
    const { store, key } = await openPlace(field, { bucket: manifest.bucket, key: folder + name }, 'read');
    const head = await store.head(key);
    if (head === undefined) throw refuse('does not exist');
    if (head.size > maxBytes) {
      const message = `${shown} has ${head.size} bytes; the limit is ${maxBytes}.`;
      throw new NarratorError('text_too_long', message, { field, limit: maxBytes });
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.readVersion(key, head.etag)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
}
