import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { followJob, parseEventStream } from '../../../src/cli/client-events.ts';
import { json, serving } from './server.ts';

const job = (status: string, percent: number) => ({
  id: 'job',
  status,
  createdAt: '2026-01-01T00:00:00.000Z',
  items: { total: 2, succeeded: 0, failed: 0 },
  audioSeconds: { predicted: 2, finished: 0 },
  percent,
});

async function* bytes(...pieces: string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield new TextEncoder().encode(piece);
}

test('events are read as the standard has them, however they are cut', async () => {
  const stream =
    ': hello\r\nevent: progress\r\nid: 1.2.3\r\ndata: {"a":\r\ndata: 1}\r\n\r\nretry: 3000\n\ndata:plain\n\ndata: cut off';
  for (const size of [1, 2, 7, stream.length]) {
    const pieces = stream.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    const events = [];
    for await (const event of parseEventStream(bytes(...pieces))) events.push(event);
    assert.deepEqual(
      events,
      [
        { type: 'progress', data: '{"a":\n1}', id: '1.2.3' },
        { type: 'message', data: 'plain', id: '1.2.3' },
      ],
      `in pieces of ${size}`,
    );
  }
});

test('a stream that breaks off is taken up where it was, and what came in between is not missed', async (t) => {
  let finished = false;
  const send = (response: ServerResponse, ...events: string[]) => response.write(events.join(''));
  const { client, asked } = await serving(t, ({ request }, response) => {
    if (!request.url?.endsWith('/events'))
      return json(response, 200, job(finished ? 'completed' : 'running', finished ? 100 : 10));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (request.headers['last-event-id'] === undefined) {
      send(response, `id: 1.1.1\nevent: progress\ndata: ${JSON.stringify(job('running', 40))}\n\n`);
      setTimeout(() => response.destroy(), 20);
    } else {
      finished = true;
      send(response, 'event: done\ndata: {}\n\n');
      response.end();
    }
  });
  const seen: number[] = [];
  const { signal } = new AbortController();
  for await (const { percent } of followJob(client(), 'job', { signal, pollMs: 5 })) seen.push(percent);
  assert.deepEqual([seen[0], seen[1], seen.at(-1)], [10, 40, 100]);
  const ids = asked
    .filter(({ request }) => request.url?.endsWith('/events'))
    .map(({ request }) => request.headers['last-event-id']);
  assert.deepEqual(ids, [undefined, '1.1.1']);
});

test('where no stream comes through, the job is asked for until it is finished', async (t) => {
  const { client } = await serving(t, ({ request }, response, before) => {
    if (request.url?.endsWith('/events')) json(response, 429, { code: 'too_many_requests' });
    else json(response, 200, job(before > 4 ? 'failed' : 'running', before));
  });
  const states: string[] = [];
  const { signal } = new AbortController();
  for await (const { status } of followJob(client(), 'job', { signal, pollMs: 1 })) states.push(status);
  assert.deepEqual([states[0], states.at(-1)], ['running', 'failed']);
});
