import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { suite, test, type TestContext } from 'node:test';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startS3Emulator } from '../../support/s3-emulator.ts';

const SCRIPT = join(import.meta.dirname, '../../../docker/fetch-model.mjs');
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

async function bucketWith(t: TestContext, objects: Readonly<Record<string, string>>): Promise<string> {
  const emulator = await startS3Emulator();
  t.after(() => emulator.close());
  emulator.createBucket('data');
  const client = new S3Client(emulator.connection);
  for (const [Key, Body] of Object.entries(objects)) {
    await client.send(new PutObjectCommand({ Bucket: 'data', Key, Body }));
  }
  client.destroy();
  return emulator.endpoint;
}

async function fetchModel(t: TestContext, endpoint: string, source: string) {
  const folder = mkdtempSync(join(tmpdir(), 'model-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const child = spawn(process.execPath, [SCRIPT, source, folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
  });
  const [stderr, [exitCode]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number]>]);
  return { folder, stderr, exitCode };
}

suite('A model is fetched from S3', () => {
  test('with its folders, and with nothing of another one', async (t) => {
    const endpoint = await bucketWith(t, {
      'models/a/model.json': '{}',
      'models/a/voices/anna.json': 'anna',
      'models/ab/model.json': 'another',
    });
    const { folder, exitCode, stderr } = await fetchModel(t, endpoint, 's3://data/models/a/');
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(readdirSync(folder).sort(), ['model.json', 'voices']);
    assert.equal(readFileSync(join(folder, 'voices', 'anna.json'), 'utf8'), 'anna');
  });

  test('or not at all: nothing there is an error', async (t) => {
    const endpoint = await bucketWith(t, {});
    const { exitCode, stderr } = await fetchModel(t, endpoint, 's3://data/models/a/');
    assert.equal(exitCode, 1);
    assert.match(stderr, /nothing below s3:\/\/data\/models\/a\//);
  });

  test('as a folder: without the slash it is another prefix', async (t) => {
    const { exitCode, stderr } = await fetchModel(t, 'http://127.0.0.1:9', 's3://data/models/a');
    assert.equal(exitCode, 2);
    assert.match(stderr, /usage/);
  });
});
