import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import wavefile from 'wavefile';
import { addVoicesRoutes } from '../../../src/api/routes-voices.ts';
import type { NarratorError } from '../../../src/core/errors.ts';
import { openModel } from '../../../src/engine/f5/model-directory.ts';
import { Voices } from '../../../src/runtime/voices.ts';
import { jsonOf, listen, problemOf } from './job-server.ts';

const MODEL = join(import.meta.dirname, '../../../models/tiny');
const TEXT = 'The weather was warm this morning, so we walked to the market.';

let home: string;
let http: Awaited<ReturnType<typeof listen>>;
let clip: Uint8Array<ArrayBuffer>;
const failures: NarratorError[] = [];

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'f5-narrator-voices-'));
  const voices = await Voices.open({ home }, await openModel(MODEL));
  http = await listen((app) => addVoicesRoutes(app, { voices }), failures);
  clip = new Uint8Array(await readFile(join(MODEL, 'voices/slt.wav')));
});
after(async () => {
  await http.close();
  await rm(home, { recursive: true, force: true });
});

interface Voice {
  id: string;
  version: string;
  builtIn: boolean;
  transcript: string;
  lexicon?: string;
  checks?: { findings: { level: string }[]; measures: { seconds: number } };
  usable?: boolean;
  file?: { name: string; bytes: number };
}

function form(
  fields: Record<string, string>,
  audio: Uint8Array<ArrayBuffer> | undefined = clip,
  name = 'slt.wav',
  field = 'audio',
): FormData {
  const data = new FormData();
  for (const [key, value] of Object.entries(fields)) data.append(key, value);
  if (audio !== undefined) data.append(field, new Blob([audio], { type: 'audio/wav' }), name);
  return data;
}
const add = (body: unknown, headers = {}) => http.call('POST', '/v1/voices', body, { key: 'admin', headers });
const list = async () => (await jsonOf<{ data: Voice[] }>(await http.call('GET', '/v1/voices'), 200)).data;

/** A WAV header that promises so many seconds of 8 kHz, and silence behind it. */
function silence(seconds: number): Uint8Array<ArrayBuffer> {
  const wav = new wavefile.WaveFile();
  wav.fromScratch(1, 8_000, '16', new Int16Array(8_000 * seconds));
  return new Uint8Array(wav.toBuffer());
}

describe('a clip', () => {
  test('of more than a minute is not unpacked', async () => {
    const { code, detail } = await problemOf(await add(form({ id: 'Long', text: TEXT }, silence(61))), 422);
    assert.equal(code, 'audio_undecodable');
    assert.match(detail, /longer than 60 seconds/);
  });

  test('becomes a voice, is listed, is replaced by another version, and goes', async () => {
    const response = await add(form({ id: 'Emma_1', text: TEXT, language: 'en-US' }, clip, 'réf.wav'));
    assert.equal(response.headers.get('location'), '/v1/voices/Emma_1');
    const voice = await jsonOf<Voice>(response, 201);
    assert.deepEqual([voice.id, voice.builtIn, voice.transcript], ['Emma_1', false, TEXT]);
    assert.ok((voice.checks?.measures.seconds ?? 0) > 1);
    assert.deepEqual(voice.file, { name: 'réf.wav', bytes: clip.byteLength });
    assert.deepEqual(
      (await list()).map(({ id, builtIn }) => [id, builtIn]),
      [
        ['Emma_1', false],
        ['rms', true],
        ['slt', true],
      ],
    );
    const other = await jsonOf<Voice>(await add(form({ id: 'Emma_1', text: TEXT.replace('warm', 'cold') })), 201);
    assert.notEqual(other.version, voice.version);
    assert.equal((await jsonOf<Voice>(await http.call('GET', '/v1/voices/Emma_1'), 200)).version, other.version);
    assert.equal((await http.call('DELETE', '/v1/voices/Emma_1', undefined, { key: 'admin' })).status, 204);
    await problemOf(await http.call('DELETE', '/v1/voices/Emma_1', undefined, { key: 'admin' }), 404);
    await problemOf(await http.call('GET', '/v1/voices/Emma_1'), 404);
  });

  test('can be checked only: nothing is kept, and what is wrong with it is said', async () => {
    const before = await list();
    const good = await jsonOf<Voice>(await add(form({ text: TEXT, dryRun: 'true' })), 200);
    assert.equal(good.usable, true);
    const silent = clip.slice();
    silent.fill(0, 44);
    const bad = await jsonOf<Voice>(await add(form({ text: TEXT, dryRun: 'true', id: 'x' }, silent)), 200);
    assert.equal(bad.usable, false);
    assert.ok(bad.checks?.findings.some(({ level }) => level === 'error'));
    assert.equal((await problemOf(await add(form({ id: 'x', text: TEXT }, silent)), 422)).code, 'voice_invalid');
    assert.deepEqual(await list(), before);
  });

  test('may come with words of its own', async () => {
    const withWords = (id: string, words: string, name: string, more = {}) => {
      const data = form({ id, text: TEXT, ...more });
      data.append('lexicon', new Blob([words]), name);
      return add(data);
    };
    const voice = await jsonOf<Voice>(await withWords('Words', '{"SQL": "sequel"}', 'names.json'), 201);
    assert.match(voice.lexicon ?? '', /^[0-9a-f]{64}$/);
    const [listed] = (await list()).filter(({ id }) => id === 'Words');
    assert.deepEqual([listed?.lexicon, listed?.version], [voice.lexicon, voice.version]);
    const without = await jsonOf<Voice>(await add(form({ id: 'Words', text: TEXT })), 201);
    assert.deepEqual([without.lexicon, without.version], [undefined, voice.version]);
    for (const more of [{}, { dryRun: 'true' }]) {
      const bad = await problemOf(await withWords('Words', 'written,spoken\n,x', 'names.csv', more), 400);
      assert.deepEqual([bad.code, bad.field], ['request_invalid', 'lexicon']);
      assert.match(bad.detail, /names\.csv: line 2: written must be a string/);
    }
    await problemOf(await withWords('Words', 'x', 'names.txt'), 400);
    await http.call('DELETE', '/v1/voices/Words', undefined, { key: 'admin' });
  });

  test('is refused when it is no clip, too large, or not called what it is called', async () => {
    const large = new Uint8Array(9 * 1024 * 1024);
    const cases: [FormData, number, string, string | undefined][] = [
      [form({ id: 'x', text: TEXT }, large), 413, 'request_invalid', 'audio'],
      [form({ id: 'x', text: TEXT }, clip, 'a.wav', 'clip'), 400, 'request_invalid', 'clip'],
      [form({ id: 'x', text: TEXT, name: 'y' }), 400, 'request_invalid', 'name'],
      [form({ text: TEXT }), 400, 'request_invalid', 'id'],
      [form({ id: '../x', text: TEXT }), 400, 'request_invalid', 'id'],
      [form({ id: '__proto__', text: TEXT }), 400, 'request_invalid', 'id'],
      [form({ id: 'x' }), 400, 'request_invalid', 'text'],
      [form({ id: 'x', text: 'x'.repeat(2001) }), 400, 'request_invalid', 'text'],
      [form({ id: 'x', text: 'x'.repeat(100_000) }), 400, 'request_invalid', 'text'],
      [form({ id: 'x', text: ' ' }), 422, 'voice_invalid', 'text'],
      [form({ id: 'x', text: TEXT, language: 'english!' }), 400, 'request_invalid', 'language'],
      [form({ id: 'x', text: TEXT, dryRun: 'perhaps' }), 400, 'request_invalid', 'dryRun'],
      [form({ id: 'slt', text: TEXT }), 422, 'voice_invalid', 'id'],
      [form({ id: 'x', text: TEXT }, new TextEncoder().encode('no audio')), 422, 'audio_undecodable', undefined],
    ];
    for (const [body, status, code, field] of cases) {
      const problem = await problemOf(await add(body), status);
      assert.deepEqual([problem.code, field === undefined || problem.field], [code, field ?? true], problem.detail);
    }
    const none = new FormData();
    none.append('id', 'x');
    none.append('text', TEXT);
    assert.equal((await problemOf(await add(none), 400)).field, 'audio');
    assert.equal((await problemOf(await add({ id: 'x' }), 400)).field, 'content-type');
    const multipart = { 'content-type': 'multipart/form-data; boundary=b' };
    await problemOf(await add('--b\r\nnonsense', multipart), 400);
    await problemOf(await add('x', { 'content-type': 'multipart/form-data' }), 400);
    assert.deepEqual(
      (await list()).map(({ id }) => id),
      ['rms', 'slt'],
    );
  });

  test('that breaks off leaves nothing, and makes room for the next', async () => {
    for (let n = 0; n < 6; n++) {
      await new Promise<void>((resolve) => {
        const headers = {
          authorization: 'Bearer admin',
          'content-type': 'multipart/form-data; boundary=b',
          'content-length': '100000',
        };
        const broken = httpRequest(`${http.url}/v1/voices`, { method: 'POST', headers });
        broken.on('error', () => resolve());
        broken.write('--b\r\ncontent-disposition: form-data; name="audio"; filename="a.wav"\r\n\r\nRIFF');
        setTimeout(() => broken.destroy(), 20);
      });
    }
    await jsonOf(await add(form({ text: TEXT, dryRun: 'true' })), 200);
  });
});

test('built-in voices stay, odd names are not found, and only admins change anything', async () => {
  await problemOf(await http.call('DELETE', '/v1/voices/slt', undefined, { key: 'admin' }), 422);
  for (const id of ['..%2fx', '__proto__', '%00', 'x'.repeat(300)])
    await problemOf(await http.call('GET', `/v1/voices/${id}`), 404);
  await problemOf(await http.call('POST', '/v1/voices', form({ id: 'x', text: TEXT })), 403);
  await problemOf(await http.call('DELETE', '/v1/voices/rms'), 403);
  await problemOf(await http.call('GET', '/v1/voices?x=1'), 400);
  assert.deepEqual(
    failures.filter(({ code }) => code === 'internal'),
    [],
  );
});
