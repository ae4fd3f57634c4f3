import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { NarratorError } from '../../../src/core/errors.ts';
import { type JobAnswer, type JobServer, jsonOf, problemOf, startJobServer } from './job-server.ts';

let server: JobServer;
let job: JobAnswer;
/** of the items, as the store has them */
let wav: Buffer;

const story = Array.from({ length: 30 }, (_, n) => `Sentence number ${n} of a long item.`).join(' ');

before(async () => {
  server = await startJobServer();
  server.engine.before = async ({ text }) => {
    if (text.includes('broken')) throw new NarratorError('waveform_invalid', 'It is silent.');
  };
  const items = [
    { id: 'Kapitel-1ü', text: 'One. Two.', output: 'teil 1/Anfang ö' },
    { id: 'broken', text: 'This is broken.' },
    { id: 'story', text: story },
    { id: 'story', text: 'The same id again.' },
  ];
  job = await jsonOf<JobAnswer>(await server.post('/v1/jobs', { items, shardSeconds: 10 }), 202);
  job = await server.finish(job.id);
  const stored = await server.store.get(`jobs/${job.id}/results/teil 1/Anfang ö.wav`);
  wav = Buffer.from(stored?.bytes ?? []);
  assert.ok(wav.length > 500);
});
after(() => server.close());

const audio = (headers: Record<string, string> = {}, method = 'GET') =>
  server.call(method, `/v1/jobs/${job.id}/items/${encodeURIComponent('Kapitel-1ü')}/audio`, undefined, { headers });
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

describe("an item's audio", () => {
  test('is the WAV file, with a name to save it by', async () => {
    const response = await audio();
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'audio/wav');
    assert.equal(response.headers.get('content-length'), String(wav.length));
    assert.match(
      response.headers.get('content-disposition') ?? '',
      /^attachment; .*filename\*=UTF-8''Anfang%20%C3%B6\.wav$/,
    );
    assert.deepEqual(await bytesOf(response), wav);
  });

  test('comes in ranges, as players ask for them', async () => {
    const size = wav.length;
    const ranges: [string, number, number][] = [
      ['bytes=0-9', 0, 10],
      ['bytes=100-', 100, size],
      ['bytes=-5', size - 5, size],
      [`bytes=10-${size * 2}`, 10, size],
    ];
    for (const [range, start, end] of ranges) {
      const response = await audio({ range });
      assert.equal(response.status, 206, range);
      assert.equal(response.headers.get('content-range'), `bytes ${start}-${end - 1}/${size}`);
      assert.deepEqual(await bytesOf(response), wav.subarray(start, end));
    }
    const beyond = await audio({ range: `bytes=${size}-` });
    assert.deepEqual([beyond.status, beyond.headers.get('content-range')], [416, `bytes */${size}`]);
    for (const range of ['bytes=0-1,5-6', 'lines=1-2', 'bytes=9-1', 'bytes=x']) {
      const response = await audio({ range });
      assert.equal((await bytesOf(response)).length, response.status === 416 ? 0 : size, range);
    }
  });

  test('is not sent twice to who has it, nor to HEAD, and a range of another version is the whole', async () => {
    const head = await audio({}, 'HEAD');
    assert.deepEqual(
      [head.status, head.headers.get('content-length'), (await bytesOf(head)).length],
      [200, String(wav.length), 0],
    );
    const etag = head.headers.get('etag') ?? '';
    assert.match(etag, /^"[0-9a-f]{32}"$/);
    assert.equal((await audio({ 'if-none-match': `"other", W/${etag}` })).status, 304);
    assert.equal((await audio({ 'if-none-match': '"other"' })).status, 200);
    assert.equal((await audio({ range: 'bytes=0-9', 'if-range': etag })).status, 206);
    assert.equal((await audio({ range: 'bytes=0-9', 'if-range': '"other"' })).status, 200);
  });

  test('of an item that failed, is unknown, or has gone, is not found', async () => {
    const at = (item: string, file = 'audio') => server.get(`/v1/jobs/${job.id}/items/${item}/${file}`);
    assert.match((await problemOf(await at('broken'), 404)).detail, /waveform_invalid/);
    for (const item of ['nobody', '..%2f..%2fjob', '%00', '__proto__', 'x'.repeat(1000)])
      await problemOf(await at(item), 404);
    await problemOf(await server.get(`/v1/jobs/${job.id}/items/story/audio?x=1`), 400);
    await server.store.delete(`jobs/${job.id}/results/story.wav`);
    const gone = await at('story');
    assert.equal(gone.headers.get('content-disposition'), null);
    await problemOf(gone, 404);
    assert.equal((await jsonOf(await at('story', 'timings'), 200))['item'], 'story', 'the first of the two');
  });
});

describe('the items of a job', () => {
  test('have their timings with them if that is asked for, as they lie beside the audio', async () => {
    const page = await server.get(`/v1/jobs/${job.id}/items?timings=true`);
    const { data } = await jsonOf<{ data: { line: number; timings?: object }[] }>(page, 200);
    const stored = await server.store.get(`jobs/${job.id}/results/teil 1/Anfang ö.json`);
    assert.equal(`${JSON.stringify(data[0]?.timings)}\n`, Buffer.from(stored?.bytes ?? []).toString());
    assert.deepEqual(
      data.map(({ timings }) => timings !== undefined),
      [true, false, true, false],
    );
    await problemOf(await server.get(`/v1/jobs/${job.id}/items?timings=yes`), 400);
  });

  test('are given with what became of them, and no place of ours', async () => {
    const { data } = await jsonOf<{ data: Record<string, unknown>[] }>(
      await server.get(`/v1/jobs/${job.id}/items`),
      200,
    );
    assert.deepEqual(
      data.map(({ line, id, status, output, segments }) => [line, id, status, output, segments]),
      [
        [1, 'Kapitel-1ü', 'done', 'teil 1/Anfang ö.wav', 2],
        [2, 'broken', 'failed', 'broken.wav', undefined],
        [3, 'story', 'done', 'story.wav', 30],
        [4, 'story', 'failed', undefined, undefined],
      ],
    );
    assert.equal((await server.get(data[0]?.['url'] as string)).status, 200);
    assert.equal((data[1]?.['error'] as { code: string }).code, 'waveform_invalid');
    assert.equal(data[1]?.['url'], undefined);
    const failed = await jsonOf<{ data: { line: number }[] }>(
      await server.get(`/v1/jobs/${job.id}/items?status=failed`),
      200,
    );
    assert.deepEqual(
      failed.data.map(({ line }) => line),
      [2, 4],
    );
  });

  test('cannot be asked for in ways that there are not', async () => {
    for (const query of [
      'limit=0',
      'limit=1e2',
      'cursor=x',
      'cursor=0.0',
      'status=odd',
      'offset=3',
      'cursor=1.1&cursor=1.2',
    ]) {
      const { code, field } = await problemOf(await server.get(`/v1/jobs/${job.id}/items?${query}`), 400);
      assert.deepEqual([code, field], ['request_invalid', query.split('=')[0]]);
    }
  });

  test('have signed addresses where the store has such', async () => {
    const signed = await startJobServer({
      downloadUrl: async (_results, key, { downloadName }) =>
        `https://s3.example/${key}?name=${downloadName}&signature=x`,
    });
    try {
      const { id } = await signed.finish(
        (await jsonOf<JobAnswer>(await signed.post('/v1/jobs', { text: 'Hello.' }), 202)).id,
      );
      const { data } = await jsonOf<{ data: { url: string }[] }>(await signed.get(`/v1/jobs/${id}/items`), 200);
      assert.equal(data[0]?.url, `https://s3.example/jobs/${id}/results/text.wav?name=text.wav&signature=x`);
    } finally {
      await signed.close();
    }
  });
});

describe('the lists of results and errors', () => {
  test('are the same from the records, for who cannot wait or has deleted the files', async () => {
    for (const [list, lines] of [
      ['results', 2],
      ['errors', 2],
    ] as const) {
      const whole = await (await server.get(`/v1/jobs/${job.id}/${list}`)).text();
      assert.equal(whole.trim().split('\n').length, lines);
      await server.store.delete(`jobs/${job.id}/results/${list}.jsonl`);
      assert.equal(await (await server.get(`/v1/jobs/${job.id}/${list}`)).text(), whole);
    }
  });

  test('end with why the job as a whole failed', async () => {
    const headers = { 'content-type': 'text/csv' };
    const failed = await jsonOf<JobAnswer>(await server.post('/v1/jobs', 'identity,text\na,b\n', { headers }), 202);
    assert.equal((await server.finish(failed.id)).status, 'failed');
    const errors = await (await server.get(`${failed.links['errors']}`)).text();
    assert.equal((JSON.parse(errors) as { code: string }).code, 'manifest_invalid');
    await server.store.delete(`jobs/${failed.id}/results/errors.jsonl`);
    assert.equal(await (await server.get(`${failed.links['errors']}`)).text(), errors);
  });

  test('have what is there while the job runs, if asked', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const before = server.engine.before;
    server.engine.before = ({ text }) => (text.startsWith('Slow') ? gate : Promise.resolve());
    const items = [
      ...Array.from({ length: 9 }, (_, n) => ({ id: `f${n}`, text: `Fast ${'x'.repeat(60)} ${n}.` })),
      { id: 'slow', text: `Slow ${'x'.repeat(70)}.` },
    ];
    const { id, links } = await jsonOf<JobAnswer>(await server.post('/v1/jobs', { items, shardSeconds: 10 }), 202);
    await problemOf(await server.get(`${links['results']}`), 409);
    let seen: string[] = [];
    const partial = await server.get(`${links['results']}?partial=true`);
    assert.equal(partial.status, 200);
    seen = (await partial.text()).split('\n').filter(Boolean);
    assert.ok(seen.length < 10);
    open();
    server.engine.before = before;
    await server.finish(id);
    const whole = (await (await server.get(`${links['results']}?partial=true`)).text()).split('\n').filter(Boolean);
    assert.equal(whole.length, 10);
    for (const line of seen) assert.ok(whole.includes(line));
  });
});

test('nothing unexpected happened', () => {
  assert.deepEqual(
    server.failures.filter(({ code }) => code === 'internal'),
    [],
  );
});
