import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import OpenAI from 'openai';
import type { ApiDeps } from '../../../src/api/app.ts';
import type { TtsRequest } from '../../../src/api/speech-request.ts';
import { decodeAudio } from '../../../src/audio/decode.ts';
import { wavHeader } from '../../../src/audio/wav-header.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import { type Problem, type ServedApp, serveApp } from '../../support/api-app.ts';

/** A WAV file of as many samples as the text has characters. */
function spoken(text: string) {
  const header = wavHeader({ totalSamples: text.length, sampleRateHz: 24_000, format: 'int16' });
  const wav = Buffer.concat([header, Buffer.alloc(2 * text.length, 7)]);
  return { wav, seconds: text.length / 24_000, sampleRateHz: 24_000, segments: [{ text, start: 0, end: 1 }] };
}

let served: ServedApp;
let url: string;
let requests: TtsRequest[] = [];
let events: { event: string; fields: Record<string, unknown> }[] = [];
let notReady: string | undefined;
let speak: ApiDeps['speak'];

before(async () => {
  served = await serveApp({
    speak: (request, signal) => {
      requests.push(request);
      return speak(request, signal);
    },
    notReady: () => notReady,
    log: (event, fields) => events.push({ event, fields }),
  });
  ({ url } = served);
});
after(() => served.close());
beforeEach(() => {
  [requests, events, notReady] = [[], [], undefined];
  speak = ({ text }) => Promise.resolve(spoken(text));
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

async function problemOf(response: Response, status: number): Promise<Problem> {
  assert.equal(response.status, status);
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
  const problem = (await response.json()) as Problem;
  assert.equal(problem.instance, response.headers.get('x-request-id'));
  return problem;
}

describe('POST /tts', () => {
  test('answers with a WAV file, or with JSON to who asks for it', async () => {
    const wav = await post('/tts', { text: 'Good morning.', voice: 'slt', speed: 1.2 });
    assert.equal(wav.headers.get('content-type'), 'audio/wav');
    assert.deepEqual(Buffer.from(await wav.arrayBuffer()), spoken('Good morning.').wav);
    assert.deepEqual(requests, [{ text: 'Good morning.', voice: 'slt', speed: 1.2 }]);

    const json = (await (await post('/tts', { text: 'Hi.' }, { accept: 'application/json' })).json()) as Record<
      string,
      unknown
    >;
    assert.deepEqual(Buffer.from(json['audio'] as string, 'base64'), spoken('Hi.').wav);
    assert.equal(json['sampleRateHz'], 24_000);
  });

  test('hands on how the text is to be read', async () => {
    const reading = { normalise: 'basic', emoji: 'name', unsupported: 'drop', markup: 'markdown', language: 'en-GB' };
    await post('/tts', { text: 'Hi.', ...reading });
    assert.deepEqual(requests, [{ text: 'Hi.', ...reading }]);
    requests = [];
    const { language: _, ...known } = reading;
    await post('/v1/audio/speech', { model: 'm', voice: 'slt', input: 'Hi.', instructions: 'calm', ...known });
    assert.deepEqual(requests, [{ text: 'Hi.', voice: 'slt', ...known }]);
  });

  test('names the field that is wrong, its limit, and what to do', async () => {
    const cases: [unknown, string, number][] = [
      [{ text: '' }, 'text', 400],
      [{ text: 7 }, 'text', 400],
      [{ text: 'x'.repeat(5001) }, 'text', 400],
      [{ text: 'a', speed: 9 }, 'speed', 400],
      [{ text: 'a', reftext: 'b' }, 'reftext', 400],
      [{ text: 'a', normalise: 'loud' }, 'normalise', 400],
      [{ text: 'a', emoji: true }, 'emoji', 400],
      [{ text: 'a', unsupported: 'ignore' }, 'unsupported', 400],
      [{ text: 'a', markup: 'rtf' }, 'markup', 400],
      [{ text: 'a', ref_audio: 'AAAA' }, 'ref_text', 400],
      [{ text: 'a', ref_audio: 'AAAA', ref_text: 'b', voice: 'slt' }, 'voice', 400],
      ['not json', 'body', 400],
      [[], 'body', 400],
    ];
    for (const [body, field, status] of cases) {
      const problem = await problemOf(await post('/tts', body), status);
      assert.deepEqual(
        [problem.code, problem.field, problem.retryable],
        ['request_invalid', field, false],
        JSON.stringify(body).slice(0, 60),
      );
      assert.ok(problem.hint.length > 0);
    }
    assert.deepEqual(requests, []);
  });

  test('refuses a body beyond the limit before it is read to its end', async () => {
    const problem = await problemOf(
      await post('/tts', { text: 'a', ref_audio: 'A'.repeat(12_000_000), ref_text: 'b' }),
      413,
    );
    assert.equal(problem.field, 'body');
    assert.ok((problem.limit ?? 0) > 8_000_000);
  });

  test('an error of the narrator keeps its code; an unexpected one shows nothing of the inside', async () => {
    speak = () => Promise.reject(new NarratorError('voice_not_found', 'There is no voice "x".', { field: 'voice' }));
    assert.equal((await problemOf(await post('/tts', { text: 'a' }), 404)).code, 'voice_not_found');
    speak = () => Promise.reject(new Error('secret /path'));
    const problem = await problemOf(await post('/tts', { text: 'a' }), 500);
    assert.doesNotMatch(JSON.stringify(problem), /secret/);
  });

  test('a client that goes away stops the work', async () => {
    const stopped = deferred();
    speak = (_request, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          stopped.resolve();
          reject(new NarratorError('cancelled', 'gone'));
        });
      });
    const client = new AbortController();
    const answer = fetch(`${url}/tts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"text":"a"}',
      signal: client.signal,
    });
    while (requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    client.abort();
    await assert.rejects(answer);
    await stopped.promise;
  });

  test('more at once than the limit are told to come back', async () => {
    const gate = deferred();
    speak = async ({ text }) => {
      await gate.promise;
      return spoken(text);
    };
    const first = [post('/tts', { text: 'a' }), post('/tts', { text: 'b' })];
    while (requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const refused = await post('/tts', { text: 'c' });
    assert.equal(refused.headers.get('retry-after'), '5');
    assert.equal((await problemOf(refused, 429)).retryable, true);
    gate.resolve();
    for (const answer of await Promise.all(first)) assert.equal(answer.status, 200);
    assert.equal((await post('/tts', { text: 'd' })).status, 200);
  });

  test('the log has no texts', async () => {
    await post('/tts', { text: 'a very private sentence' });
    speak = () => Promise.reject(new NarratorError('waveform_invalid', 'The waveform is silent.'));
    await post('/tts', { text: 'a very private sentence' });
    assert.ok(events.some(({ event }) => event === 'request.failed'));
    assert.doesNotMatch(JSON.stringify(events), /private/);
  });
});

describe("OpenAI's client", () => {
  const client = () => new OpenAI({ apiKey: 'none', baseURL: `${url}/v1`, maxRetries: 0 });

  test('gets an MP3 file when it says nothing of the format', async () => {
    const answer = await client().audio.speech.create({ model: 'tiny', voice: 'slt', input: 'x'.repeat(5_000) });
    assert.equal(answer.headers.get('content-type'), 'audio/mpeg');
    const decoded = await decodeAudio(Buffer.from(await answer.arrayBuffer()));
    assert.deepEqual([decoded.format, decoded.sampleRateHz, decoded.channels.length], ['mp3', 24_000, 1]);
    assert.ok((decoded.channels[0]?.length ?? 0) >= 5_000);
  });

  test('gets a WAV file, or bare samples', async () => {
    const wav = await client().audio.speech.create({
      model: 'tiny',
      voice: 'slt',
      input: 'Hello.',
      response_format: 'wav',
    });
    assert.deepEqual(Buffer.from(await wav.arrayBuffer()), spoken('Hello.').wav);
    const pcm = await client().audio.speech.create({
      model: 'tiny',
      voice: 'slt',
      input: 'Hello.',
      response_format: 'pcm',
    });
    assert.deepEqual(Buffer.from(await pcm.arrayBuffer()), Buffer.alloc(12, 7));
    assert.deepEqual(requests[0], { text: 'Hello.', voice: 'slt' });
  });

  test('understands our errors', async () => {
    speak = () =>
      Promise.reject(new NarratorError('voice_not_found', 'There is no voice "alloy".', { field: 'voice' }));
    await assert.rejects(client().audio.speech.create({ model: 'tiny', voice: 'alloy', input: 'Hello.' }), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.deepEqual([error.code, error.param], ['voice_not_found', 'voice']);
      return true;
    });
  });

  test('is told which formats there are', async () => {
    for (const format of ['opus', 'aac', 'flac'] as const) {
      await assert.rejects(
        client().audio.speech.create({ model: 'tiny', voice: 'slt', input: 'Hello.', response_format: format }),
        (error) => {
          assert.ok(error instanceof OpenAI.BadRequestError);
          assert.equal(error.param, 'response_format');
          assert.match(error.message, /"mp3", "wav" or "pcm"/);
          return true;
        },
      );
    }
    assert.deepEqual(requests, []);
  });

  test('lists models', async () => {
    const page = await client().models.list();
    assert.deepEqual(
      page.data.map(({ id }) => id),
      ['tiny'],
    );
  });
});

test('health answers always, readiness when the model is there', async () => {
  assert.deepEqual(await (await fetch(`${url}/healthz`)).json(), { status: 'ok', version: '1.2.3' });
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  notReady = 'The model is being loaded.';
  const response = await fetch(`${url}/readyz`);
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), { status: 'not ready', reason: notReady });
});

test('voices are listed; an unknown path is a problem document; nothing tells what serves it', async () => {
  const voices = (await (await fetch(`${url}/v1/voices`)).json()) as { data: unknown[] };
  assert.deepEqual(voices.data, [{ id: 'slt', language: 'en', version: 'v', transcript: 'Hello.', builtIn: true }]);
  const response = await fetch(`${url}/v1/nothing`);
  assert.equal(response.headers.get('x-powered-by'), null);
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.equal((await problemOf(response, 404)).code, 'route_not_found');
});

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve: () => resolve() };
}
