/** Puts the folder of a model below a prefix that its content names: an endpoint never finds another model where it found one. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { Context } from '../aws/context.ts';
import { readOutputs } from '../aws/read-stack.ts';
import { DeployError } from '../deploy-error.ts';
import { PREFIXES } from '../stacks/names.ts';

interface ModelFile {
  readonly path: string;
  /** within the model, with slashes */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

const PART_BYTES = 32 * 2 ** 20;
const NAME_CHARACTERS_MAX = 40;

/** Sends only what is not there yet. @returns the prefix, as the parameter ModelPrefix takes it @throws DeployError */
export async function model(context: Context, folder: string): Promise<string> {
  const bucket = (await readOutputs(context, 'base'))('BucketName');
  const files = await filesOf(resolve(folder));
  const prefix = prefixOf(folder, files);
  const there = await sizesBelow(context, bucket, prefix);
  for (const file of files) {
    const key = `${prefix}${file.name}`;
    if (there.get(key) === file.bytes) {
      context.say(`${file.name}: there already`);
      continue;
    }
    context.say(`${file.name}: ${file.bytes} bytes`);
    const params = { Bucket: bucket, Key: key, Body: createReadStream(file.path) };
    await new Upload({ client: context.s3, params, partSize: PART_BYTES }).done();
  }
  return prefix;
}

async function filesOf(folder: string): Promise<ModelFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: ModelFile[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join('/');
    const { size } = await stat(path);
    files.push({ path, name, bytes: size, sha256: await hashOf(path) });
  }
  if (!files.some(({ name }) => name === 'model.json')) {
    throw new DeployError(
      `${folder} holds no model.json: that is no model.`,
      '`narrator models list` names the folders of models.',
    );
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function prefixOf(folder: string, files: readonly ModelFile[]): string {
  const content = files.map(({ name, sha256 }) => `${sha256} ${name}\n`).join('');
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const name = basename(resolve(folder))
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, NAME_CHARACTERS_MAX);
  return `${PREFIXES.models}${name}-${digest}/`;
}

async function sizesBelow({ s3 }: Context, bucket: string, prefix: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix })) {
    for (const { Key = '', Size = -1 } of Contents) sizes.set(Key, Size);
  }
  return sizes;
}
