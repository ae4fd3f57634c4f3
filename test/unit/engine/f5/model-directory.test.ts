import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { NarratorError, type ErrorCode } from '../../../../src/core/errors.ts';
import {
  MODEL_DESCRIPTION_FILE,
  describeModelFile,
  modelDigest,
  openModel,
  parseModelDescription,
  verifyModel,
} from '../../../../src/engine/f5/model-directory.ts';
import type { ModelDescriptionInput } from '../../../../src/engine/f5/model-description.ts';

const BUILT_IN = join(import.meta.dirname, '../../../../models/tiny');
const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function smallModel(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'narrator-model-'));
  folders.push(folder);
  for (const name of ['w.safetensors', 'v.safetensors']) await writeFile(join(folder, name), name);
  await cp(join(BUILT_IN, 'vocab.txt'), join(folder, 'vocab.txt'));
  const json = await builtIn();
  const [weights, vocoder, vocabulary] = await Promise.all(
    ['w.safetensors', 'v.safetensors', 'vocab.txt'].map((name) => describeModelFile(folder, name)),
  );
  const description = { ...json, files: { weights, vocoder, vocabulary }, voices: [] };
  await writeFile(join(folder, MODEL_DESCRIPTION_FILE), JSON.stringify(description));
  return folder;
}

async function builtIn(): Promise<ModelDescriptionInput> {
  return JSON.parse(await readFile(join(BUILT_IN, MODEL_DESCRIPTION_FILE), 'utf8')) as ModelDescriptionInput;
}

function failsWith(code: ErrorCode, message: RegExp) {
  return (thrown: unknown) => {
    assert.ok(thrown instanceof NarratorError);
    assert.equal(thrown.code, code);
    assert.match(thrown.message, message);
    return true;
  };
}

test('the built-in model is whole: every file has the digest that model.json gives', async () => {
  const model = await verifyModel(BUILT_IN);
  assert.equal(model.description.id, 'tiny');
  assert.match(model.digest, /^[0-9a-f]{64}$/);
});

test('a folder without model.json is model_not_found', async () => {
  await assert.rejects(openModel(join(BUILT_IN, 'voices')), failsWith('model_not_found', /model\.json/));
  await assert.rejects(openModel('/nowhere/at/all'), failsWith('model_not_found', /nowhere/));
});

test('opening notices a missing and a cut file, and names it', async () => {
  const folder = await smallModel();
  await truncate(join(folder, 'w.safetensors'), 3);
  await assert.rejects(openModel(folder), failsWith('model_invalid', /w\.safetensors has 3 bytes instead of 13/));
  await rm(join(folder, 'w.safetensors'));
  await assert.rejects(openModel(folder), failsWith('model_invalid', /w\.safetensors is missing/));
});

test('verifying notices a changed byte that opening cannot see', async () => {
  const folder = await smallModel();
  await writeFile(join(folder, 'w.safetensors'), 'W.safetensors');
  await openModel(folder);
  await assert.rejects(verifyModel(folder), failsWith('checksum_mismatch', /w\.safetensors/));
});

test('a vocabulary of another size than the network expects is refused', async () => {
  const folder = await smallModel();
  const json = (await readFile(join(folder, MODEL_DESCRIPTION_FILE), 'utf8')).replace(
    /"text_num_embeds":62/,
    '"text_num_embeds":63',
  );
  await writeFile(join(folder, MODEL_DESCRIPTION_FILE), json);
  await assert.rejects(openModel(folder), failsWith('model_invalid', /vocab\.txt has 62 tokens.*63/));
});

test('the digest changes with the sound and with nothing else', async () => {
  const text = await readFile(join(BUILT_IN, MODEL_DESCRIPTION_FILE), 'utf8');
  const before = parseModelDescription(text);
  const same = { ...before, name: 'x', limits: { maxFrames: 9, planFrames: 9 }, voices: [] };
  assert.equal(modelDigest(same), modelDigest(before));
  const reordered = Object.fromEntries(Object.entries(before.architecture).reverse()) as typeof before.architecture;
  assert.equal(modelDigest({ ...before, architecture: reordered }), modelDigest(before));
  const other = { ...before, files: { ...before.files, weights: { ...before.files.weights, sha256: '0'.repeat(64) } } };
  assert.notEqual(modelDigest(other), modelDigest(before));
  const deeper = { ...before, architecture: { ...before.architecture, depth: 8 } };
  assert.notEqual(modelDigest(deeper), modelDigest(before));
});

for (const [what, change, message] of [
  ['is not JSON', () => '{', /not JSON/],
  ['is a list', () => '[]', /the whole/],
  [
    'has a path that leaves the directory',
    (json) => withWeightsPath(json, '../other/model.safetensors'),
    /files\.weights\.path/,
  ],
  ['has an absolute path', (json) => withWeightsPath(json, '/etc/passwd'), /files\.weights\.path/],
  ['has a path with a backslash', (json) => withWeightsPath(json, 'a\\b'), /files\.weights\.path/],
  ['has a misspelt key', (json) => JSON.stringify({ ...json, licenSe: 1 }), /licenSe/],
  ['is of a later format', (json) => JSON.stringify({ ...json, format: 2 }), /format/],
  [
    'plans beyond its limit',
    (json) => JSON.stringify({ ...json, limits: { maxFrames: 5, planFrames: 6 } }),
    /planFrames/,
  ],
  [
    'has a voice twice',
    (json) => JSON.stringify({ ...json, voices: [json.voices![0], json.voices![0]] }),
    /occurs twice/,
  ],
  ['has no default voice', (json) => JSON.stringify({ ...json, voices: [json.voices![1]] }), /exactly one voice/],
] satisfies [string, (json: ModelDescriptionInput) => string, RegExp][]) {
  test(`a model.json that ${what} is refused by name`, async () => {
    const json = change(await builtIn());
    assert.throws(() => parseModelDescription(json), failsWith('model_invalid', message));
  });
}

function withWeightsPath(json: ModelDescriptionInput, path: string): string {
  return JSON.stringify({ ...json, files: { ...json.files, weights: { ...json.files.weights, path } } });
}
