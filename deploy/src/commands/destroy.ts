import {
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  ListMultipartUploadsCommand,
  AbortMultipartUploadCommand,
} from '@aws-sdk/client-s3';
import type { Context } from '../aws/context.ts';
import { deleteStack } from '../aws/deploy-stack.ts';
import { readOutputs, readStack } from '../aws/read-stack.ts';
import { DeployError } from '../deploy-error.ts';
import { stackName } from '../stacks/names.ts';

export interface DestroyOptions {
  /** name of the bucket whose content is to be lost: whoever types it means it */
  readonly deleteData?: string;
}

/** Those that cost by the hour go first, and the base last, which the others build on. */
const RUNNING = ['service', 'realtime', 'endpoint'] as const;

/**
 * Ends everything that costs by the hour. Bucket, images, queues and roles stay, unless the bucket is named.
 * @throws DeployError if the bucket that is named is not the deployment's: then nothing was deleted
 */
export async function destroy(context: Context, { deleteData }: DestroyOptions): Promise<void> {
  const { deployment, say } = context;
  const base = stackName(deployment, 'base');
  const isThere = (await readStack(context, base)) !== undefined;
  const bucket = isThere ? (await readOutputs(context, 'base'))('BucketName') : undefined;
  if (deleteData !== undefined && deleteData !== bucket) {
    const found = bucket === undefined ? 'has none' : `is ${bucket}`;
    throw new DeployError(
      `The bucket of ${deployment} ${found}, not ${deleteData}: nothing was deleted.`,
      'Give the very name of the bucket whose content shall be lost.',
    );
  }
  for (const kind of RUNNING) {
    const name = stackName(deployment, kind);
    say(`${name}: ${(await deleteStack(context, name)) ? 'deleted' : 'not deployed'}`);
  }
  if (bucket === undefined) return;
  if (deleteData === undefined) {
    say(`${base} stays, with the bucket ${bucket} and the images. To lose them too: --delete-data ${bucket}`);
    return;
  }
  // Emptied first: while the stack is there, the command can be run again. The stack leaves its bucket behind.
  await emptyBucket(context, bucket);
  await deleteStack(context, base);
  await context.s3.send(new DeleteBucketCommand({ Bucket: bucket }));
  say(`${base}: deleted, with the bucket ${bucket} and everything in it`);
}

async function emptyBucket({ s3, say }: Context, bucket: string): Promise<void> {
  let deleted = 0;
  for (;;) {
    // From the beginning each time: what was listed is gone.
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    if (Contents.length === 0) break;
    const Objects = Contents.map(({ Key = '' }) => ({ Key }));
    const { Errors = [] } = await s3.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
    );
    const [refused] = Errors;
    if (refused !== undefined) {
      throw new DeployError(
        `S3 did not delete ${Errors.length} objects of ${bucket}; the first is ${refused.Key}: ${refused.Message}`,
        'Check the permission s3:DeleteObject and run the command again.',
      );
    }
    deleted += Objects.length;
    say(`${bucket}: ${deleted} objects deleted`);
  }
  for (;;) {
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    if (Uploads.length === 0) return;
    for (const { Key, UploadId } of Uploads) {
      await s3.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
    }
  }
}
