/**
 * Does the store honour conditions? The whole ledger rests on them, and a store that ignores them says nothing: it writes. So two
 * writers are played before anything depends on it, with one request and with parts, and what was written is read again.
 */
import { randomUUID } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { NarratorError } from '../core/errors.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { isRefusedByCondition, s3Error } from './s3-errors.ts';
import { readObject } from './s3-read.ts';
import { writeObject } from './s3-write.ts';

/** The MD5 of nothing that is ever written here. */
const OTHER_ETAG = '"00000000000000000000000000000000"';

/** @throws NarratorError store_unsafe; store_unavailable where bucket, endpoint, credentials or permissions are wrong */
export async function probeConditions(bucket: S3Bucket): Promise<void> {
  const name = `${bucket.prefix}.narrator-probe-${randomUUID()}`;
  const content = new TextEncoder().encode('Written to see whether this store honours conditional writes.\n');
  await writeObject(bucket, name, content, { ifAbsent: true });
  try {
    await competeFor(bucket, name, content);
  } catch (error) {
    // What is wrong matters more than what is left behind.
    await remove(bucket, name).catch(() => {});
    throw error;
  }
  await remove(bucket, name);
}

async function competeFor(bucket: S3Bucket, name: string, content: Uint8Array): Promise<void> {
  const again = await writeObject(bucket, name, content, { ifAbsent: true });
  if (again.status !== 'exists') throw ignores(bucket, 'If-None-Match: * of PutObject');
  const swap = await writeObject(bucket, name, content, { ifMatch: OTHER_ETAG });
  if (swap.status !== 'changed') throw ignores(bucket, 'If-Match of PutObject');
  if (await completesDespite(bucket, name, content)) {
    throw ignores(bucket, 'If-None-Match: * of CompleteMultipartUpload');
  }
  const object = await readObject(bucket, name, { start: 0, end: Infinity });
  const chunks: Uint8Array[] = [];
  for await (const chunk of object?.chunks ?? []) chunks.push(chunk);
  if (!Buffer.concat(chunks).equals(content)) {
    throw new NarratorError(
      'store_unsafe',
      `The store at ${bucket.at} does not give back the bytes that it was given.`,
      {
        hint: 'Use a store that speaks the protocol of S3.',
      },
    );
  }
}

function ignores({ bucket, at }: S3Bucket, condition: string): NarratorError {
  return new NarratorError(
    'store_unsafe',
    `The store at ${at} (bucket ${bucket}) ignores ${condition}: two writers would overwrite each other unnoticed.`,
  );
}

async function completesDespite(bucket: S3Bucket, name: string, content: Uint8Array): Promise<boolean> {
  const object = { Bucket: bucket.bucket, Key: name };
  const { client } = bucket;
  try {
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...object, ...bucket.encryption }));
    const part = { ...object, UploadId, PartNumber: 1 };
    const { ETag } = await client.send(new UploadPartCommand({ ...part, Body: content }));
    const upload = { ...object, UploadId, MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] } };
    try {
      await client.send(new CompleteMultipartUploadCommand({ ...upload, IfNoneMatch: '*' }));
      return true;
    } catch (error) {
      await client.send(new AbortMultipartUploadCommand({ ...object, UploadId }));
      if (isRefusedByCondition(error)) return false;
      throw error;
    }
  } catch (error) {
    const permission = 's3:PutObject and s3:AbortMultipartUpload';
    throw s3Error(error, bucket, { what: `An upload of ${name} in parts`, verb: 'tried', permission });
  }
}

async function remove(bucket: S3Bucket, name: string): Promise<void> {
  try {
    await bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.bucket, Key: name }));
  } catch (error) {
    throw s3Error(error, bucket, { what: `The object ${name}`, verb: 'deleted', permission: 's3:DeleteObject' });
  }
}
