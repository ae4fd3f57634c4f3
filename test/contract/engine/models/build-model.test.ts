import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { openModel, verifyModel } from '../../../../src/engine/f5/model-directory.ts';
import { Safetensors } from '../../../../src/engine/graph/safetensors.ts';
import { buildModel, buildRandomModel, type BuildModelOptions } from '../../../../src/engine/models/build-model.ts';
import { CATALOGUE } from '../../../../src/engine/models/catalogue.ts';
import { acousticNetwork } from '../../../../src/engine/models/model-weights.ts';
import { findModelDirectory, listModels } from '../../../../src/engine/models/list-models.ts';
import { lockStage } from '../../../../src/engine/models/lock-stage.ts';
import { publishMiniature, type MiniatureModel } from '../../../unit/engine/models/miniature-model.ts';
import { temporaryFolder } from '../../../unit/engine/models/temporary-folder.ts';
import { torchCheckpoint } from '../../../unit/engine/models/torch-checkpoint-fixture.ts';

const folder = temporaryFolder();
const hub = join(folder, 'hub');
let mini: MiniatureModel;
let options: BuildModelOptions;
before(async () => {
  mini = await publishMiniature(hub);
  options = {
    settings: mini.catalogue[0].settings,
    weights: join(hub, 'lab/mini-tts/Mini/model_1.safetensors'),
    vocoder: join(hub, 'lab/mini-vocos/pytorch_model.bin'),
    vocabulary: join(hub, 'lab/mini-tts/Mini/vocab.txt'),
  };
});

test('a checkpoint, a vocoder and a vocabulary become a model that verifies', async () => {
  const directory = join(folder, 'built');
  await buildModel(directory, { ...options, attribution: 'By the lab.\n' });
  const model = await verifyModel(directory);
  assert.equal(model.description.id, 'mini');
  assert.deepEqual(await readFile(join(directory, 'model.safetensors')), await readFile(options.weights));
  assert.equal(await readFile(join(directory, 'vocab.txt'), 'utf8'), ' \na\nb\nni3\n.\n');
  assert.equal(await readFile(join(directory, 'LICENCE.txt'), 'utf8'), 'By the lab.\n');
  const vocoder = await Safetensors.open(join(directory, 'vocoder.safetensors'));
  assert.ok([...vocoder.names()].every((name) => /^(backbone|head)\./.test(name)));
  await assert.rejects(buildModel(directory, options), { code: 'usage', message: /there already/ });
});

test('the averaged weights of a PyTorch training checkpoint are taken, without their prefix', async () => {
  const weights = join(folder, 'training.pt');
  const tensors = acousticNetwork(options.settings.architecture).tensors.flatMap(({ name, shape }) =>
    ['model_state_dict.transformer.', 'ema_model_state_dict.ema_model.transformer.'].map((prefix, i) => ({
      name: prefix + name,
      shape,
      values: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(i),
    })),
  );
  await writeFile(weights, torchCheckpoint(tensors));
  const directory = join(folder, 'from-training');
  await buildModel(directory, { ...options, weights });
  const path = join(directory, 'model.safetensors');
  const tensor = (await Safetensors.open(path)).find('proj_out.weight');
  assert.equal((await readFile(path)).readFloatLE(tensor?.offset ?? -1), 1);
});

test('float16 weights are the same network, halved where it runs every step', async () => {
  const directory = join(folder, 'halved');
  const { description } = await buildModel(directory, { ...options, precision: 'f16' });
  const { path } = description.files.weightsF16 ?? {};
  const halved = await Safetensors.open(join(directory, path ?? ''));
  const typeOf = (name: string): string | undefined => halved.find(`ema_model.transformer.${name}`)?.elementType;
  assert.equal(typeOf('transformer_blocks.0.attn.to_q.weight'), 'float16');
  assert.equal(typeOf('transformer_blocks.0.attn_norm.linear.weight'), 'float32');
  assert.equal(typeOf('text_embed.text_embed.weight'), 'float32');
});

test('files that do not fit each other are refused, and nothing is left behind', async () => {
  const directory = join(folder, 'refused');
  const refused = (changes: Partial<BuildModelOptions>, message: RegExp): Promise<void> =>
    assert.rejects(buildModel(directory, { ...options, ...changes }), { code: 'model_invalid', message });
  const { settings } = options;
  const architecture = { ...settings.architecture, depth: 2 };
  await refused({ settings: { ...settings, architecture } }, /transformer_blocks\.1\.\S+ .*is missing/);
  const small = { ...settings.architecture, text_num_embeds: 4 };
  await refused({ settings: { ...settings, architecture: small } }, /5 tokens, but the network knows 4/);
  await refused({ vocoder: options.weights }, /another kind of network/);
  await refused({ weights: options.vocoder }, /another network/);
  await refused({ settings: { ...settings, id: 'Not An Id' } }, /id/);
  await assert.rejects(buildModel(directory, { ...options, weights: '/none' }), { code: 'model_not_found' });
  assert.ok(!(await readdir(folder)).some((name) => name.startsWith('refused')));
});

test('a vocabulary that does not start with the space is refused', async () => {
  const vocabulary = join(folder, 'bad-vocab.txt');
  await writeFile(vocabulary, 'a\nb\nc\nd\ne\n');
  await assert.rejects(buildModel(join(folder, 'x'), { ...options, vocabulary }), { message: /must be the space/ });
});

test('a random model has the official names and the same bytes for the same seed', async () => {
  const [a, b] = [join(folder, 'random-a'), join(folder, 'random-b')];
  const first = await buildRandomModel(a, { size: 'tiny', seed: 7 });
  const second = await buildRandomModel(b, { size: 'tiny', seed: 7 });
  assert.equal(first.digest, second.digest);
  const weights = await Safetensors.open(join(a, 'model.safetensors'));
  assert.deepEqual(weights.find('ema_model.transformer.transformer_blocks.2.attn.to_q.weight')?.shape, [128, 128]);
});

test('the catalogue’s architectures have exactly the size of the published files', () => {
  const published = CATALOGUE.find(({ settings }) => settings.id === 'f5-tts-v1-base');
  assert.ok(published);
  const { tensors } = acousticNetwork(published.settings.architecture);
  const bytes = tensors.reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
  // what remains is the header, some 130 bytes a tensor
  const header = (published.weights.bytes ?? 0) - bytes;
  assert.ok(header > 100 * tensors.length && header < 160 * tensors.length, `${header} bytes of header`);
});

test('the list says what is installed, interrupted, damaged and available', async () => {
  const modelsDirectory = join(folder, 'models');
  await buildRandomModel(join(modelsDirectory, 'noise'), { size: 'tiny', seed: 1, id: 'noise' });
  await buildRandomModel(join(modelsDirectory, 'spoiled'), { size: 'tiny', seed: 1 });
  await writeFile(join(modelsDirectory, 'spoiled', 'vocab.txt'), '');
  await mkdir(join(modelsDirectory, 'mini.partial'));
  await mkdir(join(modelsDirectory, 'something-else'));
  const listed = await listModels({ modelsDirectory, catalogue: mini.catalogue });
  assert.deepEqual(
    listed.map(({ name, state }) => [name, state]),
    [
      ['mini', 'partial'],
      ['noise', 'installed'],
      ['spoiled', 'damaged'],
      ['mini', 'available'],
    ],
  );
  assert.match(listed[2]?.problem ?? '', /vocab\.txt/);
  assert.deepEqual(await listModels({ modelsDirectory: join(folder, 'none'), catalogue: [] }), []);
});

test('a model is found by name in its places, or by path', async () => {
  const places = { modelsDirectory: join(folder, 'models'), builtInDirectory: folder };
  assert.equal(await findModelDirectory('noise', places), join(folder, 'models', 'noise'));
  assert.equal(await findModelDirectory('random-a', places), join(folder, 'random-a'));
  assert.equal((await openModel(await findModelDirectory(join(folder, 'built'), places))).description.id, 'mini');
  await assert.rejects(findModelDirectory('nobody', places), { code: 'model_not_found', message: /"nobody"/ });
});

test('one stage has one owner; the lock of a process that is gone is taken over', async () => {
  const stage = join(folder, 'stage');
  await mkdir(stage);
  {
    await using _lock = await lockStage(stage);
    await assert.rejects(lockStage(stage), { code: 'store_busy', message: new RegExp(String(process.pid)) });
    await copyFile(`${stage}.lock`, join(stage, 'kept'));
  }
  const host = (await readFile(join(stage, 'kept'), 'utf8')).split('@')[1];
  await writeFile(`${stage}.lock`, `4194999@${host}`); // above Linux's largest process id
  {
    await using _again = await lockStage(stage);
  }
  await writeFile(`${stage}.lock`, `${process.pid}@${host}`); // a container that was killed and started again
  await using _restarted = await lockStage(stage);
});
