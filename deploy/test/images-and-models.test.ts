import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, afterEach, before, beforeEach, suite, test } from 'node:test';
import { openContext } from '../src/aws/context.ts';
import { image } from '../src/commands/image.ts';
import { model } from '../src/commands/model.ts';
import { AwsStandIn, json, jsonError } from './aws-stand-in.ts';

const DIGEST = `sha256:${'c'.repeat(64)}`;
const REGISTRY = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const REPOSITORY = 'narrator-base-images';

let aws: AwsStandIn;
let folder: string;
const said: string[] = [];
const context = () => openContext({ deployment: 'narrator', pollMs: 1, say: (line) => said.push(line) });

before(() => (folder = mkdtempSync(join(tmpdir(), 'deploy-'))));
after(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  said.length = 0;
  aws = new AwsStandIn();
  await aws.start();
  const outputs = { RepositoryUri: `${REGISTRY}/${REPOSITORY}`, BucketName: 'narrator-1' };
  aws.cloudFormation.add('narrator-base', { outputs });
});
afterEach(() => aws.close());

/** A program that writes down how it was called, and what it was given to read when it logs in. */
function standIn(name: string, exitCode = 0): { calls: () => string[] } {
  const bin = join(folder, 'bin');
  const log = join(folder, `${name}.log`);
  mkdirSync(bin, { recursive: true });
  writeFileSync(log, '');
  const script = `#!/bin/sh\necho "$@" >> '${log}'\nif [ "$1" = login ]; then cat >> '${log}'; echo >> '${log}'; fi\nexit ${exitCode}\n`;
  writeFileSync(join(bin, name), script);
  chmodSync(join(bin, name), 0o755);
  if (!process.env['PATH']?.startsWith(bin)) process.env['PATH'] = `${bin}${delimiter}${process.env['PATH']}`;
  return { calls: () => readFileSync(log, 'utf8').trim().split('\n').filter(Boolean) };
}

function checkout(): { root: string; commit: string } {
  const root = mkdtempSync(join(folder, 'checkout-'));
  writeFileSync(join(root, 'Dockerfile'), 'FROM scratch AS sagemaker\n');
  const git = (...args: string[]) => execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trim();
  git('init', '--quiet');
  git('add', '.');
  git('-c', 'user.name=t', '-c', 'user.email=t@example.org', 'commit', '--quiet', '-m', 'Made');
  return { root, commit: git('rev-parse', '--short=12', 'HEAD') };
}

function registry(
  program: { calls: () => string[] },
  mediaType = 'application/vnd.docker.distribution.manifest.v2+json',
) {
  const token = Buffer.from('AWS:secret').toString('base64');
  aws.operations['GetAuthorizationToken'] = () => json({ authorizationData: [{ authorizationToken: token }] });
  aws.operations['DescribeImages'] = ({ repositoryName }) => {
    assert.equal(repositoryName, REPOSITORY);
    const isPushed = program.calls().some((call) => call.startsWith('push '));
    const detail = { imageDigest: DIGEST, imageManifestMediaType: mediaType };
    return isPushed ? json({ imageDetails: [detail] }) : jsonError('ImageNotFoundException', 'none');
  };
}

suite('An image', () => {
  test('is built for the platform of the instances, without attestations, and pushed; its digest is what ECR says', async () => {
    const docker = standIn('docker');
    const { root, commit } = checkout();
    registry(docker);
    const name = `${REGISTRY}/${REPOSITORY}:sagemaker-${commit}`;
    assert.equal(await image(context(), { target: 'sagemaker', tool: 'docker', root }), DIGEST);
    assert.deepEqual(docker.calls(), [
      `login --username AWS --password-stdin ${REGISTRY}`,
      'secret',
      `build --platform linux/amd64 --provenance=false --target sagemaker --build-arg REVISION=${commit} --tag ${name} ${root}`,
      `push ${name}`,
    ]);
    assert.equal(await image(context(), { target: 'sagemaker', tool: 'docker', root }), DIGEST);
    assert.equal(docker.calls().length, 4, 'the same commit is not built again');
  });

  test('of a checkout with changes has a tag of its own', async () => {
    const docker = standIn('docker');
    const { root, commit } = checkout();
    registry(docker);
    writeFileSync(join(root, 'Dockerfile'), 'FROM scratch AS api\n');
    await image(context(), { target: 'api', tool: 'docker', root });
    assert.match(docker.calls().at(-1) ?? '', new RegExp(`:api-${commit}-dirty-\\d{14}$`));
  });

  test('is built by podman as well, in the format that keeps its health check', async () => {
    const podman = standIn('podman');
    const { root } = checkout();
    registry(podman);
    await image(context(), { target: 'sagemaker', tool: 'podman', root });
    const build = podman.calls().find((call) => call.startsWith('build '));
    assert.match(build ?? '', /--platform linux\/amd64 --format=docker --target sagemaker/);
  });

  test('that is an index of several is refused, as SageMaker would', async () => {
    const docker = standIn('docker');
    const { root } = checkout();
    registry(docker, 'application/vnd.oci.image.index.v1+json');
    await assert.rejects(image(context(), { target: 'sagemaker', tool: 'docker', root }), /index of several images/);
  });

  test('that cannot be built is an error, and nothing is pushed', async () => {
    const docker = standIn('docker', 3);
    const { root } = checkout();
    registry(docker);
    await assert.rejects(image(context(), { target: 'sagemaker', tool: 'docker', root }), /exit code 3/);
    assert.ok(!docker.calls().some((call) => call.startsWith('push')));
  });
});

suite('A model', () => {
  const madeModel = (content: string) => {
    const path = join(mkdtempSync(join(folder, 'model-')), 'my model');
    mkdirSync(join(path, 'voices'), { recursive: true });
    writeFileSync(join(path, 'model.json'), '{}');
    writeFileSync(join(path, 'voices', 'anna.json'), content);
    return path;
  };

  test('goes below a prefix that its content names, and is not sent twice', async () => {
    const path = madeModel('{"a":1}');
    const prefix = await model(context(), path);
    assert.match(prefix, /^models\/my-model-[0-9a-f]{12}\/$/);
    assert.deepEqual(
      [...aws.s3.objects],
      [
        [`${prefix}model.json`, 2],
        [`${prefix}voices/anna.json`, 7],
      ],
    );
    assert.equal(await model(context(), path), prefix);
    assert.equal(aws.s3.written.length, 2);
  });

  test('that was cut off is completed', async () => {
    const path = madeModel('{"a":1}');
    const prefix = await model(context(), path);
    aws.s3.objects.delete(`${prefix}voices/anna.json`);
    await model(context(), path);
    assert.deepEqual(aws.s3.written.slice(2), [`${prefix}voices/anna.json`]);
  });

  test('with other content never takes the place of another', async () => {
    const [one, other] = [await model(context(), madeModel('1')), await model(context(), madeModel('2'))];
    assert.notEqual(one, other);
  });

  test('is not any folder', async () => {
    const path = mkdtempSync(join(folder, 'empty-'));
    await assert.rejects(model(context(), path), /holds no model\.json/);
  });
});
