/**
 * Copies a model from S3 into a folder, before a server starts that has none in its image: docs/deploy-aws.md. Plain JavaScript: it runs from the image.
 *   node docker/fetch-model.mjs s3://bucket/models/NAME/ FOLDER; credentials and region as the AWS SDK finds them
 */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';

function fail(message, exitCode = 1) {
  process.stderr.write(`${message}\n`);
  process.exit(exitCode);
}

const [source = '', folder = ''] = process.argv.slice(2);
const [, Bucket, Prefix] = /^s3:\/\/([^/]+)\/(.+\/)$/.exec(source) ?? [];
if (Bucket === undefined || folder === '') fail('usage: fetch-model.mjs s3://bucket/prefix/ FOLDER', 2);

const s3 = new S3Client({});
let files = 0;
for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix })) {
  for (const { Key } of Contents) {
    const name = normalize(Key.slice(Prefix.length));
    // Who may write to the bucket may still not write beside the folder.
    if (name.startsWith('..') || name.startsWith(sep)) fail(`${Key} would lie outside of ${folder}.`);
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    await pipeline(Body, createWriteStream(path));
    process.stdout.write(`${name}\n`);
    files += 1;
  }
}
if (files === 0) fail(`There is nothing below ${source}.`);
