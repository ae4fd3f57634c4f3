/** Texts that the container as it is speaks with the built-in model: as who follows the older notes would ask for them. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ContainerProcess, startContainer } from '../../support/container-process.ts';
import { ROOT } from '../../support/narrator-entry.ts';
import { until } from '../adapters/bullmq/until.ts';
import { refusalOf } from './planned-jobs.ts';

const CLIP = join(ROOT, 'models/tiny/voices/rms.wav');
const REF_TEXT = 'The weather was warm this morning, so we walked to the market.';
const TEXT = 'The river is high this morning.';
const FAST = { steps: 2, cfg: 0 };

let folder: string;
let container: ContainerProcess;
let clipServer: ReturnType<typeof createServer>;
let clipUrl: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'narrator-container-'));
  await mkdir(join(folder, 'clips'));
  await copyFile(CLIP, join(folder, 'clips/me.wav'));
  const clip = await readFile(CLIP);
  clipServer = createServer((_request, response) => void response.end(clip));
  await new Promise<void>((resolve) => clipServer.listen(0, 'localhost', resolve));
  const { port } = clipServer.address() as AddressInfo;
  clipUrl = `http://localhost:${port}/me.wav`;
  container = await startContainer({
    args: ['serve'],
    env: {
      NARRATOR_HOME: join(folder, 'home'),
      NARRATOR_CLIPS_FOLDER: join(folder, 'clips'),
      NARRATOR_ALLOW_HOSTS: 'localhost',
    },
  });
});
after(async () => {
  await container.process.down();
  clipServer.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(container.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });

test('/tts and /invocations speak with a clip in base64, by its address and by its path, to the same bytes', async () => {
  const base64 = (await readFile(CLIP)).toString('base64');
  const sounds = new Set<string>();
  for (const path of ['/tts', '/invocations']) {
    for (const refAudio of [base64, `data:audio/wav;base64,${base64}`, clipUrl, 'me.wav']) {
      const answer = await post(path, { text: TEXT, ref_audio: refAudio, ref_text: REF_TEXT, ...FAST });
      assert.equal(answer.status, 200, refAudio.slice(0, 40));
      assert.equal(answer.headers.get('content-type'), 'audio/wav');
      const wav = Buffer.from(await answer.arrayBuffer());
      assert.equal(wav.toString('latin1', 0, 4), 'RIFF');
      assert.ok(wav.byteLength > 24_000);
      sounds.add(wav.toString('base64'));
    }
  }
  assert.equal(sounds.size, 1);
});

test('who accepts JSON only gets the audio in base64, with what it is', async () => {
  const wav = Buffer.from(await (await post('/invocations', { text: TEXT, voice: 'rms', ...FAST })).arrayBuffer());
  for (const path of ['/tts', '/invocations']) {
    const answer = await post(path, { text: TEXT, voice: 'rms', ...FAST }, { accept: 'application/json' });
    const { audio, contentType, sampleRateHz, seconds } = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual([contentType, sampleRateHz], ['audio/wav', 24_000]);
    assert.ok(Buffer.from(audio as string, 'base64').equals(wav));
    assert.equal(Math.round((seconds as number) * 24_000), (wav.byteLength - 44) / 2);
  }
});

test('a clip that leads into the network behind the container, or out of its folder, is refused', async () => {
  const cases: [string, string][] = [
    [clipUrl.replace('localhost', '127.0.0.1'), 'fetch_refused'],
    ['http://169.254.169.254/latest/meta-data/', 'fetch_refused'],
    ['/etc/passwd', 'request_invalid'],
    ['../home/x.wav', 'request_invalid'],
  ];
  for (const [refAudio, code] of cases) {
    const refusal = await refusalOf(
      post('/invocations', { text: TEXT, ref_audio: refAudio, ref_text: REF_TEXT, ...FAST }),
    );
    assert.deepEqual([refusal.status, refusal.code, refusal.field], [400, code, 'ref_audio'], refAudio);
  }
});

test('/invocations knows two kinds of failures, /tts all of them', async () => {
  const cases: [object, string, number][] = [
    [{ text: '' }, 'request_invalid', 400],
    [{ text: TEXT, ref_audio: 'me.wav' }, 'request_invalid', 400],
    [{ text: TEXT, voice: 'nobody' }, 'voice_not_found', 404],
    [{ text: '🙂' }, 'text_unspeakable', 422],
    [{ text: TEXT, ref_audio: Buffer.alloc(300, 'noise').toString('base64'), ref_text: 'x' }, 'audio_undecodable', 422],
  ];
  for (const [body, code, status] of cases) {
    const [plain, invoked] = [await refusalOf(post('/tts', body)), await refusalOf(post('/invocations', body))];
    assert.deepEqual([plain.status, plain.code], [status, code]);
    assert.deepEqual([invoked.status, invoked.code], [400, code]);
  }
});

test('a client that goes away stops the work on its text', async () => {
  const client = new AbortController();
  const text = 'The lamp was lit at six, and nobody on the shore saw it go out again. '.repeat(40);
  const before = container.logged('batch_done').length;
  const answer = post('/invocations', { text, steps: 8 }, {}, client.signal);
  await until('a batch is done', () => container.logged('batch_done').length > before);
  client.abort();
  await assert.rejects(answer);
  const done = container.logged('batch_done').length;
  assert.equal((await post('/tts', { text: TEXT, ...FAST })).status, 200);
  // The one that was at work, perhaps one that was about to be, and this one. There were forty.
  assert.ok(container.logged('batch_done').length - done <= 3, 'the engine still works on what nobody waits for');
});
