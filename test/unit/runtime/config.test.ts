import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { NarratorError } from '../../../src/core/errors.ts';
import { readConfig } from '../../../src/runtime/config.ts';
import { VARIABLES } from '../../../src/runtime/config-variables.ts';

test('an empty environment gives the documented defaults', () => {
  const config = readConfig({});
  assert.equal(config.home, join(homedir(), '.f5-narrator'));
  assert.deepEqual(
    [config.model, config.provider, config.precision, config.threads, config.logLevel],
    ['tiny', 'auto', 'auto', 0, 'warn'],
  );
});

test('all problems are reported together, each with the name of its variable', () => {
  assert.throws(
    () => readConfig({ NARRATOR_THREADS: 'two', NARRATOR_PROVIDER: 'gpu', NARRATOR_MODLE: 'x' }),
    (error: NarratorError) => {
      assert.equal(error.code, 'config_invalid');
      for (const name of ['NARRATOR_THREADS', 'NARRATOR_PROVIDER', 'NARRATOR_MODLE'])
        assert.match(error.message, new RegExp(name));
      return true;
    },
  );
});

test('an empty variable counts as unset, and other programs variables are none of our business', () => {
  assert.equal(readConfig({ NARRATOR_MODEL: '', PATH: '/bin', HOME: '/root' }).model, 'tiny');
});

test('numbers out of range are refused, not clamped', () => {
  assert.throws(() => readConfig({ NARRATOR_THREADS: '100000' }), /between 0 and 1024/);
});

const SAGEMAKER = {
  NARRATOR_DISPATCH: 'sagemaker',
  NARRATOR_SAGEMAKER_ENDPOINT: 'narrator',
  NARRATOR_STORE: 's3://bucket/prefix',
};

test('shards go to a SageMaker endpoint, with limits that SageMaker takes', () => {
  assert.deepEqual(readConfig(SAGEMAKER).dispatch, {
    kind: 'sagemaker',
    endpointName: 'narrator',
    ...{ region: undefined, url: undefined, queueUrl: undefined, metricNamespace: undefined },
    ...{ timeoutS: 900, ttlS: 3600, attempts: 5, window: 64 },
  });
});

test('SageMaker needs an endpoint, and a store that its containers reach', () => {
  const without = { ...SAGEMAKER, NARRATOR_SAGEMAKER_ENDPOINT: '', NARRATOR_STORE: '/folder' };
  assert.throws(() => readConfig(without), /NARRATOR_SAGEMAKER_ENDPOINT: must be set[^]*NARRATOR_STORE: must be s3:/);
  assert.throws(() => readConfig({ ...SAGEMAKER, NARRATOR_STORE: '' }), /NARRATOR_STORE: must be s3:/);
});

test('a setting that is both wrong and needed is reported once', () => {
  const wrong = { ...SAGEMAKER, NARRATOR_SAGEMAKER_ENDPOINT: '-no-name-', NARRATOR_STORE: 'ftp://host' };
  assert.throws(
    () => readConfig(wrong),
    (error: NarratorError) => {
      assert.equal(error.message.match(/^ {2}NARRATOR_/gm)?.length, 2, error.message);
      return true;
    },
  );
});

test('a queue that is asked for by name needs its Redis, also where its variable is empty', () => {
  const environment = { NARRATOR_DISPATCH: 'bullmq', NARRATOR_REDIS_URL: '' };
  assert.throws(() => readConfig(environment), /NARRATOR_REDIS_URL: must be set/);
});

test('a program may have defaults of its own, which the environment wins over', () => {
  const own = { NARRATOR_MODEL: '/opt/ml/model', NARRATOR_LOG_LEVEL: 'info' };
  const given = { NARRATOR_LOG_LEVEL: 'error', SAGEMAKER_BIND_TO_PORT: '8888' };
  const { model, logLevel, bindPort, server } = readConfig(given, own);
  assert.deepEqual([model, logLevel, bindPort, server.port], ['/opt/ml/model', 'error', 8888, 8080]);
});

test('docs/configuration.md names every variable, and no other', () => {
  const documented = [...readFileSync('docs/configuration.md', 'utf8').matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map(
    (match) => match[1],
  );
  assert.deepEqual(documented, Object.keys(VARIABLES));
});
