import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isPinned, parseDockerfile, problemsOfDockerfile } from '../../../scripts/images/dockerfile.ts';

const root = join(import.meta.dirname, '../../..');
const read = (name: string) => readFileSync(join(root, name), 'utf8');
const dockerfile = read('Dockerfile');
const context = {
  exists: (path: string) => existsSync(join(root, path)),
  ignore: read('.dockerignore'),
  targets: ['api', 'worker', 'worker-cuda', 'sagemaker', 'sagemaker-emulator'],
};

test('the Dockerfile has no problems', () => {
  assert.deepEqual(problemsOfDockerfile(dockerfile, context), []);
});

test('only what the images need is sent to a build', () => {
  const lines = context.ignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(lines[0], '*');
  assert.deepEqual(
    lines.filter((line) => line.startsWith('!') && !context.exists(line.slice(1))),
    [],
  );
});

const mutants: [promise: string, from: string | RegExp, to: string, problem: RegExp][] = [
  [
    'a typing mistake in an instruction is found',
    'WORKDIR /app\nCOPY --from=dep',
    'WORKDIRR /app\nCOPY --from=dep',
    /WORKDIRR/,
  ],
  ['a base image without a version is found', 'node:24-bookworm-slim', 'node:latest', /names no version/],
  ['a base image that nothing names is found', '${CUDA_IMAGE}', '${CUDA_BASE}', /no default/],
  ['a source that is not there is found', 'COPY models models', 'COPY voices voices', /voices does not exist/],
  [
    'a source that .dockerignore drops is found',
    'COPY docker docker',
    'COPY test docker',
    /\.dockerignore keeps test out/,
  ],
  ['a stage that is not there is found', '--from=cuda-dependencies', '--from=cuda', /no earlier stage cuda/],
  ['a missing target is found', 'AS worker-cuda', 'AS gpu', /no stage worker-cuda/],
  ['root is found', /USER 1000:1000\n/g, '', /api: its user is root/],
  ['a user without a number is found', /USER 1000:1000/g, 'USER node', /its user is node/],
  [
    'an entry that the build does not make is found',
    'dist/src/cli/main.js',
    'dist/src/cli/server.js',
    /no src\/cli\/server\.ts/,
  ],
  [
    'a shell before the program is found',
    'ENTRYPOINT ["node", "dist/src/cli/main.js"]',
    'ENTRYPOINT node dist/src/cli/main.js',
    /list of words/,
  ],
  ['a missing health check is found', /HEALTHCHECK[^]*?healthz"\]/, '', /api: it has no HEALTHCHECK/],
  ['a health check that does not exist is found', 'healthy.mjs", "http"', 'well.mjs", "http"', /no docker\/well\.mjs/],
  ['a secret in the image is found', 'NARRATOR_PORT=8080', 'NARRATOR_ADMIN_KEY=abc', /secret would stay/],
  [
    'a setting that does not exist is found',
    'NARRATOR_PROVIDER=${',
    'NARRATOR_DEVICE=${',
    /sagemaker: .*NARRATOR_DEVICE/s,
  ],
  ['a setting that is not accepted is found', 'PROVIDER=cuda', 'PROVIDER=gpu', /worker-cuda: .*NARRATOR_PROVIDER/s],
  ['an endpoint that is not root by name is found', 'USER 0:0\n', '', /sagemaker: its user is not named/],
  [
    'an endpoint that would not be given its port is found',
    'accept-bind-to-port=true',
    'accept-bind-to-port=no',
    /sagemaker: it does not say .*SAGEMAKER_BIND_TO_PORT/,
  ],
  [
    'an init before an endpoint is found',
    '["node", "dist/container/main.js"]',
    '["tini", "node", "dist/container/main.js"]',
    /sagemaker: something stands before/,
  ],
  [
    'an endpoint that is started otherwise is found',
    'container/main.js"]\nCMD ["serve"]\n',
    'container/main.js"]\n',
    /sagemaker: it does not start as/,
  ],
  ['ADD is found', 'COPY models models', 'ADD models models', /ADD unpacks/],
];

for (const [promise, from, to, problem] of mutants) {
  test(promise, () => {
    const mutant = dockerfile.replace(from, () => to);
    assert.notEqual(mutant, dockerfile);
    assert.match(problemsOfDockerfile(mutant, context).join('\n'), problem);
  });
}

test('instructions over several lines, comments and stages are read', () => {
  const { bases, stages } = parseDockerfile(
    'ARG A=b:1\n# note\nFROM ${A} AS one\nRUN x \\\n  # in between\n  && y\nFROM one\nUSER 7\n',
  );
  assert.deepEqual([...bases], [['A', 'b:1']]);
  assert.deepEqual(
    stages.map(({ name, base, instructions }) => [
      name,
      base,
      instructions.map(({ keyword, line }) => [keyword, line]),
    ]),
    [
      ['one', '${A}', [['RUN', 4]]],
      [undefined, 'one', [['USER', 8]]],
    ],
  );
});

test('a version is a tag with a number, or a digest', () => {
  assert.ok(isPinned('registry:5000/node:24-slim'));
  assert.ok(isPinned(`node@sha256:${'a'.repeat(64)}`));
  for (const image of ['node', 'node:latest', 'node:lts', 'registry:5000/node', 'node@sha256:abc']) {
    assert.equal(isPinned(image), false, image);
  }
});
