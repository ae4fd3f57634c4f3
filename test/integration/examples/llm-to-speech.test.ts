/** examples/llm-to-speech as a user runs it, against a server that speaks with a stand-in, and a recorded model. */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { SpokenAudio } from '../../../src/api/routes-speech.ts';
import type { TtsRequest } from '../../../src/api/speech-request.ts';
import { decodeAudio } from '../../../src/audio/decode.ts';
import { wavHeader } from '../../../src/audio/wav-header.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import { type ServedApp, serveApp } from '../../support/api-app.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const RECORDING = join(ROOT, 'test/fixtures/llm/converse-stream.jsonl');
const RATE_HZ = 8_000;

/** What is said of the recording, each with the silence behind it in milliseconds. */
const SENTENCES = [
  ['Sure! Here is what Dr. Müller found:', 700],
  ['1. The Mars probe landed at 8.30 p.m. on 5 March, some 225 million km away from us.', 700],
  ['2. It sent 3.5 GB of pictures; see the report for all of them.', 700],
  ['No. 7 of the pictures is the best one, e.g. for a cover.', 350],
  ['“太美了！”她说。大家都非常高兴，也都觉得这张照片实在是太漂亮了。', 700],
  ["That's all 🙂 — shall I go on?", 0],
] as const;

/** Ten samples a character, all of one value. */
function spoken(text: string): SpokenAudio {
  const samples = new Int16Array(10 * text.length).fill(text.length);
  const header = wavHeader({ totalSamples: samples.length, sampleRateHz: RATE_HZ, format: 'int16' });
  const wav = Buffer.concat([header, Buffer.from(samples.buffer)]);
  return { wav, seconds: samples.length / RATE_HZ, sampleRateHz: RATE_HZ, segments: [] };
}

let folder: string;
let served: ServedApp;
let requests: TtsRequest[] = [];
let speak: (request: TtsRequest, signal: AbortSignal) => Promise<SpokenAudio>;
/** answers for Bedrock and for an endpoint of SageMaker */
let answer: (response: ServerResponse, request: IncomingMessage) => Promise<void>;
const aws = createServer((request, response) => void answer(response, request));

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f5-narrator-llm-'));
  served = await serveApp({
    speak: (request, signal) => {
      requests.push(request);
      return speak(request, signal);
    },
  });
  aws.listen(0, '127.0.0.1');
  await once(aws, 'listening');
});
after(async () => {
  served.close();
  aws.closeAllConnections();
  aws.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  requests = [];
  speak = async ({ text }) => spoken(text);
});

class Example {
  readonly out = join(folder, `${Math.random()}.wav`);
  readonly child: ChildProcessWithoutNullStreams;
  stderr = '';
  readonly stdout: Buffer[] = [];

  constructor(args: readonly string[]) {
    const modules = join(ROOT, 'test/support/example-modules.child.ts');
    const main = join(ROOT, 'examples/llm-to-speech/main.mjs');
    const awsUrl = `http://127.0.0.1:${(aws.address() as AddressInfo).port}`;
    this.child = spawn(process.execPath, ['--import', 'tsx', '--import', modules, main, '--out', this.out, ...args], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        NARRATOR_URL: `${served.url}/`,
        AWS_ENDPOINT_URL: awsUrl,
        AWS_REGION: 'eu-central-1',
        AWS_ACCESS_KEY_ID: 'key',
        AWS_SECRET_ACCESS_KEY: 'secret',
      },
    });
    this.child.stderr.on('data', (text: Buffer) => (this.stderr += text.toString()));
    this.child.stdout.on('data', (bytes: Buffer) => this.stdout.push(bytes));
  }

  /** @returns its exit code */
  async end(): Promise<number | null> {
    const [code] = (await once(this.child, 'close')) as [number | null];
    return code;
  }
}

const fromBedrock = ['--from', 'bedrock', '--model', 'a.model-v1:0', '--prompt', 'What is new on Mars?'];

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(10);
}

const sizeOf = (path: string) =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/** The samples that these sentences with their pauses come to. */
function sound(sentences: readonly (readonly [string, number])[]): Int16Array {
  return Int16Array.from(
    sentences.flatMap(([text, pauseMs], index) => [
      ...Array<number>(10 * text.length).fill(text.length),
      ...Array<number>(index === sentences.length - 1 ? 0 : (pauseMs * RATE_HZ) / 1000).fill(0),
    ]),
  );
}

function samplesOf(wav: Buffer): Int16Array {
  return new Int16Array(Uint8Array.from(wav.subarray(44)).buffer);
}

test('speaks a recorded ConverseStream: the first sentence before the model has ended, then all of it, in order', async () => {
  const lines = (await readFile(RECORDING, 'utf8')).split(/(?<=\n)/);
  let wasHeardEarly = false;
  answer = async (response) => {
    const half = Math.floor(lines.length / 2);
    for (const line of lines.slice(0, half)) response.write(line);
    await until(async () => (await sizeOf(example.out)) > 44);
    wasHeardEarly = true;
    for (const line of lines.slice(half)) response.write(line);
    response.end();
  };
  const example = new Example([...fromBedrock, '--voice', 'slt', '--speed', '1.1']);
  assert.equal(await example.end(), 0, example.stderr);
  assert.equal(wasHeardEarly, true);
  // Two that are under way may overtake each other; what is heard may not.
  assert.deepEqual(new Set(requests.map(({ text }) => text)), new Set(SENTENCES.map(([text]) => text)));
  assert.equal(requests.length, SENTENCES.length);
  assert.deepEqual(requests[0], { text: SENTENCES[0][0], voice: 'slt', speed: 1.1 });
  const file = await readFile(example.out);
  assert.deepEqual(samplesOf(file), sound(SENTENCES));
  assert.equal((await decodeAudio(file)).sampleRateHz, RATE_HZ);
});

test('has two requests under way at most, keeps the order, and says which sentence failed', async () => {
  const waiting: (() => void)[] = [];
  let most = 0;
  let now = 0;
  speak = async ({ text }) => {
    most = Math.max(most, ++now);
    // The second of each pair is spoken first.
    if (waiting.length === 0 && !text.startsWith('Nothing')) {
      await Promise.race([new Promise<void>((resolve) => waiting.push(resolve)), delay(500)]);
    } else waiting.splice(0).forEach((go) => go());
    now -= 1;
    if (text.includes('three')) throw new NarratorError('text_unspeakable', 'No letter of it is known.');
    return spoken(text);
  };
  const lines = ['one', 'two', 'three', 'four', 'five'].map((word) => `This is the paragraph with the number ${word}.`);
  const example = new Example(['--plain']);
  example.child.stdin.end(lines.join('\n\n'));
  assert.equal(await example.end(), 1);
  assert.equal(most, 2);
  assert.match(
    example.stderr,
    /^Sentence 3 is not spoken \(422 text_unspeakable: No letter of it is known\. .+\): This is .+ three\.$/m,
  );
  const heard = lines.filter((line) => !line.includes('three')).map((line) => [line, 700] as const);
  assert.deepEqual(samplesOf(await readFile(example.out)), sound(heard));
});

test('reads a stream of chat completions, and writes a WAV that has no end for a player', async () => {
  const deltas = ['Bonjour, ', 'c’est un', ' caf\u00e9 tr\u00e8s', ' bon.'];
  const example = new Example(['--from', 'sse', '--out', '-']);
  const events = [
    ': keep-alive\r\n\r\n',
    ...[{ role: 'assistant', content: '' }, ...deltas.map((content) => ({ content })), {}].map(
      (delta) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\r\n\r\n`,
    ),
    'data: {"choices":[],"usage":{"total_tokens":9}}\r\n\r\ndata: [DONE]\r\n\r\n',
  ];
  const bytes = Buffer.from(events.join(''));
  for (let start = 0; start < bytes.length; start += 7) example.child.stdin.write(bytes.subarray(start, start + 7));
  assert.equal(await example.end(), 0, example.stderr);
  const stream = Buffer.concat(example.stdout);
  assert.deepEqual(samplesOf(stream), sound([[deltas.join(''), 0]]));
  assert.equal(stream.readUInt32LE(40), 0xffffffff);
});

test('speaks behind a real-time endpoint of SageMaker', async () => {
  answer = async (response, request) => {
    assert.equal(request.url, '/endpoints/narrator/invocations');
    assert.equal(request.headers['content-type'], 'application/json');
    const { text, voice } = JSON.parse(await readText(request)) as { text: string; voice: string };
    response.setHeader('content-type', request.headers.accept ?? '').end(spoken(`${voice}: ${text}`).wav);
  };
  const example = new Example(['--endpoint', 'narrator', '--voice', 'slt']);
  example.child.stdin.end('Good morning.');
  assert.equal(await example.end(), 0, example.stderr);
  assert.deepEqual(samplesOf(await readFile(example.out)), sound([['slt: Good morning.', 0]]));
});

test('speaks what was said before the model’s service fails, and tells how it failed', async () => {
  answer = async (response) => {
    response.write(
      '{"contentBlockDelta":{"delta":{"text":"This sentence is complete and long enough to stand alone. This one"}}}\n',
    );
    response.end('{"throttlingException":{"message":"Too many tokens."}}\n');
  };
  let isBusy = true;
  speak = async ({ text }) => {
    if (isBusy) {
      isBusy = false;
      throw new NarratorError('too_many_requests', 'Two texts are being spoken already.');
    }
    return spoken(text);
  };
  const example = new Example(fromBedrock);
  assert.equal(await example.end(), 1);
  assert.match(example.stderr, /^throttlingException: Too many tokens\.$/m);
  const first = 'This sentence is complete and long enough to stand alone.';
  assert.deepEqual(
    requests.map(({ text }) => text),
    [first, first],
    'a busy server is asked again',
  );
  assert.deepEqual(samplesOf(await readFile(example.out)), sound([[first, 350]]));
});

test('ends at once when it is interrupted, and leaves a whole file', async () => {
  let isGone = false;
  speak = async ({ text }, signal) => {
    if (text.includes('first')) return spoken(text);
    await once(signal, 'abort');
    isGone = true;
    throw signal.reason;
  };
  const example = new Example(['--plain']);
  const first = 'This is the first sentence, and it is soon spoken.';
  example.child.stdin.write(`${first} This is the second one, and it is never spoken. And`);
  await until(async () => requests.length === 2 && (await sizeOf(example.out)) > 44);
  example.child.kill('SIGINT');
  assert.equal(await example.end(), 130);
  await until(() => isGone);
  assert.deepEqual(samplesOf(await readFile(example.out)), sound([[first, 0]]));
});

test('says what is wrong with its arguments and its input', async () => {
  const cases = [
    [['--from', 'bedrock'], '', /--from bedrock needs --model/],
    [['--from', 'radio'], '', /--from is "radio"; it must be stdin, sse or bedrock/],
    [['--from', 'sse'], '{"error":{"message":"no such key"}}', /no stream of events: .*no such key/],
    [['--from', 'sse'], 'data: {"error":{"message":"overloaded"}}\n\n', /server says: overloaded/],
  ] as const;
  const attempts = cases.map(async ([args, input, message]) => {
    const example = new Example(args);
    example.child.stdin.on('error', () => undefined).end(input);
    assert.equal(await example.end(), 1);
    assert.match(example.stderr, message);
  });
  await Promise.all(attempts);
});
