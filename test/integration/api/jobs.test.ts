import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { NarratorError } from '../../../src/core/errors.ts';
import { requireJobHead } from '../../../src/core/ledger.ts';
import {
  BODY_LIMIT_BYTES,
  type JobAnswer,
  type JobServer,
  jsonOf,
  lines,
  NDJSON,
  problemOf,
  startJobServer,
} from './job-server.ts';

let server: JobServer;
before(async () => (server = await startJobServer()));
after(() => server.close());

const items = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `i${n}`, text: `Number ${n}.` }));

describe('the life of a job', () => {
  test('is accepted, made, listed item by item, and deleted', async () => {
    const accepted = await server.post('/v1/jobs', {
      items: items(3),
      metadata: { book: 'Emma' },
      priority: 2,
      notify: [{ kind: 'webhook', url: 'https://example.org/', secret: 'whsec_c2VjcmV0' }],
    });
    const location = accepted.headers.get('location') ?? '';
    const job = await jsonOf<JobAnswer>(accepted, 202);
    assert.equal(location, `/v1/jobs/${job.id}`);
    assert.deepEqual(
      [job.status, job['metadata'], job['priority'], job['tenant']],
      ['planning', { book: 'Emma' }, 2, 'anna'],
    );
    assert.deepEqual(job['notify'], [{ kind: 'webhook', url: 'https://example.org/' }], 'secrets are not shown again');
    assert.deepEqual(job.queue, { jobsBefore: 0, audioSecondsBefore: 0 });

    const done = await server.finish(job.id);
    assert.deepEqual(
      [done.status, done.percent, done.items],
      ['completed', 100, { total: 3, succeeded: 3, failed: 0, pending: 0 }],
    );
    assert.equal(done.summary?.['reusedSegments'], 0);
    const page = await jsonOf<{ data: Record<string, unknown>[]; cursor?: string }>(
      await server.get(`${location}/items?limit=2`),
      200,
    );
    assert.deepEqual(
      page.data.map(({ line, id, status, reusedSegments, url }) => [line, id, status, reusedSegments, url]),
      [
        [1, 'i0', 'done', 0, `${location}/items/i0/audio`],
        [2, 'i1', 'done', 0, `${location}/items/i1/audio`],
      ],
    );
    const rest = await jsonOf<{ data: { id: string }[]; cursor?: string }>(
      await server.get(`${location}/items?limit=2&cursor=${page.cursor}`),
      200,
    );
    assert.deepEqual([rest.data.map(({ id }) => id), rest.cursor], [['i2'], undefined]);

    const results = await server.get(`${location}/results`);
    assert.match(results.headers.get('content-type') ?? '', /^application\/x-ndjson/);
    const text = await results.text();
    assert.equal(text.trim().split('\n').length, 3);
    assert.equal(await (await server.get(`${location}/errors`)).text(), '');

    let deleted: Response;
    // Whoever finishes the job may still be at it.
    while ((deleted = await server.remove(location, { key: 'admin' })).status === 409) {
      assert.equal((await problemOf(deleted, 409)).retryable, true);
      assert.equal(deleted.headers.get('retry-after'), '5');
      await delay(20);
    }
    assert.equal(deleted.status, 204);
    await problemOf(await server.get(location), 404);
    const left: string[] = [];
    for await (const { key } of server.store.list('jobs/')) if (key.includes(job.id)) left.push(key);
    assert.deepEqual(left, []);
  });

  test('is listed, newest first, by page and by status', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      const job = await jsonOf<JobAnswer>(await server.post('/v1/jobs', { text: `List ${n}.` }), 202);
      await server.finish(job.id);
      ids.unshift(job.id);
    }
    const first = await jsonOf<{ data: JobAnswer[]; cursor: string }>(await server.get('/v1/jobs?limit=2'), 200);
    assert.deepEqual(
      first.data.map(({ id }) => id),
      ids.slice(0, 2),
    );
    const second = await jsonOf<{ data: JobAnswer[] }>(
      await server.get(`/v1/jobs?limit=1&cursor=${first.cursor}`),
      200,
    );
    assert.deepEqual(
      second.data.map(({ id }) => id),
      ids.slice(2),
    );
    const failed = await jsonOf<{ data: JobAnswer[] }>(await server.get('/v1/jobs?status=failed'), 200);
    assert.deepEqual(failed.data, []);
  });

  test('text becomes one item, at an address or in the body; a manifest is taken as it is', async () => {
    server.sources.set('https://example.org/a.txt?signature=secret', '\ufeffFrom afar.');
    server.sources.set('s3://allowed/book.csv', 'id,text\na,One.\nb,Two.\n');
    const bodies: [unknown, string[], string | undefined][] = [
      [{ text: 'Hello.' }, ['text'], undefined],
      [{ text: 'Hello.', itemId: 'greeting' }, ['greeting'], undefined],
      [{ textUrl: 'https://example.org/a.txt?signature=secret' }, ['text'], 'https://example.org/a.txt'],
      [
        { manifest: 's3://allowed/book.csv', results: { bucket: 'allowed', prefix: 'out' } },
        ['a', 'b'],
        's3://allowed/book.csv',
      ],
    ];
    for (const [body, ids, source] of bodies) {
      const job = await jsonOf<JobAnswer>(await server.post('/v1/jobs', body), 202);
      assert.equal(job['source'], source);
      await server.finish(job.id);
      const { data } = await jsonOf<{ data: { id: string; status: string }[] }>(
        await server.get(`${job.links['items']}`),
        200,
      );
      assert.deepEqual(
        data.map(({ id, status }) => [id, status]),
        ids.map((id) => [id, 'done']),
      );
    }
    assert.ok((await server.store.head('buckets/allowed/out/a.wav')) !== undefined, 'where the client wants it');
  });

  test('a bad item harms no other, whichever way it came', async () => {
    const bad = [{ id: 'good', text: 'Good.' }, { id: 'bad', tekst: 'Bad.' }, 7, { id: 'good', text: 'Twice.' }];
    const ways: [unknown, Record<string, string>][] = [
      [{ items: bad }, {}],
      [bad.map((item) => `${JSON.stringify(item)}\n`).join(''), NDJSON],
    ];
    for (const [body, headers] of ways) {
      const job = await jsonOf<JobAnswer>(await server.post('/v1/jobs', body, { headers }), 202);
      const done = await server.finish(job.id);
      assert.deepEqual([done.status, done.items.succeeded, done.items.failed], ['partially_failed', 1, 3]);
      const errors = (await (await server.get(`${job.links['errors']}`)).text())
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.deepEqual(
        errors.map(({ line, code, field }) => [line, code, field]),
        [
          [2, 'item_invalid', 'tekst'],
          [3, 'item_invalid', undefined],
          [4, 'item_duplicate', 'id'],
        ],
      );
    }
  });
});

describe('the same job again', () => {
  test('is the first one: by the id of a PUT', async () => {
    const body = { items: items(2), defaults: { speed: 1.5 } };
    const first = await server.put('/v1/jobs/mine.1', body);
    assert.equal(first.headers.get('location'), '/v1/jobs/mine.1');
    assert.equal((await jsonOf<JobAnswer>(first, 201)).id, 'mine.1');
    assert.equal((await jsonOf<JobAnswer>(await server.put('/v1/jobs/mine.1', body), 200)).id, 'mine.1');
    const problem = await problemOf(await server.put('/v1/jobs/mine.1', { ...body, defaults: { speed: 1.4 } }), 409);
    assert.equal(problem.code, 'job_conflict');
  });

  test('by the Idempotency-Key of a POST, also for many at once', async () => {
    const headers = { 'idempotency-key': 'order-7' };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => server.post('/v1/jobs', { items: items(2) }, { headers })),
    );
    const jobs = await Promise.all(
      answers.map(async (answer) => [answer.status, ((await answer.json()) as JobAnswer).id] as const),
    );
    assert.deepEqual(jobs.map(([status]) => status).sort(), [200, 200, 200, 200, 200, 200, 200, 202]);
    assert.equal(new Set(jobs.map(([, id]) => id)).size, 1);
    assert.equal(
      (await problemOf(await server.post('/v1/jobs', { items: items(3) }, { headers }), 409)).code,
      'job_conflict',
    );
    const other = await jsonOf<JobAnswer>(
      await server.post('/v1/jobs', { items: items(3) }, { headers, key: 'bert' }),
      202,
    );
    assert.notEqual(other.id, jobs[0]?.[1], 'the keys of two tenants have nothing to do with each other');
    const manifests: string[] = [];
    for await (const { key } of server.store.list(`jobs/${jobs[0]?.[1]}/manifest-`)) manifests.push(key);
    assert.equal(manifests.length, 1);
  });

  test('edited, is made anew only where it was changed', async () => {
    const text = (nth: string) => `This is the first sentence. ${nth} And so it ends here.`;
    const run = async (body: string) => {
      const job = await jsonOf<JobAnswer>(await server.post('/v1/jobs', { text: body }), 202);
      await server.finish(job.id);
      const { data } = await jsonOf<{ data: Record<string, unknown>[] }>(
        await server.get(`${job.links['items']}`),
        200,
      );
      return [
        data[0]?.['segments'],
        data[0]?.['reusedSegments'],
        (await server.finish(job.id)).summary?.['reusedSegments'],
      ];
    };
    assert.deepEqual(await run(text('In the middle is this one.')), [3, 0, 0]);
    const estimate = await jsonOf(await server.post('/v1/jobs:estimate', { text: text('Now it is that one.') }), 200);
    assert.deepEqual([estimate['segments'], estimate['reusableSegments']], [3, 2]);
    assert.deepEqual(await run(text('Now it is that one.')), [3, 2, 2]);
  });
});

describe('manifests as a body', () => {
  test('CSV, with options in the query', async () => {
    const job = await jsonOf<JobAnswer>(
      await server.post(
        '/v1/jobs?speed=1.25&priority=-3&reuse=false&format=int24',
        'id,text,metadata.k\na,"One, two.",v\n',
        { headers: { 'content-type': 'text/csv; charset=utf-8' } },
      ),
      202,
    );
    assert.equal(job['priority'], -3);
    await server.finish(job.id);
    const sidecar = await jsonOf(await server.get(`${job.links['items']}/a/timings`), 200);
    assert.deepEqual(
      [sidecar['format'], (sidecar['parameters'] as { speed: number }).speed, sidecar['metadata']],
      ['int24', 1.25, { k: 'v' }],
    );
  });

  test('how texts are read may stand in the query and in the body', async () => {
    const reading = { language: 'en-GB', normalise: 'basic', emoji: 'name', markup: 'markdown', unsupported: 'drop' };
    const headers = { 'content-type': 'text/csv' };
    for (const answer of [
      await server.post(`/v1/jobs?${new URLSearchParams(reading).toString()}`, 'id,text,normalise\na,One.,off\n', {
        headers,
      }),
      await server.post('/v1/jobs', { text: 'One.', defaults: reading }),
    ]) {
      const { id } = await jsonOf<JobAnswer>(answer, 202);
      const { defaults } = await requireJobHead(server.store, id);
      assert.deepEqual({ ...defaults, ...reading }, defaults);
    }
  });

  test('what has no parameter of its own stands in options, and loses against those that have', async () => {
    const asked = {
      metadata: { book: '7' },
      priority: 1,
      defaults: { voice: 'nobody', speed: 2 },
      parameters: { steps: 8 },
    };
    const query = (options: string) => `/v1/jobs?voice=anna&priority=3&options=${encodeURIComponent(options)}`;
    const job = await jsonOf<JobAnswer>(
      await server.post(query(JSON.stringify(asked)), lines(1, 'options'), { headers: NDJSON }),
      202,
    );
    assert.deepEqual([job['priority'], job['metadata']], [3, { book: '7' }]);
    assert.equal((await server.finish(job.id)).status, 'completed');
    const sidecar = await jsonOf(await server.get(`${job.links['items']}/options0/timings`), 200);
    assert.deepEqual(sidecar['parameters'], { steps: 8, cfg: 2, sway: -1, speed: 2 });
    for (const [options, field] of [
      ['{', 'options'],
      ['[]', 'body'],
      ['{"text":"a"}', 'text'],
      ['{"priority":"high"}', 'priority'],
    ] as const) {
      const problem = await problemOf(await server.post(query(options), lines(1), { headers: NDJSON }), 400);
      assert.equal(problem.field, field, options);
    }
  });

  test('no secret may stand in an address', async () => {
    const notify = [{ kind: 'webhook', url: 'https://a.example/' }];
    const query = (subscriptions: object[]) =>
      `/v1/jobs?options=${encodeURIComponent(JSON.stringify({ notify: subscriptions }))}`;
    const secret = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3';
    const told = query([...notify, { kind: 'webhook', url: 'https://b.example/', secret }]);
    const problem = await problemOf(await server.post(told, lines(1), { headers: NDJSON }), 400);
    assert.equal(problem.field, 'options.notify.1.secret');
    assert.match(problem.hint, /header narrator-webhook-secret/);
    assert.doesNotMatch(JSON.stringify(problem), /whsec_MD/);
    const signed = (value: string) => ({ headers: { ...NDJSON, 'narrator-webhook-secret': value } });
    const { id } = await jsonOf<JobAnswer>(await server.post(query(notify), lines(1), signed(secret)), 202);
    const head = await requireJobHead(server.store, id);
    assert.deepEqual(head.notify, [{ ...notify[0], secret }]);
  });

  test('one that breaks off leaves no job, and no error of ours', async () => {
    const before = server.failures.length;
    await new Promise<void>((resolve) => {
      const broken = httpRequest(`${server.url}/v1/jobs/broken`, {
        method: 'PUT',
        headers: { authorization: 'Bearer anna', ...NDJSON, 'content-length': '100000' },
      });
      broken.on('error', () => resolve());
      broken.write(lines(100));
      setTimeout(() => broken.destroy(), 50);
    });
    while (server.failures.length === before) await delay(10);
    assert.equal(server.failures.at(-1)?.code, 'request_invalid');
    await problemOf(await server.get('/v1/jobs/broken'), 404);
    for await (const { key } of server.store.list('jobs/broken')) assert.fail(key);
  });

  test('one that is too long is refused, with and without a length', async () => {
    const tooLong = `${JSON.stringify({ id: 'a', text: 'x'.repeat(1000) })}\n`.repeat(BODY_LIMIT_BYTES / 1000);
    const refused = await problemOf(await server.post('/v1/jobs', tooLong, { headers: NDJSON }), 413);
    assert.deepEqual([refused.code, refused.field, refused.limit], ['request_invalid', 'body', BODY_LIMIT_BYTES]);
    const json = await problemOf(await server.post('/v1/jobs', JSON.stringify({ text: tooLong })), 413);
    assert.equal(json.limit, BODY_LIMIT_BYTES);
    async function* chunks() {
      for (let at = 0; at < tooLong.length; at += 65_536)
        yield new TextEncoder().encode(tooLong.slice(at, at + 65_536));
    }
    const streamed = await server.post('/v1/jobs', ReadableStream.from(chunks()), { headers: NDJSON, duplex: 'half' });
    await problemOf(streamed, 413);
  });
});

describe('what cannot be a job', () => {
  const cases: [string, unknown, string | undefined, number?, string?][] = [
    ['nothing', undefined, 'content-type'],
    ['no JSON', '{', 'body'],
    ['a list', [], 'body'],
    ['no source', {}, 'items'],
    ['two sources', { text: 'a', items: [{}] }, 'text'],
    ['an unknown field', { text: 'a', voise: 'b' }, 'voise'],
    ['an unknown field further in', { text: 'a', defaults: { voise: 'b' } }, 'defaults.voise'],
    ['a prototype', '{"text":"a","__proto__":{"priority":9}}', '__proto__'],
    ['no items', { items: [] }, 'items'],
    ['items that are no list', { items: { a: 1 } }, 'items'],
    ['too many items', { items: new Array(100_001).fill(0) }, 'items'],
    ['a number as text', { text: 7 }, 'text'],
    ['a blank text', { text: ' \n' }, 'text', 422, 'text_empty'],
    ['a text beyond the limit', { text: 'x'.repeat(1_000_001) }, 'text', 413, 'text_too_long'],
    ['a text that is too many bytes', { text: '字'.repeat(400_000) }, 'text', 413, 'text_too_long'],
    ['an id that is no file name', { text: 'a', itemId: '../a' }, 'itemId'],
    ['an id for many', { items: [{}], itemId: 'a' }, 'itemId'],
    ['an address that is none', { textUrl: 'file:///etc/passwd' }, 'textUrl'],
    ['an address without a host', { textUrl: 'http://' }, 'textUrl'],
    ['nothing at the address', { textUrl: 'https://example.org/none' }, 'textUrl', 404, 'manifest_not_found'],
    ['a manifest of a strange kind', { manifest: 's3://allowed/a.zip' }, 'manifest'],
    [
      'a bucket that is not allowed',
      { text: 'a', results: { bucket: 'theirs' } },
      'results.bucket',
      403,
      'bucket_not_allowed',
    ],
    ['a prefix that leaves', { text: 'a', results: { bucket: 'allowed', prefix: '../x' } }, 'results.prefix'],
    [
      'a webhook without TLS',
      { text: 'a', notify: [{ kind: 'webhook', url: 'http://example.org' }] },
      'notify.0.url',
      400,
      'subscription_invalid',
    ],
    ['a strange subscription', { text: 'a', notify: [{ kind: 'fax' }] }, 'notify.0.kind'],
    ['a strange speed', { text: 'a', defaults: { speed: 9 } }, 'defaults.speed'],
    ['a strange level', { text: 'a', defaults: { normalise: 'loud' } }, 'defaults.normalise'],
    ['a strange markup', { text: 'a', defaults: { markup: 'rtf' } }, 'defaults.markup'],
    ['strange steps', { text: 'a', parameters: { steps: 0.5 } }, 'parameters.steps'],
    ['a strange format', { text: 'a', format: 'mp3' }, 'format'],
    ['a short shard', { text: 'a', shardSeconds: 1 }, 'shardSeconds'],
    ['a high priority', { text: 'a', priority: 11 }, 'priority'],
    ['metadata that is no string', { text: 'a', metadata: { a: 1 } }, 'metadata.a'],
  ];
  for (const [name, body, field, status = 400, code = 'request_invalid'] of cases) {
    test(`${name}: ${field}`, async () => {
      const problem = await problemOf(await server.post('/v1/jobs', body), status);
      assert.deepEqual([problem.code, problem.field], [code, field], problem.detail);
    });
  }

  test('parameters, ids and headers that are no good are named as well', async () => {
    const bad: [Promise<Response>, string][] = [
      [server.post('/v1/jobs?speed=fast', lines(1), { headers: NDJSON }), 'speed'],
      [server.post('/v1/jobs?speed=9', lines(1), { headers: NDJSON }), 'defaults.speed'],
      [server.post('/v1/jobs?normalise=loud', lines(1), { headers: NDJSON }), 'normalise'],
      [server.post('/v1/jobs?emoji=name&emoji=drop', lines(1), { headers: NDJSON }), 'emoji'],
      [server.post('/v1/jobs?unsupported=ignore', lines(1), { headers: NDJSON }), 'unsupported'],
      [server.post('/v1/jobs?markup=rtf', lines(1), { headers: NDJSON }), 'markup'],
      [server.post('/v1/jobs?voice=a&voice=b', lines(1), { headers: NDJSON }), 'voice'],
      [server.post('/v1/jobs?voise=a', lines(1), { headers: NDJSON }), 'voise'],
      [server.post('/v1/jobs?__proto__=a', lines(1), { headers: NDJSON }), '__proto__'],
      [server.post('/v1/jobs?voice=a', { text: 'a' }), 'voice'],
      [server.post('/v1/jobs', lines(1), { headers: { ...NDJSON, 'content-encoding': 'gzip' } }), 'content-encoding'],
      [server.post('/v1/jobs', lines(1), { headers: { 'content-type': 'text/plain' } }), 'content-type'],
      [server.post('/v1/jobs', { text: 'a' }, { headers: { 'idempotency-key': 'x'.repeat(256) } }), 'Idempotency-Key'],
      [server.post('/v1/jobs', { text: 'a' }, { headers: { 'idempotency-key': 'a b' } }), 'Idempotency-Key'],
      [server.put('/v1/jobs/..%2fa', { text: 'a' }), 'id'],
      [server.put(`/v1/jobs/${'a'.repeat(65)}`, { text: 'a' }), 'id'],
      [server.get('/v1/jobs?limit=0'), 'limit'],
      [server.get('/v1/jobs?limit=501'), 'limit'],
      [server.get('/v1/jobs?limit=5&limit=6'), 'limit'],
      [server.get('/v1/jobs?status=odd'), 'status'],
      [server.get('/v1/jobs?cursor=../../x'), 'cursor'],
      [server.get('/v1/jobs?sort=up'), 'sort'],
    ];
    for (const [answer, field] of bad) assert.equal((await problemOf(await answer, 400)).field, field);
    const latin1 = { headers: { 'content-type': 'text/csv; charset=iso-8859-1' } };
    assert.equal((await problemOf(await server.post('/v1/jobs', 'id,text\n', latin1), 400)).code, 'encoding_invalid');
  });

  test('ids of no job, however odd, are not found', async () => {
    for (const id of ['none', '..%2f..%2fetc', '%00', 'a%20b', '%F0%9F%98%80', 'x'.repeat(500), '__proto__']) {
      for (const path of ['', '/items', '/results', '/events', '/items/a/audio']) {
        assert.equal(
          (await problemOf(await server.get(`/v1/jobs/${id}${path}`), 404)).code,
          'job_not_found',
          id + path,
        );
      }
    }
    await problemOf(await server.get('/v1/jobs/%E0%A4%A'), 400);
  });

  test('an item that is nested without end', async () => {
    const depth = 200_000;
    const nested = `{"items":[{"id":"a","text":${'['.repeat(depth)}${']'.repeat(depth)}}]}`;
    assert.equal((await problemOf(await server.post('/v1/jobs', nested), 400)).field, 'items.0');
  });
});

describe('cancelling and retrying', () => {
  test('a cancelled job keeps what is finished, and cannot be retried', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    server.engine.before = ({ text }) => (text.startsWith('slow') ? gate : Promise.resolve());
    const manifest = lines(1, 'fast') + lines(30, 'slow');
    const job = await jsonOf<JobAnswer>(await server.post('/v1/jobs', `${manifest}`, { headers: NDJSON }), 202);
    await delay(50);
    await problemOf(await server.remove(`/v1/jobs/${job.id}`, { key: 'admin' }), 409);
    const waiting = await server.get(`${job.links['results']}`);
    assert.equal(waiting.headers.get('retry-after'), '5');
    await problemOf(waiting, 409);
    await jsonOf<JobAnswer>(await server.post(`${job.links['cancel']}`), 202);
    open();
    const done = await server.finish(job.id);
    assert.equal(done.items.pending, 0);
    server.engine.before = async () => undefined;
    assert.equal((await server.post(`${job.links['cancel']}`)).status, 200, 'it is over');
  });

  test('a retry takes up what failed, and only that', async () => {
    server.engine.before = async ({ text }) => {
      if (/number [13]/.test(text)) throw new NarratorError('waveform_invalid', 'It is silent.');
    };
    const job = await jsonOf<JobAnswer>(await server.post('/v1/jobs', lines(5, 'retry'), { headers: NDJSON }), 202);
    const retry = `${job.links['retry']}`;
    assert.equal((await server.finish(job.id)).items.failed, 2);
    for (const [body, field] of [
      [{ only: 'all' }, 'only'],
      [{ only: [] }, 'only'],
      [{ only: ['nobody'] }, 'only'],
      [{ items: ['a'] }, 'items'],
    ] as const) {
      const problem = await problemOf(await server.post(retry, body), 400);
      assert.deepEqual([problem.code, problem.field], ['request_invalid', field]);
    }
    server.engine.before = async () => undefined;
    const before = server.engine.requests.length;
    assert.equal((await server.post(retry, { only: ['retry1'] })).status, 202);
    assert.deepEqual((await server.finish(job.id)).items, { total: 5, succeeded: 4, failed: 1, pending: 0 });
    assert.equal((await server.post(retry)).status, 202);
    const done = await server.finish(job.id);
    assert.deepEqual([done.status, done.round, server.engine.requests.length - before], ['completed', 3, 2]);
    await problemOf(await server.post(retry, { only: 'failed' }), 400);
  });
});

describe('tenants', () => {
  test('see their own jobs and nothing of others, admins see all', async () => {
    const [anna, bert, nobody] = await Promise.all(
      (['anna', 'bert', 'nobody'] as const).map(async (key) => {
        const job = await jsonOf<JobAnswer>(await server.post('/v1/jobs', { text: `I am ${key}.` }, { key }), 202);
        await server.finish(job.id);
        return job.id;
      }),
    );
    for (const [id, key] of [
      [anna, 'bert'],
      [anna, 'nobody'],
      [bert, 'anna'],
      [nobody, 'bert'],
    ] as const) {
      for (const path of ['', '/items', '/items/text/audio', '/items/text/timings', '/results', '/errors', '/events']) {
        assert.equal((await problemOf(await server.get(`/v1/jobs/${id}${path}`, { key }), 404)).code, 'job_not_found');
      }
      for (const path of ['/cancel', '/retry', '/notifications:resend']) {
        await problemOf(await server.post(`/v1/jobs/${id}${path}`, undefined, { key }), 404);
      }
      const taken = await problemOf(await server.put(`/v1/jobs/${id}`, { text: 'Mine?' }, { key }), 409);
      assert.doesNotMatch(taken.detail, /accepted at/);
    }
    const seen = async (key: 'bert' | 'nobody' | 'admin', query = '') =>
      (await jsonOf<{ data: JobAnswer[] }>(await server.get(`/v1/jobs?limit=500${query}`, { key }), 200)).data;
    assert.ok((await seen('bert')).every(({ tenant }) => tenant === 'bert'));
    assert.deepEqual(
      (await seen('nobody')).map(({ id }) => id),
      [nobody],
    );
    assert.ok((await seen('admin')).length > 3);
    assert.ok((await seen('admin', '&tenant=bert')).every(({ tenant }) => tenant === 'bert'));
    assert.ok((await seen('bert', '&tenant=anna')).every(({ tenant }) => tenant === 'bert'));
  });

  test('keys do what their scopes say', async () => {
    const reader = { key: 'reader' } as const;
    await problemOf(await server.post('/v1/jobs', { text: 'a' }, reader), 403);
    await problemOf(await server.put('/v1/jobs/a', { text: 'a' }, reader), 403);
    await problemOf(await server.post('/v1/jobs/a/cancel', undefined, reader), 403);
    await problemOf(await server.remove('/v1/jobs/a'), 403);
    assert.equal((await server.get('/v1/jobs', reader)).status, 200);
    assert.equal((await server.post('/v1/jobs:estimate', { text: 'a' }, reader)).status, 200);
  });
});

describe('an estimate', () => {
  test('says what a job would come to, names its bad lines, and writes nothing', async () => {
    const manifest = `${lines(3, 'estimate')}bad\n`;
    const keys = async () => {
      let count = 0;
      for await (const _ of server.store.list('jobs/')) count += 1;
      return count;
    };
    const before = await keys();
    const report = await jsonOf(await server.post('/v1/jobs:estimate', manifest, { headers: NDJSON }), 200);
    const { rejected, audioSeconds, synthesisSeconds, characters, ...counts } = report;
    assert.deepEqual(counts, { items: 4, rejectedItems: 1, segments: 3, shards: 1, reusableSegments: 0 });
    assert.deepEqual(
      (rejected as { line: number; code: string }[]).map(({ line, code }) => [line, code]),
      [[4, 'item_invalid']],
    );
    assert.ok((audioSeconds as number) > 0 && (characters as number) > 30);
    assert.equal(synthesisSeconds, Math.round((audioSeconds as number) * 5) / 10);
    assert.equal(await keys(), before);
    await problemOf(await server.post('/v1/jobs:estimate', { text: 'a', priority: 99 }), 400);
  });
});

describe('what takes memory or time', () => {
  test('is done a few times at once; a client that goes away frees its place', async () => {
    const slow = await startJobServer({
      estimate: async ({ manifest }) => {
        for await (const _ of manifest.bytes) await delay(5);
        throw new NarratorError('internal', 'Nobody goes away.');
      },
    });
    try {
      const items = Array.from({ length: 100_000 }, (_, n) => ({ id: `${n}` }));
      const stop = new AbortController();
      const estimates = [1, 2].map(() =>
        slow.post('/v1/jobs:estimate', { items }, { signal: stop.signal }).catch(() => undefined),
      );
      let refused: Response;
      do {
        await delay(20);
        refused = await slow.post('/v1/jobs:estimate', { items: [] });
      } while (refused.status === 400);
      assert.equal((await problemOf(refused, 429)).limit, 2);
      stop.abort();
      await Promise.all(estimates);
      while ((await slow.post('/v1/jobs:estimate', { items: [] })).status === 429) await delay(20);
      while (slow.failures.filter(({ code }) => code === 'cancelled').length < 2) await delay(20);
    } finally {
      await slow.close();
    }
  });

  test('large bodies of JSON are a few at once; small ones and manifests are not in the way', async () => {
    const open = [1, 2, 3, 4].map(() => {
      const headers = { authorization: 'Bearer anna', 'content-type': 'application/json', 'content-length': '2000000' };
      const request = httpRequest(`${server.url}/v1/jobs`, { method: 'POST', headers });
      request.on('error', () => undefined);
      request.write('{');
      return request;
    });
    const large = { text: 'x', metadata: { pad: 'x'.repeat(1_100_000) } };
    let answer: Response;
    do {
      await delay(10);
      answer = await server.post('/v1/jobs', large);
    } while (answer.status === 400);
    assert.equal((await problemOf(answer, 429)).limit, 4);
    assert.equal((await server.post('/v1/jobs', { text: 'Small.' })).status, 202);
    assert.equal((await server.post('/v1/jobs', lines(1), { headers: NDJSON })).status, 202);
    for (const request of open) request.destroy();
    while ((await server.post('/v1/jobs', large)).status === 429) await delay(10);
  });
});

test('telling again is for the job that there is', async () => {
  const job = await jsonOf<JobAnswer>(await server.post('/v1/jobs', { text: 'Tell.' }), 202);
  assert.deepEqual(await jsonOf(await server.post(`/v1/jobs/${job.id}/notifications:resend`), 202), { events: 1 });
  assert.deepEqual(server.resent, [job.id]);
});

test('nothing unexpected happened', () => {
  assert.deepEqual(
    server.failures.filter(({ code }) => code === 'internal'),
    [],
  );
  assert.deepEqual(server.problems, []);
});
