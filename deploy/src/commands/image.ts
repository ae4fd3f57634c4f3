/** Builds an image of this checkout, and puts it into the deployment's repository. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { DescribeImagesCommand, GetAuthorizationTokenCommand, type ImageDetail } from '@aws-sdk/client-ecr';
import type { Context } from '../aws/context.ts';
import { readOutputs } from '../aws/read-stack.ts';
import { DeployError } from '../deploy-error.ts';
import type { ImageTarget } from '../stacks/names.ts';
import { outputOf, runProgram } from './run-program.ts';

export type ImageTool = 'docker' | 'podman';

export interface ImageOptions {
  readonly target: ImageTarget;
  /** default: docker if it is on PATH, else podman */
  readonly tool?: ImageTool;
  /** the checkout, with its Dockerfile */
  readonly root: string;
}

/** Images of several platforms, or with attestations beside the image: SageMaker takes neither. */
const INDEX_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

/** @returns the digest by which stacks name the image @throws DeployError */
export async function image(context: Context, { target, root, tool = findTool() }: ImageOptions): Promise<string> {
  const uri = (await readOutputs(context, 'base'))('RepositoryUri');
  const revision = await revisionOf(root);
  const tag = `${target}-${revision}`;
  const [registry = '', repositoryName = ''] = splitOnce(uri, '/');
  const there = await readImage(context, repositoryName, tag);
  if (there !== undefined) {
    context.say(`${tag} is there already`);
    return digestOf(there, tag);
  }
  await logIn(context, tool, registry);
  const flags = tool === 'docker' ? ['--provenance=false'] : ['--format=docker'];
  const name = `${uri}:${tag}`;
  const args = ['--platform', 'linux/amd64', ...flags, '--target', target, '--build-arg', `REVISION=${revision}`];
  await runProgram(tool, ['build', ...args, '--tag', name, root]);
  await runProgram(tool, ['push', name]);
  const pushed = await readImage(context, repositoryName, tag);
  if (pushed === undefined) {
    throw new DeployError(`ECR does not know ${tag} although ${tool} pushed it.`, 'Check the region and account.');
  }
  return digestOf(pushed, tag);
}

function findTool(): ImageTool {
  for (const tool of ['docker', 'podman'] as const) if (isOnPath(tool)) return tool;
  throw new DeployError('Neither docker nor podman is on PATH.', 'Install one of them.');
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Tags cannot be written twice: what is not committed gets the time as well. */
async function revisionOf(root: string): Promise<string> {
  const commit = await outputOf('git', ['-C', root, 'rev-parse', '--short=12', 'HEAD']);
  const changes = await outputOf('git', ['-C', root, 'status', '--porcelain']);
  if (changes === '') return commit;
  const time = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  return `${commit}-dirty-${time}`;
}

async function readImage({ ecr }: Context, repositoryName: string, imageTag: string): Promise<ImageDetail | undefined> {
  try {
    const { imageDetails } = await ecr.send(new DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag }] }));
    return imageDetails?.[0];
  } catch (error) {
    if (error instanceof Error && error.name === 'ImageNotFoundException') return undefined;
    throw error;
  }
}

function digestOf({ imageDigest, imageManifestMediaType = '' }: ImageDetail, tag: string): string {
  if (INDEX_TYPES.includes(imageManifestMediaType)) {
    throw new DeployError(
      `${tag} is an index of several images (${imageManifestMediaType}), which SageMaker refuses.`,
      'Build it for linux/amd64 alone and without attestations.',
    );
  }
  if (imageDigest !== undefined) return imageDigest;
  throw new DeployError(`ECR names no digest of ${tag}.`, 'Push the image again.');
}

async function logIn({ ecr }: Context, tool: ImageTool, registry: string): Promise<void> {
  const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand({}));
  const token = Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64').toString('utf8');
  const [user, password] = splitOnce(token, ':');
  if (password === undefined) throw new DeployError('ECR gave no token to log in with.', 'Check your permissions.');
  // By standard input: arguments are seen by everybody on the machine.
  await runProgram(tool, ['login', '--username', user, '--password-stdin', registry], { input: password });
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
