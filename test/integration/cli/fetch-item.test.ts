import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type DoneItem, fetchItem } from '../../../src/cli/fetch-item.ts';
import { json, serving } from './server.ts';

const SAMPLES = 30_000;
const WAV = Buffer.alloc(44 + 2 * SAMPLES, 7);
const TIMINGS = { samples: SAMPLES, sampleRateHz: 24_000, format: 'int16', segments: [] };
const item: DoneItem = { line: 1, id: 'a', status: 'done', output: 'part/a.wav', url: '/v1/jobs/job/items/a/audio' };

/** A server of one item. `audio` writes the answers for its WAV file. */
async function house(t: TestContext, audio: Parameters<typeof serving>[1], timings: unknown = TIMINGS) {
  const folder = await mkdtemp(join(tmpdir(), 'narrator-fetch-'));
  t.after(() => rm(folder, { recursive: true }));
  const { client, asked } = await serving(t, (one, response, before) => {
    if (one.request.url?.endsWith('/timings')) json(response, 200, timings);
    else audio(one, response, before);
  });
  const { signal } = new AbortController();
  const target = { client: client({ attempts: 2 }), jobId: 'job', folder, signal };
  return { folder, asked, fetch: (one = item) => fetchItem(one, target) };
}

test('a download that breaks off goes on where it was, and the file appears under its name only whole', async (t) => {
  const ranges: (string | undefined)[] = [];
  const { folder, fetch } = await house(t, ({ request: { headers } }, response) => {
    ranges.push(headers.range);
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const status = headers.range !== undefined && headers['if-range'] === '"v1"' ? 206 : 200;
    response.writeHead(status, { etag: '"v1"', 'content-length': WAV.length - start });
    if (ranges.length === 3) return void response.end(WAV.subarray(start));
    response.write(WAV.subarray(start, start + 20_000), () => setTimeout(() => response.destroy(), 20));
  });
  assert.equal(await fetch(), true);
  assert.deepEqual(ranges, [undefined, 'bytes=20000-', 'bytes=40000-']);
  assert.ok(WAV.equals(await readFile(join(folder, 'part/a.wav'))));
  assert.deepEqual(JSON.parse(await readFile(join(folder, 'part/a.json'), 'utf8')), TIMINGS);
  assert.deepEqual((await readdir(join(folder, 'part'))).sort(), ['a.json', 'a.wav']);
  assert.equal(await fetch(), false, 'what is whole is fetched again');
  assert.equal(ranges.length, 3);
});

test('timings that came with the item are not asked for again', async (t) => {
  const { asked, fetch } = await house(t, (_asked, response) => void response.end(WAV));
  const timed = { ...item, timings: TIMINGS };
  assert.deepEqual([await fetch(timed), await fetch(timed)], [true, false]);
  assert.deepEqual(
    asked.map(({ request }) => request.url),
    [item.url],
  );
});

test('a server that has had too many requests is asked again after the time that it names', async (t) => {
  const { asked, fetch } = await house(t, (_asked, response, before) => {
    if (before > 0) return void response.end(WAV);
    json(response, 429, { code: 'too_many_requests' }, { 'retry-after': '0' });
  });
  assert.equal(await fetch({ ...item, timings: TIMINGS }), true);
  assert.equal(asked.length, 2);
});

test('audio that is longer or shorter than its timings is refused, and leaves no file', async (t) => {
  for (const wrong of [WAV.subarray(1), Buffer.concat([WAV, WAV])]) {
    const { folder, fetch } = await house(t, (_asked, response) => void response.writeHead(200).end(wrong));
    await assert.rejects(fetch(), { code: 'server_unreachable' });
    assert.deepEqual(
      (await readdir(folder, { recursive: true })).filter((name) => /a\.(wav|json)$/.test(name)),
      [],
    );
  }
});

test('a path that leads out of the folder and timings that are none are refused before anything is written', async (t) => {
  const { fetch, asked, folder } = await house(t, (_asked, response) => void response.end(WAV), { samples: 'many' });
  await assert.rejects(fetch({ ...item, output: '../a.wav' }), { code: 'key_invalid' });
  assert.equal(asked.length, 0);
  await assert.rejects(fetch(), { code: 'server_unreachable', message: /timings of item a/ });
  assert.deepEqual(await readdir(folder), []);
});
