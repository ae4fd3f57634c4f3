import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { NarratorError } from '../../../src/core/errors.ts';
import { type JobAnswer, type JobServer, jsonOf, lines, NDJSON, problemOf, startJobServer } from './job-server.ts';

let server: JobServer;
before(async () => {
  server = await startJobServer({
    eventStreams: { pollMs: 10, idleMs: 20, heartbeatMs: 40, streamsMax: 6, streamsPerKeyMax: 4 },
  });
});
after(() => server.close());
beforeEach(() => {
  server.engine.before = async () => undefined;
});

interface Event {
  name: string;
  id: string | undefined;
  data: Record<string, unknown>;
}

/** Reads a stream as a browser does, for as long as `isEnough` says so. */
async function* eventsOf(response: Response): AsyncGenerator<Event | 'comment'> {
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  assert.equal(response.headers.get('x-accel-buffering'), 'no');
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      if (block.startsWith(':')) yield 'comment';
      const fields = new Map(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const),
      );
      const data = fields.get('data');
      if (data !== undefined)
        yield {
          name: fields.get('event') ?? '',
          id: fields.get('id'),
          data: JSON.parse(data) as Record<string, unknown>,
        };
    }
  }
  assert.equal(text, '');
}

const submit = async (manifest: string, more = '') =>
  jsonOf<JobAnswer>(await server.post(`/v1/jobs${more}`, manifest, { headers: NDJSON }), 202);
const watch = (job: JobAnswer, headers: Record<string, string> = {}, query = '') =>
  server.get(`${job.links['events']}${query}`, { headers });
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `i${n}`);

/** Long lines, so that a manifest is many shards. */
const wide = (count: number, word: string) =>
  Array.from(
    { length: count },
    (_, n) => `${JSON.stringify({ id: `i${n}`, text: `${`${word} `.repeat(14)}${n}.` })}\n`,
  ).join('');

async function all(response: Response): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of eventsOf(response)) if (event !== 'comment') events.push(event);
  return events;
}
const itemsIn = (events: Event[]) => events.filter(({ name }) => name === 'item').map(({ data }) => data['id']);

describe('the events of a job', () => {
  test('are its progress, every item once, and the end', async () => {
    server.engine.before = async ({ text }) => {
      if (text.endsWith('number 3.')) throw new NarratorError('waveform_invalid', 'It is silent.');
    };
    const job = await submit(`${lines(20)}bad\n`);
    const events = await all(await watch(job));
    assert.deepEqual(itemsIn(events).sort(), [...numbered(20), undefined].sort());
    const third = events.find(({ data }) => data['id'] === 'i3' && data['line'] === 4);
    assert.deepEqual(
      [third?.data['status'], (third?.data['error'] as { code: string }).code],
      ['failed', 'waveform_invalid'],
    );
    assert.equal(events[0]?.name, 'progress');
    assert.equal(events.at(-1)?.name, 'done');
    assert.deepEqual([events.at(-1)?.data['id'], events.at(-1)?.data['status']], [job.id, 'partially_failed']);
    const again = await all(await watch(job));
    assert.deepEqual(
      itemsIn(again),
      itemsIn(events).toSorted((a, b) => itemsIn(again).indexOf(a) - itemsIn(again).indexOf(b)),
    );
    assert.deepEqual(itemsIn(await all(await watch(job, {}, '?items=false'))), []);
  });

  test('go on behind the last one that came, at every place, without repeats and without gaps', async () => {
    const job = await submit(wide(60, 'word') + lines(40, 'j'));
    await server.finish(job.id);
    const events = await all(await watch(job));
    const ids = itemsIn(events);
    assert.equal(new Set(ids).size, 100);
    for (const at of [0, 1, 2, 33, 57, 99]) {
      const id = events.filter(({ name }) => name === 'item')[at]?.id ?? assert.fail();
      const rest = await all(await watch(job, { 'last-event-id': id }));
      assert.deepEqual(itemsIn(rest), ids.slice(at + 1));
      assert.equal(rest.at(-1)?.name, 'done');
    }
    const end = await watch(job, { 'last-event-id': events.at(-1)?.id ?? '' });
    assert.equal(end.status, 204, 'a browser does not come back');
  });

  test('are not held up by a shard that is slow, and are complete however often the client comes back', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    // 14 lines of 0.7 seconds are a shard of ten seconds: the first one waits.
    server.engine.before = ({ text }) => (/ [0-5]\.$/.test(text) ? gate : Promise.resolve());
    const items = wide(80, 'slow')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as unknown);
    const job = await jsonOf<JobAnswer>(await server.post('/v1/jobs', { items, shardSeconds: 10 }), 202);
    const seen: unknown[] = [];
    let lastId = '';
    for (let visit = 0; seen.length < 60; visit++) {
      assert.ok(visit < 200);
      const stop = new AbortController();
      const response = await server.get(`${job.links['events']}`, {
        headers: { 'last-event-id': lastId },
        signal: stop.signal,
      });
      let taken = 0;
      try {
        for await (const event of eventsOf(response)) {
          if (event === 'comment') break;
          if (event.name !== 'item') continue;
          seen.push(event.data['id']);
          lastId = event.id ?? assert.fail();
          if (++taken === 7) break;
        }
      } finally {
        stop.abort();
      }
    }
    assert.ok(!seen.includes('i0'), 'the slow shard is at work still');
    open();
    const rest = await all(await watch(job, { 'last-event-id': lastId }));
    assert.deepEqual([...seen, ...itemsIn(rest)].sort(), numbered(80).sort());
  });

  test('come with a sign of life while nothing happens', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    server.engine.before = () => gate;
    const job = await submit(lines(1, 'slow'));
    const stream = eventsOf(await watch(job));
    let comments = 0;
    for await (const event of stream) {
      if (event === 'comment' && ++comments === 2) open();
      if (event !== 'comment' && event.name === 'done') break;
    }
    assert.ok(comments >= 2);
  });

  test('an item that spans shards is told once it is a file; a retry tells what became of the failed ones', async () => {
    server.engine.before = async ({ text }) => {
      if (text.includes('number 1.')) throw new NarratorError('waveform_invalid', 'It is silent.');
    };
    const long = {
      id: 'long',
      text: Array.from({ length: 40 }, (_, n) => `Sentence ${n} of a long item that spans shards.`).join(' '),
    };
    const items = [long, { id: 'short', text: 'The number 1.' }];
    const job = await jsonOf<JobAnswer>(await server.post('/v1/jobs', { items, shardSeconds: 10 }), 202);
    const events = await all(await watch(job));
    assert.deepEqual(itemsIn(events).sort(), ['long', 'short']);
    const end = events.at(-1)?.id ?? '';
    server.engine.before = async () => undefined;
    assert.equal((await server.post(`${job.links['retry']}`)).status, 202);
    const later = await all(await watch(job, { 'last-event-id': end }));
    assert.deepEqual(
      later.filter(({ name }) => name === 'item').map(({ data }) => [data['id'], data['status']]),
      [['short', 'done']],
    );
    assert.deepEqual(
      [later.at(-1)?.name, later.at(-1)?.data['status'], later.at(-1)?.data['round']],
      ['done', 'completed', 2],
    );
  });
});

describe('watchers', () => {
  test('are refused with a cursor that is none', async () => {
    const job = await submit(lines(1));
    for (const id of [
      'x',
      '1',
      ';',
      '-1;0',
      '5-3;0',
      '1,2;0',
      '1;0;j:1',
      '1;0;2:1;endless',
      '9'.repeat(5000),
      '1;0;end0',
    ]) {
      const { field } = await problemOf(await watch(job, { 'last-event-id': id }), 400);
      assert.equal(field, 'Last-Event-ID', id);
    }
    await problemOf(await watch(job, {}, '?items=maybe'), 400);
  });

  test('share one look at the store', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    server.engine.before = () => gate;
    const job = await submit(lines(3, 'shared'));
    const { reader } = server.deps;
    const statusOf = reader.statusOf.bind(reader);
    let [looks, atOnce, most] = [0, 0, 0];
    reader.statusOf = async (head) => {
      if (head.id !== job.id) return statusOf(head);
      looks += 1;
      most = Math.max(most, ++atOnce);
      return statusOf(head).finally(() => (atOnce -= 1));
    };
    try {
      const watchers = [1, 2, 3, 4].map(async () => all(await watch(job)));
      while (looks < 8) await delay(5);
      open();
      for (const events of await Promise.all(watchers)) assert.equal(itemsIn(events).length, 3);
      assert.equal(most, 1);
    } finally {
      reader.statusOf = statusOf;
    }
  });

  test('are so many at most, of one key and of all; who leaves makes room', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    server.engine.before = () => gate;
    const job = await submit(lines(1, 'full'));
    const stop = new AbortController();
    const opened = [];
    for (let n = 0; n < 4; n++) opened.push(await server.get(`${job.links['events']}`, { signal: stop.signal }));
    const refused = await watch(job);
    assert.equal(refused.headers.get('retry-after'), '5');
    assert.equal((await problemOf(refused, 429)).limit, 4);
    for (let n = 0; n < 2; n++)
      opened.push(await server.get(`${job.links['events']}`, { key: 'admin', signal: stop.signal }));
    assert.equal((await problemOf(await server.get(`${job.links['events']}`, { key: 'admin' }), 429)).limit, 6);
    stop.abort();
    open();
    for (;;) {
      const response = await watch(job);
      if (response.status === 200) {
        assert.equal((await all(response)).at(-1)?.name, 'done');
        break;
      }
      await response.text();
      await delay(10);
    }
  });

  test('who take nothing are not read for: what they cannot take does not pile up', async () => {
    const count = 6_000;
    // Nothing is spoken, and each is an event of more than a kilobyte.
    const bad = Array.from(
      { length: count },
      (_, n) => `${JSON.stringify({ id: `${'字'.repeat(60)}${n}`, text: 'a', voice: '声'.repeat(128) })}\n`,
    );
    const job = await submit(bad.join(''));
    await server.finish(job.id);
    let records = 0;
    const get = server.store.get.bind(server.store);
    server.store.get = async (key) => {
      if (key.includes(`${job.id}/records/`)) records += 1;
      return get(key);
    };
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    try {
      socket.pause();
      socket.write(`GET /v1/jobs/${job.id}/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer anna\r\n\r\n`);
      for (let before = -1; before !== records || records === 0; await delay(300)) before = records;
      const shards = count / 512;
      assert.ok(records < shards * 0.8, `${records} of ${shards}`);
    } finally {
      socket.destroy();
      server.store.get = get;
    }
    assert.equal(itemsIn(await all(await watch(job))).length, count, 'who takes them gets them all');
  });
});

test('the end of the server ends the streams', async () => {
  const closing = new AbortController();
  const other = await startJobServer({ closing: closing.signal, eventStreams: { pollMs: 10, idleMs: 20 } });
  try {
    other.engine.before = () => delay(200);
    const job = await jsonOf<JobAnswer>(await other.post('/v1/jobs', lines(1), { headers: NDJSON }), 202);
    const response = await other.get(`${job.links['events']}`);
    setTimeout(() => closing.abort(), 30);
    assert.ok((await all(response)).every(({ name }) => name !== 'done'));
  } finally {
    await other.close();
  }
});

test('nothing unexpected happened', () => {
  assert.deepEqual(
    server.failures.filter(({ code }) => code === 'internal'),
    [],
  );
});
