/** A container process from its start to its end, and the form of its answers on the wire. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CONTAINER_ENTRY, pinged, startContainer } from '../../support/container-process.ts';
import { Restartable } from '../../support/child-process.ts';
import { until } from '../adapters/bullmq/until.ts';
import { invoke, openPlannedJobs, type PlannedJobs, receiptOf, refusalOf } from './planned-jobs.ts';

let jobs: PlannedJobs;
before(async () => {
  jobs = await openPlannedJobs();
});
after(() => jobs.close());

const speak = (url: string, text: string, path = '/tts') =>
  fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  });

test('/ping is 503 while the model loads, then 200; work that comes too early is told to come back', async () => {
  const container = await startContainer({
    settings: { standIn: { delayMs: 1 }, loadMs: 1_500 },
    env: jobs.env,
    whenReady: false,
  });
  try {
    assert.equal(await pinged(container.url), 503);
    const shard = await jobs.plan('early', ['Too early.']);
    for (const answer of [invoke(container.url, shard), speak(container.url, 'Early.', '/invocations')]) {
      const refusal = await refusalOf(answer);
      assert.deepEqual([refusal.status, refusal.code, refusal.retryable], [503, 'engine_stopped', true]);
    }
    await until('it is ready', async () => (await pinged(container.url)) === 200);
    assert.equal((await receiptOf(invoke(container.url, shard))).status, 'recorded');
    const [ready] = container.logged('container.ready');
    assert.equal(`http://127.0.0.1:${String(ready?.['port'])}`, container.url);
  } finally {
    await container.process.down();
  }
});

for (const code of ['provider_unavailable', 'engine_crashed'] as const) {
  test(`an engine that is lost (${code}) is 503, /ping too, and the end of the process`, async () => {
    // A segment that goes on keeps the process up for a while, so that it can be asked.
    const container = await startContainer({
      settings: { standIn: { delayMs: 60_000 }, failures: { Boom: code }, graceMs: 1_500 },
      env: jobs.env,
    });
    try {
      const other = invoke(container.url, await jobs.plan(`beside-${code}`, ['It takes a minute.']));
      const lost = await jobs.plan(`lost-${code}`, ['Boom.']);
      const refusal = await refusalOf(invoke(container.url, lost));
      assert.deepEqual([refusal.status, refusal.retryable], [503, true]);
      await until('/ping says so', async () => (await pinged(container.url)) === 503);
      const late = await refusalOf(invoke(container.url, lost));
      assert.deepEqual([late.status, late.code], [503, 'engine_stopped']);
      assert.equal((await refusalOf(other)).status, 503);
      assert.equal(await jobs.record(lost), undefined);
      await until('it has ended', () => container.process.pid === undefined);
      assert.equal(container.process.exitCode, 1);
      assert.equal(container.logged('container.failed')[0]?.['error'], code);
    } finally {
      await container.process.down();
    }
  });
}

test('a text that meets an engine that is lost ends the process as well', async () => {
  const container = await startContainer({
    settings: { standIn: { delayMs: 1 }, failures: { Boom: 'provider_unavailable' } },
  });
  const refusal = await refusalOf(speak(container.url, 'Boom.', '/invocations'));
  assert.ok(refusal.status >= 500);
  await until('it has ended', () => container.process.pid === undefined);
  assert.equal(container.process.exitCode, 1);
});

test('an engine that fell and lives again goes on', async () => {
  const container = await startContainer({
    settings: { standIn: { delayMs: 1 }, failures: { Slow: 'engine_timeout' } },
    env: jobs.env,
  });
  try {
    const refusal = await refusalOf(invoke(container.url, await jobs.plan('fell', ['Slow.'])));
    assert.deepEqual([refusal.status, refusal.code], [503, 'engine_timeout']);
    const next = await receiptOf(invoke(container.url, await jobs.plan('fell-next', ['Quick.'])));
    assert.deepEqual([next.status, await pinged(container.url)], ['recorded', 200]);
  } finally {
    await container.process.down();
  }
});

test('the process of the model that is killed costs a shard one attempt; the container goes on with another', async () => {
  const container = await startContainer({ settings: {}, env: jobs.env });
  try {
    const texts = Array.from({ length: 12 }, (_, at) => `It is killed in the middle of line ${at}.`);
    const shard = await jobs.plan('killed', texts);
    const answer = invoke(container.url, shard);
    await until('a batch is done', () => container.logged('batch_done').length > 0);
    process.kill(container.logged('engine_state').findLast(({ to }) => to === 'ready')?.['pid'] as number, 'SIGKILL');
    const refusal = await refusalOf(answer);
    assert.deepEqual([refusal.status, refusal.code, refusal.retryable], [503, 'engine_crashed', true]);
    const again = await receiptOf(invoke(container.url, shard, { attributes: 'attempt=2;last=false' }));
    assert.deepEqual([again.status, again.items], ['recorded', { done: 12, failed: 0 }]);
    assert.equal(await pinged(container.url), 200);
  } finally {
    await container.process.down();
  }
});

test('SIGTERM lets a shard finish, refuses what comes after, and ends with 0', async () => {
  const callsFile = join(jobs.folder, 'finishing');
  const container = await startContainer({ settings: { standIn: { delayMs: 1_500, callsFile } }, env: jobs.env });
  const shard = await jobs.plan('finishing', ['It is at work when the signal comes.']);
  const answer = invoke(container.url, shard);
  await until('the engine is at work', () => existsSync(callsFile));
  const ended = container.process.down('SIGTERM');
  await until('/ping says so', async () => (await pinged(container.url)) === 503);
  const late = await refusalOf(invoke(container.url, await jobs.plan('late', ['Too late.'])));
  assert.deepEqual([late.status, late.code, late.retryable], [503, 'engine_stopped', true]);
  assert.equal((await receiptOf(answer)).status, 'recorded');
  assert.equal(await ended, 0);
});

test('SIGTERM hands back what takes too long: 503, no record, and another container does it', async () => {
  const callsFile = join(jobs.folder, 'handed-back');
  const container = await startContainer({
    settings: { standIn: { delayMs: 60_000, callsFile }, graceMs: 300 },
    env: jobs.env,
  });
  const shard = await jobs.plan('handed-back', ['It takes a minute.']);
  const shardAnswer = invoke(container.url, shard);
  const textAnswer = speak(container.url, 'This takes a minute as well.', '/invocations');
  await until('the engine is at work on both', () => existsSync(callsFile) && linesIn(callsFile) === 2);
  const ended = container.process.down('SIGTERM');
  for (const answer of [shardAnswer, textAnswer]) {
    const refusal = await refusalOf(answer);
    assert.deepEqual([refusal.status, refusal.code, refusal.retryable], [503, 'engine_stopped', true]);
  }
  assert.equal(await ended, 0);
  assert.equal(await jobs.record(shard), undefined);
  const other = await startContainer({ settings: { standIn: { delayMs: 1 } }, env: jobs.env });
  try {
    assert.equal((await receiptOf(invoke(other.url, shard))).status, 'recorded');
  } finally {
    await other.process.down();
  }
});

test('arguments and settings that cannot be used are named, and end with 2; what cannot be opened, with 1', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const cases: [string[], Record<string, string>, number, RegExp][] = [
    [['train'], {}, 2, /only argument is `serve`/],
    [['serve', '--port'], {}, 2, /only argument is `serve`/],
    [[], { SAGEMAKER_BIND_TO_PORT: 'http' }, 2, /SAGEMAKER_BIND_TO_PORT: must be a whole number/],
    [['serve'], { SAGEMAKER_BIND_TO_PORT: String(port) }, 1, /cannot be listened on/],
    [['serve'], { NARRATOR_MODEL: '/opt/ml/nothing' }, 1, /model_not_found/],
  ];
  for (const [args, env, exitCode, said] of cases) {
    const { NARRATOR_HOME } = jobs.env;
    const process_ = new Restartable({
      name: 'container',
      args: [...CONTAINER_ENTRY, ...args],
      env: { PATH: process.env['PATH'], NARRATOR_HOST: '127.0.0.1', NARRATOR_HOME, ...env },
    });
    await process_.up();
    await until(`${args.join(' ')} has ended`, () => process_.pid === undefined);
    assert.equal(process_.exitCode, exitCode, process_.output);
    assert.match(process_.output, said);
  }
  taken.close();
});

/** What SageMaker refuses: https://github.com/deepjavalibrary/djl-serving/issues/2567, https://github.com/aws/deep-learning-containers/issues/4668 */
const HEADER_BYTES_MAX = 4096;

test('every answer says its length, is not chunked, and has few headers; connections outlast the platform', async () => {
  const container = await startContainer({ settings: { standIn: { delayMs: 1 } }, env: jobs.env });
  try {
    const shard = JSON.stringify(await jobs.plan('wire', ['On the wire.']));
    const attributes = `X-Amzn-SageMaker-Custom-Attributes: ${'a'.repeat(1024)}`;
    const shardType = 'Content-Type: application/vnd.f5-narrator.shard+json';
    const jsonType = 'Content-Type: application/json';
    const text = JSON.stringify({ text: 'On the wire.' });
    const cases: [string, string[], string, number][] = [
      ['GET /ping', [], '', 200],
      ['POST /invocations', [shardType, attributes], shard, 200],
      ['POST /invocations', [jsonType, attributes], text, 200],
      ['POST /invocations', [jsonType, 'Accept: application/json'], text, 200],
      ['POST /tts', [jsonType], text, 200],
      ['POST /invocations', [shardType, attributes], '{}', 400],
      ['POST /invocations', ['Content-Type: text/csv', attributes], 'a,b', 400],
      ['POST /tts', [jsonType], '{"text":""}', 400],
      ['POST /execution-parameters', [jsonType], '{}', 404],
    ];
    for (const [line, headers, body, status] of cases) {
      const { head, bytes } = await exchange(container.url, line, headers, body);
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `), line);
      assert.ok(Buffer.byteLength(head) < HEADER_BYTES_MAX, `${Buffer.byteLength(head)} bytes of headers`);
      assert.doesNotMatch(head, /transfer-encoding/i);
      const length = /^content-length: (\d+)\r?$/im.exec(head)?.[1];
      assert.equal(Number(length), bytes, `${line}: ${head}`);
      if (line === 'GET /ping') assert.equal(bytes, 0);
    }
    const kept = await fetch(`${container.url}/ping`);
    const seconds = Number(/timeout=(\d+)/.exec(kept.headers.get('keep-alive') ?? '')?.[1]);
    assert.ok(seconds > 60, `${seconds} s`);
  } finally {
    await container.process.down();
  }
});

const linesIn = (path: string) => readFileSync(path, 'utf8').trim().split('\n').length;

/** One request on a connection of its own, as bytes. */
async function exchange(url: string, line: string, headers: readonly string[], body: string) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const sent = [
    `${line} HTTP/1.1`,
    `Host: ${hostname}`,
    'Connection: close',
    ...headers,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.write(`${sent.join('\r\n')}\r\n\r\n${body}`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const all = Buffer.concat(chunks);
  const end = all.indexOf('\r\n\r\n') + 4;
  return { head: all.toString('latin1', 0, end), bytes: all.length - end };
}
