/** A published model in miniature: the same files under the same names as F5-TTS's, some 100 kB of random numbers. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AUDIO, LIMITS, SAMPLING, type CatalogueModel } from '../../../../src/engine/models/catalogue.ts';
import { acousticNetwork, vocoderNetwork } from '../../../../src/engine/models/model-weights.ts';
import { randomTensors } from '../../../../src/engine/models/random-weights.ts';
import { writeSafetensors } from '../../../../src/engine/models/write-safetensors.ts';
import { torchCheckpoint, type FixtureTensor } from './torch-checkpoint-fixture.ts';

const settings: CatalogueModel['settings'] = {
  id: 'mini',
  name: 'Miniature',
  description: 'For tests.',
  licence: { name: 'CC-BY-NC-4.0', commercialUse: false },
  architecture: { backbone: 'DiT', dim: 32, depth: 1, heads: 1, dim_head: 32, text_num_embeds: 5, text_dim: 16 },
  vocoder: { type: 'vocos', dim: 32, intermediate_dim: 48, num_layers: 1 },
  audio: AUDIO,
  tokenizer: { kind: 'pinyin' },
  sampling: SAMPLING,
  limits: LIMITS,
  languages: ['en'],
};

const network = { repository: 'lab/mini-tts', revision: 'abc' };
const PATHS = { weights: 'Mini/model_1.safetensors', vocabulary: 'Mini/vocab.txt', vocoder: 'pytorch_model.bin' };

export interface MiniatureModel {
  /** every file pinned */
  readonly catalogue: readonly [CatalogueModel];
  /** no file pinned */
  readonly unpinned: readonly [CatalogueModel];
  /** by the path below a hub's root */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Writes the published files below `folder`, as repositories lie below a hub. */
export async function publishMiniature(folder: string): Promise<MiniatureModel> {
  await mkdir(folder, { recursive: true });
  const weightsPath = join(folder, 'weights');
  const prefix = 'ema_model.transformer.';
  await writeSafetensors(weightsPath, randomTensors(acousticNetwork(settings.architecture).tensors, 1, prefix));
  const contents = {
    weights: await readFile(weightsPath),
    vocabulary: Buffer.from([' ', 'a', 'b', 'ni3', '.'].map((token) => `${token}\r\n`).join('')),
    vocoder: torchCheckpoint(await vocoderTensors()),
  };
  const files = new Map<string, Buffer>();
  const publish = async (role: keyof typeof PATHS): Promise<CatalogueModel['weights']> => {
    const source = role === 'vocoder' ? { repository: 'lab/mini-vocos', revision: 'def' } : network;
    const content = contents[role];
    const path = `${source.repository}/resolve/${source.revision}/${PATHS[role]}`;
    files.set(path, content);
    await mkdir(dirname(join(folder, source.repository, PATHS[role])), { recursive: true });
    await writeFile(join(folder, source.repository, PATHS[role]), content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    return { ...source, path: PATHS[role], bytes: content.length, sha256 };
  };
  const pinned = {
    settings,
    attribution: 'Made for tests.\n',
    weights: await publish('weights'),
    vocabulary: await publish('vocabulary'),
    vocoder: await publish('vocoder'),
  };
  const bare = ({ repository, revision, path }: CatalogueModel['weights']): CatalogueModel['weights'] => ({
    repository,
    revision,
    path,
  });
  const unpinned = {
    ...pinned,
    weights: bare(pinned.weights),
    vocabulary: bare(pinned.vocabulary),
    vocoder: bare(pinned.vocoder),
  };
  return { catalogue: [pinned], unpinned: [unpinned], files };
}

/** With the tensors that the real checkpoint has besides the network's own. */
async function vocoderTensors(): Promise<FixtureTensor[]> {
  const tensors: FixtureTensor[] = [
    { name: 'feature_extractor.mel_spec.mel_scale.fb', shape: [4], values: new Float32Array(4) },
    { name: 'head.istft.window', shape: [4], values: new Float32Array(4) },
  ];
  for (const tensor of randomTensors(vocoderNetwork(settings.vocoder).tensors, 2)) {
    const parts: Buffer[] = [];
    for await (const chunk of tensor.chunks()) parts.push(Buffer.from(chunk));
    const values = new Float32Array(new Uint8Array(Buffer.concat(parts)).buffer);
    tensors.push({ name: tensor.name, shape: tensor.shape, values });
  }
  return tensors;
}
