import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fetchFile } from '../../../src/adapters/fetch-file.ts';
import { verifyModel } from '../../../src/engine/f5/model-directory.ts';
import {
  pullModel,
  type PulledModel,
  type PullEvent,
  type PullModelOptions,
} from '../../../src/engine/models/pull-model.ts';
import { publishMiniature, type MiniatureModel } from '../../unit/engine/models/miniature-model.ts';
import { UnreliableServer } from './unreliable-server.ts';

const WEIGHTS = 'lab/mini-tts/resolve/abc/Mini/model_1.safetensors';
let folder: string;
let hub: string;
let modelsDirectory: string;
let mini: MiniatureModel;
let server: UnreliableServer;
let count = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'narrator-pull-'));
  hub = join(folder, 'hub');
  mini = await publishMiniature(hub);
  server = await UnreliableServer.start(mini.files);
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  server.reset();
  modelsDirectory = join(folder, `models-${++count}`);
});

function pull(options: Partial<PullModelOptions> = {}): Promise<PulledModel> {
  return pullModel('mini', {
    modelsDirectory,
    mirror: `${server.url}/`,
    catalogue: mini.catalogue,
    fetchFile: (request) => fetchFile({ ...request, retryDelayMs: 1 }),
    ...options,
  });
}

test('a model is pulled from a mirror that breaks off, and it verifies', async () => {
  server.behaviour = { breakAfterBytes: 30_000, breaks: 3 };
  const events: PullEvent[] = [];
  const { model, alreadyThere, files } = await pull({ onEvent: (event) => events.push(event) });
  assert.equal(alreadyThere, false);
  assert.ok(files.every(({ verifiedBy }) => verifiedBy === 'caller'));
  assert.equal((await verifyModel(model.directory)).description.id, 'mini');
  assert.deepEqual(await readdir(modelsDirectory), ['mini']);
  assert.deepEqual((await readdir(model.directory)).sort(), [
    'LICENCE.txt',
    'model.json',
    'model.safetensors',
    'vocab.txt',
    'vocoder.safetensors',
  ]);
  assert.equal(await readFile(join(model.directory, 'vocab.txt'), 'utf8'), ' \na\nb\nni3\n.\n');
  assert.equal(events.at(-1)?.event, 'building');
});

test('a model that is there is verified and not fetched again; a spoiled one is reported, not replaced', async () => {
  const { model } = await pull();
  server.reset();
  assert.equal((await pull()).alreadyThere, true);
  assert.equal(server.requests.length, 0);
  const weights = join(model.directory, 'model.safetensors');
  const { size } = await stat(weights);
  await writeFile(weights, Buffer.alloc(size));
  await assert.rejects(pull(), { code: 'checksum_mismatch', message: /model\.safetensors/ });
});

test('killed in the middle of a file, the next pull goes on where it stopped', async () => {
  const cataloguePath = join(folder, 'catalogue.json');
  await writeFile(cataloguePath, JSON.stringify(mini.catalogue));
  server.behaviour = { slowPieceBytes: 5_000 };
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'pull.child.ts'), server.url, modelsDirectory, cataloguePath],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  const part = join(modelsDirectory, 'mini.partial', 'model.safetensors.part');
  while (child.exitCode === null && ((await stat(part).catch(() => undefined))?.size ?? 0) < 20_000) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill('SIGKILL');
  const [, signal] = (await exited) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL');
  const { size } = await stat(part);

  server.reset();
  const { model } = await pull();
  await verifyModel(model.directory);
  const ranges = server.requests.filter(({ path }) => path === WEIGHTS).map(({ range }) => range);
  assert.deepEqual(ranges, [`bytes=${size}-`]);
  assert.equal(server.requests.length, 1, 'files that were whole are not fetched again');
});

test('without pins, what the server states is verified, and said so; whole files are kept as well', async () => {
  server.behaviour = { status: 503 };
  const stated = mini.catalogue[0].weights.sha256 ?? '';
  const catalogue = mini.unpinned;
  await assert.rejects(
    pull({
      catalogue,
      fetchFile: (request) => {
        if (request.url.endsWith('.safetensors')) return fetchFile({ ...request, attempts: 1 });
        server.behaviour = {};
        return fetchFile(request).finally(() => (server.behaviour = { status: 503 }));
      },
    }),
    { code: 'download_failed' },
  );
  server.reset({ headers: { 'x-linked-etag': `"${stated}"` } });
  const { files } = await pull({ catalogue });
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    [WEIGHTS],
  );
  const verifiedBy = Object.fromEntries(files.map((file) => [file.role, file.verifiedBy]));
  assert.deepEqual(verifiedBy, { vocabulary: 'nothing', vocoder: 'nothing', weights: 'server' });
});

test('a mirror with other content is found out by the pin, and nothing of it stays', async () => {
  const original = mini.files.get(WEIGHTS) ?? Buffer.alloc(0);
  const changed = Buffer.from(original);
  changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
  server.replace(WEIGHTS, changed);
  await assert.rejects(pull(), { code: 'checksum_mismatch', message: /Mini\/model_1\.safetensors/ });
  assert.ok(!(await readdir(join(modelsDirectory, 'mini.partial'))).some((name) => name.startsWith('model.')));
  await assert.rejects(pull({ sha256: { weights: 'f'.repeat(64) } }), { code: 'checksum_mismatch' });
  server.replace(WEIGHTS, original);
  await pull();
});

test('files that do not fit the architecture never become a model', async () => {
  const [entry] = mini.catalogue;
  const architecture = { ...entry.settings.architecture, depth: 3 };
  const catalogue = [{ ...entry, settings: { ...entry.settings, architecture } }];
  await assert.rejects(pull({ catalogue }), { code: 'model_invalid', message: /transformer_blocks\.1\..*is missing/ });
  assert.deepEqual(await readdir(modelsDirectory), ['mini.partial']);
});

test('a local folder serves as well as a hub: with the repositories’ paths or flat', async () => {
  const { model } = await pull({ from: hub });
  assert.equal(server.requests.length, 0);
  await verifyModel(model.directory);

  const flat = join(folder, 'flat');
  await rm(flat, { recursive: true, force: true });
  await mkdir(flat);
  for (const [path, content] of mini.files) await writeFile(join(flat, path.split('/').at(-1) ?? ''), content);
  modelsDirectory = join(folder, 'models-flat');
  assert.equal((await pull({ from: flat, precision: 'f16' })).model.digest, model.digest);

  await writeFile(join(flat, 'vocab.txt'), 'x');
  modelsDirectory = join(folder, 'models-spoiled');
  await assert.rejects(pull({ from: flat }), { code: 'checksum_mismatch', message: /vocab\.txt/ });
  await assert.rejects(pull({ from: join(folder, 'empty') }), { code: 'model_not_found', message: /vocab\.txt/ });
});

test('the token goes to the mirror', async () => {
  await pull({ token: 'secret' });
  assert.ok(server.requests.every(({ authorization }) => authorization === 'Bearer secret'));
});

test('an unknown name lists the known ones', async () => {
  await assert.rejects(pullModel('f6', { modelsDirectory, fetchFile }), {
    code: 'model_not_found',
    message: /"f6".*f5-tts-v1-base/,
  });
});
