/** `narrator serve`: texts spoken over HTTP by the real model. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parseWav } from './narration.ts';
import { ended, FAST, LOGGING, type NarratorProcess, ROOT, Workplace } from './narrator-process.ts';

const CLIP = join(ROOT, 'models/tiny/voices/rms.wav');
const CLIP_TEXT = 'The weather was warm this morning, so we walked to the market.';
const FAST_FIELDS = { steps: 2, cfg: 0 };

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function serving(
  t: TestContext,
  flags: readonly string[] = [],
): Promise<{ place: Workplace; url: string; process: NarratorProcess }> {
  const place = await Workplace.open(t);
  const port = await freePort();
  const running = place.start(['serve', '--port', String(port), ...flags], { env: LOGGING });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    const status = await fetch(`${url}/readyz`).then(
      (response) => response.status,
      () => undefined,
    );
    if (status === 200) return { place, url, process: running };
    assert.ok(tries < 600, 'the server does not become ready');
    await delay(100);
  }
}

const post = (url: string, body: unknown) =>
  fetch(`${url}/tts`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test('/tts gives the bytes that speak gives, for a voice, for a clip in base64 and for a clip by its path', async (t) => {
  const place = await Workplace.open(t);
  const clips = place.path('clips');
  await mkdir(clips);
  await copyFile(CLIP, join(clips, 'me.wav'));
  await symlink('/etc', join(clips, 'away'));
  const { url } = await serving(t, ['--clips', clips]);
  const text = 'The river is high this morning.';

  await place.narrator(['speak', '--text', text, '-o', 'voice.wav', '--voice', 'rms', ...FAST]);
  const spoken = await post(url, { text, voice: 'rms', ...FAST_FIELDS });
  assert.equal(spoken.headers.get('content-type'), 'audio/wav');
  const wav = new Uint8Array(await spoken.arrayBuffer());
  assert.equal(digest(wav), digest(await readFile(place.path('voice.wav'))));
  assert.equal(parseWav(Buffer.from(wav)).sampleRateHz, 24_000);

  await place.narrator([
    'speak',
    '--text',
    text,
    '-o',
    'clip.wav',
    '--ref-audio',
    CLIP,
    '--ref-text',
    CLIP_TEXT,
    ...FAST,
  ]);
  const expected = digest(await readFile(place.path('clip.wav')));
  for (const refAudio of [(await readFile(CLIP)).toString('base64'), 'me.wav']) {
    const cloned = await post(url, { text, ref_audio: refAudio, ref_text: CLIP_TEXT, ...FAST_FIELDS });
    assert.equal(digest(new Uint8Array(await cloned.arrayBuffer())), expected);
  }

  for (const refAudio of ['../voice.wav', '/etc/passwd', 'away/passwd', 'nothing.wav']) {
    const refused = await post(url, { text, ref_audio: refAudio, ref_text: CLIP_TEXT });
    const problem = (await refused.json()) as { code: string; field: string };
    assert.deepEqual([refused.status, problem.code, problem.field], [400, 'request_invalid', 'ref_audio'], refAudio);
  }
});

test('texts that come together are all answered, each with its own sound, and a bad one harms no other', async (t) => {
  const { url } = await serving(t);
  const texts = ['One is enough.', 'Two are company.', 'Three are a crowd.', '🙂', 'Five go home.'];
  const answers = await Promise.all(texts.map((text) => post(url, { text, ...FAST_FIELDS })));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 422, 200],
  );
  const bodies = await Promise.all(answers.map(async (answer) => digest(new Uint8Array(await answer.arrayBuffer()))));
  assert.equal(new Set(bodies).size, texts.length);
});

test('the engine dying in the middle costs a request nothing but time', async (t) => {
  const { url, process: running } = await serving(t);
  const answer = post(url, { text: 'The lamp was lit at six, and nobody on the shore saw it go out again.' });
  await delay(300);
  process.kill(running.enginePid() as number, 'SIGKILL');
  assert.equal((await answer).status, 200);
});

test('SIGTERM lets a running answer finish, and leaves no process behind', async (t) => {
  const { url, process: running } = await serving(t);
  const engine = running.enginePid() as number;
  const answer = post(url, { text: 'The lamp was lit at six.', steps: 8 });
  await delay(300);
  running.kill('SIGTERM');
  assert.equal((await answer).status, 200);
  assert.equal((await running.finished).exitCode, 0);
  assert.ok(await ended(engine));
});

test('without keys it listens on loopback only, and a port that is taken is named', async (t) => {
  const place = await Workplace.open(t);
  const open = await place.narrator(['serve', '--host', '0.0.0.0', '--port', '0'], { exitCode: 2 });
  assert.match(open.stderr, /0\.0\.0\.0.*loopback/);
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const refused = await place.narrator(['serve', '--port', String(port)], { exitCode: 2 });
  assert.match(refused.stderr, new RegExp(`127\\.0\\.0\\.1:${port} cannot be listened on`));
});
