import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { problemsOfCompose } from '../../../scripts/images/compose.ts';

const root = join(import.meta.dirname, '../../..');
const compose = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
const example = readFileSync(join(root, '.env.example'), 'utf8');
const context = { targets: ['api', 'worker', 'worker-cuda', 'sagemaker', 'sagemaker-emulator'], example };

test('docker-compose.yml has no problems', () => {
  assert.deepEqual(problemsOfCompose(compose, context), []);
});

test('the queue forgets nothing to make room, and is written to disk', () => {
  const { services } = parse(compose, { merge: true }) as { services: { valkey: { command: string[] } } };
  const valueOf = (flag: string) => services.valkey.command[services.valkey.command.indexOf(flag) + 1];
  assert.equal(valueOf('--appendonly'), 'yes');
  assert.equal(valueOf('--maxmemory-policy'), 'noeviction');
});

const mutants: [promise: string, from: string | RegExp, to: string, problem: RegExp][] = [
  ['a setting that does not exist is found', 'NARRATOR_BUCKETS:', 'NARRATOR_BUCKET:', /no such setting/],
  ['a value that is not accepted is found', 's3://narrator/store', 's3://-/store', /NARRATOR_STORE/],
  ['a wrong default is found', 'NARRATOR_CONCURRENCY:-4', 'NARRATOR_CONCURRENCY:-many', /NARRATOR_CONCURRENCY/],
  ['a secret with a default is found', '${NARRATOR_ADMIN_KEY:?is', '${NARRATOR_ADMIN_KEY:-is', /must be asked for/],
  ['a variable that nobody explains is found', '${API_PORT:-8080}', '${HTTP_PORT:-8080}', /does not explain HTTP_PORT/],
  ['an image without a version is found', 'floci/floci:1.5.34', 'floci/floci:latest', /names no version/],
  ['a port that is open to the network is found', '127.0.0.1:${API_PORT', '${API_PORT', /open to the network/],
  [
    'a service without a health check is found',
    /healthcheck:\n\s+test: \[CMD-SHELL, valkey[^]*?retries: 10/,
    '',
    /valkey: it has no health check/,
  ],
  ['a stage that is not there is found', 'target: worker }', 'target: gpu }', /no stage gpu/],
  ['too short a time to end is found', 'stop_grace_period: 30s', 'stop_grace_period: 10s', /killed after 10s/],
  ['a service without a memory limit is found', 'limits: { memory: 1g }', 'limits: {}', /api: it has no memory limit/],
  ['a volume that is not declared is found', 'queue:/data', 'redis:/data', /no volume redis/],
  [
    'waiting for a start only is found',
    'valkey: { condition: service_healthy }',
    'valkey: { condition: service_started }',
    /does not mean that it works/,
  ],
  [
    'waiting for the end of what never ends is found',
    'aws: { condition: service_healthy }',
    'aws: { condition: service_completed_successfully }',
    /never becomes/,
  ],
  ['waiting for nobody is found', 'prepare: { condition', 'setup: { condition', /no service setup/],
  ['a writable root is found', 'read_only: true', 'read_only: false', /root can be written/],
  ['capabilities are found', 'cap_drop: [ALL]', 'cap_drop: [CHOWN]', /keeps capabilities/],
  ['privileges that may be gained are found', "['no-new-privileges:true']", '[]', /gain privileges/],
  ['a missing init is found', 'init: true', 'init: false', /reaps/],
];

for (const [promise, from, to, problem] of mutants) {
  test(promise, () => {
    const mutant = compose.replace(from, () => to);
    assert.notEqual(mutant, compose);
    assert.match(problemsOfCompose(mutant, context).join('\n'), problem);
  });
}
