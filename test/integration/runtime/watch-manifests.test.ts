import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { openKey, openPrefix } from '../../../src/core/keys.ts';
import { isCancelled, readJobHead } from '../../../src/core/ledger.ts';
import { checkResultsPlace } from '../../../src/runtime/allowed-buckets.ts';
import { ManifestWatcher, type ManifestWatcherOptions } from '../../../src/runtime/watch-manifests.ts';
import { objectCreated, throughSns } from '../../support/s3-event-messages.ts';
import { until } from '../adapters/bullmq/until.ts';
import { encode, openDeployment, type S3Deployment, textOf } from './s3-deployment.ts';

const LINE = '{"id":"a","text":"Hello."}\n';
const MODEL = { id: 'tiny', digest: 'a'.repeat(64) };

let emulator: S3Deployment['emulator'];
let config: S3Deployment['config'];
let shared: S3Deployment['shared'];
let bucket: S3Deployment['bucket'];
let deployment: S3Deployment;

before(async () => {
  deployment = await openDeployment();
  ({ emulator, config, shared, bucket } = deployment);
});
after(() => deployment.close());

const logged: { event: string; [field: string]: unknown }[] = [];
const log = (event: string, fields: Record<string, unknown> = {}) => void logged.push({ event, ...fields });
const linesOf = (event: string) => logged.filter((line) => line.event === event);
beforeEach(() => void logged.splice(0));

describe('a manifest that is put into a bucket', () => {
  let watcher: ManifestWatcher;
  let queue: string;
  let woken: number;

  const options = (): ManifestWatcherOptions => ({
    queueUrl: `${emulator.endpoint}/000000000000/${queue}`,
    region: 'us-east-1',
    waitSeconds: 1,
    visibilitySeconds: 2,
    retrySeconds: () => 0,
    store: shared.store,
    openPlace: shared.openPlace,
    model: MODEL,
    choices: ({ steps = 32, cfg = 2, ...defaults }) => ({ defaults, parameters: { steps, cfg, sway: -1 } }),
    checkResults: (results) => checkResultsPlace(results, config),
    checkSubscriptions: () => undefined,
    now: () => new Date(),
    newId: randomUUID,
    bytesMax: 10_000,
    wake: () => (woken += 1),
    log,
  });

  beforeEach(async () => {
    woken = 0;
    queue = `manifests-${randomUUID()}`;
    const { arn } = emulator.createQueue(`${queue}-dead`);
    const redrive = JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 3 });
    emulator.createQueue(queue, { RedrivePolicy: redrive });
    emulator.notify('books', queue);
    watcher = new ManifestWatcher(options());
    await watcher.start();
  });
  afterEach(() => watcher.close());

  const isIdle = () => emulator.messagesIn(queue).all === 0;
  const jobs = async () => {
    const ids: string[] = [];
    for await (const { key } of shared.store.list(openPrefix)) ids.push(key.slice(openPrefix.length));
    return ids;
  };
  /** as a controller would end them */
  const endJobs = async () => {
    for (const id of await jobs()) await shared.store.delete(openKey(id));
  };
  afterEach(endJobs);

  async function onlyJob() {
    const [id, ...others] = await jobs();
    assert.deepEqual(others, []);
    return (await readJobHead(shared.store, id ?? assert.fail('there is no job'))) ?? assert.fail();
  }
  const answer = async (key: string) => {
    const object = await bucket.get(`${key}.error.json`);
    return object && (JSON.parse(Buffer.from(object.bytes).toString()) as { error: { code: string; message: string } });
  };

  it('becomes a job whose results go beside it', async () => {
    const key = 'in/emma/chapter one.jsonl';
    await deployment.put(key, LINE);
    await until('the queue is empty', isIdle);
    const job = await onlyJob();
    assert.match(job.id, /^s3-[0-9a-f]{24}-[0-9a-f]{24}$/);
    assert.equal(job.source, `s3://books/${key}`);
    assert.deepEqual(job.results, { kind: 's3', bucket: 'books', prefix: 'in/emma/chapter one/' });
    assert.equal(job.manifest.format, 'jsonl');
    assert.equal(await textOf(await shared.store.read(job.manifest.key)), LINE);
    assert.equal(woken, 1);
    assert.equal(linesOf('manifests.accepted').length, 1);
  });

  it('is one job however often it is told of and put again; other bytes are another job', async () => {
    const key = 'in/again.csv';
    await deployment.put(key, 'id,text\na,Hello.\n');
    await until('the queue is empty', isIdle);
    const first = await onlyJob();
    const head = (await bucket.head(key)) ?? assert.fail();
    const event = objectCreated('books', { key, etag: head.etag, contentLength: head.size });
    emulator.send(queue, JSON.stringify(throughSns(event)));
    await deployment.put(key, 'id,text\na,Hello.\n');
    await until('the queue is empty', isIdle);
    assert.equal((await onlyJob()).id, first.id);
    assert.equal(linesOf('manifests.known').length, 2);

    await shared.store.delete(openKey(first.id));
    await deployment.put(key, 'id,text\na,Good bye.\n');
    await until('the queue is empty', isIdle);
    const second = await onlyJob();
    assert.notEqual(second.id, first.id);
    assert.deepEqual(second.results, first.results);
  });

  it('that is replaced takes the place of the job of its earlier version, once that has ended', async () => {
    const key = 'in/replaced.jsonl';
    await deployment.put(key, LINE);
    await until('the queue is empty', isIdle);
    const { id } = await onlyJob();
    await deployment.put(key, `${LINE}{"id":"b","text":"More."}\n`);
    await until('the earlier job is cancelled', () => isCancelled(shared.store, id));
    assert.deepEqual(await jobs(), [id]);
    await shared.store.delete(openKey(id));
    await until('the queue is empty', isIdle);
    assert.notEqual((await onlyJob()).id, id);
    assert.deepEqual(linesOf('manifests.accepted').at(-1)?.['replaced'], [id]);
  });

  it('is found by any key that S3 takes: blanks, plus signs, percents, other scripts', async () => {
    const keys = ['in/a b.jsonl', 'in/1+1=2.jsonl', 'in/100 %41.jsonl', 'in/日本 „ä“.JSONL', 'in/a&b?c#d.csv'];
    for (const key of keys) await deployment.put(key, key.endsWith('csv') ? 'id,text\na,Hello.\n' : LINE);
    await until('the queue is empty', isIdle);
    const heads = await Promise.all((await jobs()).map((id) => readJobHead(shared.store, id)));
    assert.deepEqual(heads.map((head) => head?.source).sort(), keys.map((key) => `s3://books/${key}`).sort());
  });

  it('has options beside it', async () => {
    const content = {
      defaults: { voice: 'anna', speed: 1.2 },
      parameters: { steps: 16 },
      format: 'float32',
      priority: 3,
      metadata: { title: 'Emma' },
      results: { bucket: 'narrator', prefix: 'audio/emma' },
    };
    await deployment.put('in/opted.options.json', JSON.stringify(content));
    await deployment.put('in/opted.jsonl', LINE);
    await until('the queue is empty', isIdle);
    const { defaults, parameters, format, priority, metadata, results } = await onlyJob();
    assert.deepEqual(
      { defaults, parameters, format, priority, metadata, results },
      {
        ...content,
        parameters: { steps: 16, cfg: 2, sway: -1 },
        results: { kind: 's3', bucket: 'narrator', prefix: 'audio/emma/' },
      },
    );
  });

  it('that cannot be a job is answered beside it, and its queue is done with it', async () => {
    const bad: [string, string | Uint8Array, string][] = [
      ['in/header.csv', 'name;words\na;b\n', 'manifest_invalid'],
      ['in/empty.jsonl', '\n', 'manifest_invalid'],
      ['in/wide.jsonl', Buffer.from(LINE, 'utf16le'), 'manifest_invalid'],
      ['in/large.jsonl', LINE.repeat(500), 'manifest_too_large'],
      [`in/${'long/'.repeat(90)}a.jsonl`, LINE, 'key_invalid'],
    ];
    for (const [key, content] of bad) await bucket.put(key, typeof content === 'string' ? encode(content) : content);
    const options: [string, string][] = [
      ['in/unknown', '{"prioritty":1}'],
      ['in/broken', '{'],
      ['in/far', '{"results":{"bucket":"others"}}'],
      ['in/near', '{"results":{"bucket":"narrator","prefix":"store/jobs/x"}}'],
      ['in/huge', `"${'x'.repeat(300_000)}"`],
    ];
    for (const [stem, content] of options) {
      await deployment.put(`${stem}.options.json`, content);
      await deployment.put(`${stem}.jsonl`, LINE);
    }
    await until('the queue is empty', isIdle);
    assert.deepEqual(await jobs(), []);
    for (const [key, , code] of bad) assert.equal((await answer(key))?.error.code, code, key);
    const codes = await Promise.all(options.map(async ([stem]) => (await answer(`${stem}.jsonl`))?.error.code));
    assert.deepEqual(codes, [
      'request_invalid',
      'request_invalid',
      'bucket_not_allowed',
      'bucket_not_allowed',
      'request_invalid',
    ]);
    assert.match(
      (await answer('in/unknown.jsonl'))?.error.message ?? '',
      /s3:\/\/books\/in\/unknown\.options\.json: prioritty/,
    );
    assert.equal(emulator.messagesIn(`${queue}-dead`).all, 0);
  });

  it('loses the answer to its earlier version when it becomes a job', async () => {
    await deployment.put('in/corrected.csv', 'no header');
    await until('the queue is empty', isIdle);
    assert.notEqual(await answer('in/corrected.csv'), undefined);
    await deployment.put('in/corrected.csv', 'id,text\na,Hello.\n');
    await until('the queue is empty', isIdle);
    await onlyJob();
    assert.equal(await answer('in/corrected.csv'), undefined);
  });

  it('is none where it is a result, has another ending, is deleted, or only a test', async () => {
    await deployment.put('in/emma/results.jsonl', LINE);
    await deployment.put('in/emma/errors.jsonl', LINE);
    await deployment.put('in/notes.txt', 'x');
    const removed = objectCreated(
      'books',
      { key: 'in/x.jsonl', etag: '"x"', contentLength: 1 },
      'ObjectRemoved:Delete',
    );
    emulator.send(queue, JSON.stringify(removed));
    await until('the queue is empty', isIdle);
    assert.deepEqual(await jobs(), []);
    assert.equal(linesOf('manifests.ignored').length, 4);
    emulator.send(
      queue,
      JSON.stringify(objectCreated('books', { key: 'in/gone.jsonl', etag: '"x"', contentLength: 1 })),
    );
    await until('the queue is empty', isIdle);
    assert.equal(linesOf('manifests.gone').length, 1);
    assert.deepEqual(await jobs(), []);
  });

  it('from a place that is not allowed ends in the dead-letter queue, as does what is no event', async () => {
    await deployment.put('out/a.jsonl', LINE);
    emulator.send(queue, 'no event at all');
    await until('the queue is empty', () => isIdle() && emulator.messagesIn(`${queue}-dead`).all === 2);
    assert.deepEqual(await jobs(), []);
    const codes = new Set(linesOf('manifests.message-failed').map(({ code }) => code));
    assert.deepEqual(codes, new Set(['bucket_not_allowed', 'request_invalid']));
  });

  it('becomes a job also beside one in the same message that cannot be taken', async () => {
    await watcher.close();
    await deployment.put('in/good.jsonl', LINE);
    const records = (key: string) => objectCreated('books', { key, etag: '"x"', contentLength: 1 }).Records;
    emulator.send(queue, JSON.stringify({ Records: [...records('out/bad.jsonl'), ...records('in/good.jsonl')] }));
    watcher = new ManifestWatcher(options());
    await watcher.start();
    await until('the queue is empty', () => isIdle() && emulator.messagesIn(`${queue}-dead`).all === 1);
    assert.equal((await onlyJob()).source, 's3://books/in/good.jsonl');
  });
});
