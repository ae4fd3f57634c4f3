/** `models build`: a model directory from a checkpoint on this machine, or from random numbers. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '../f5/model-directory.ts';
import {
  AUDIO,
  F5TTS_V1_BASE,
  LIMITS,
  SAMPLING,
  VOCOS_MEL_24KHZ,
  type ArchitectureSettings,
  type ModelSettings,
} from './catalogue.ts';
import { acousticNetwork, importWeights, vocoderNetwork } from './model-weights.ts';
import {
  publishModel,
  refuseExisting,
  stageOf,
  translateDiskError,
  VOCABULARY_FILE,
  VOCODER_FILE,
  WEIGHTS_FILE,
} from './publish-model.ts';
import { randomTensors } from './random-weights.ts';
import { importVocabulary, writeVocabulary } from './vocabulary-file.ts';
import { writeSafetensors } from './write-safetensors.ts';

/** Settings with those of F5-TTS where nothing else is said. */
export type BuildSettings = Omit<ModelSettings, 'audio' | 'sampling' | 'limits' | 'vocoder'> &
  Partial<Pick<ModelSettings, 'sampling' | 'limits' | 'vocoder'>>;

export interface BuildModelOptions {
  readonly settings: BuildSettings;
  /** safetensors or PyTorch checkpoint (.pt) of an F5-TTS network, with or without the prefix 'ema_model.' */
  readonly weights: string;
  /** safetensors or PyTorch checkpoint of a Vocos network */
  readonly vocoder: string;
  readonly vocabulary: string;
  /** text of LICENCE.txt */
  readonly attribution?: string;
  /** f16: weights in float16 as well, for GPUs */
  readonly precision?: 'f32' | 'f16';
  readonly signal?: AbortSignal;
}

/**
 * Puts a model together in `<directory>.partial` and renames that when it is whole. Memory stays flat for any size.
 * @throws NarratorError usage (the directory is there), model_invalid (weights, vocoder or vocabulary do not fit the
 *   architecture), model_not_found (no such checkpoint), store_full, store_unavailable
 */
export async function buildModel(directory: string, options: BuildModelOptions): Promise<Model> {
  const { weights, vocoder, vocabulary, signal, ...publish } = options;
  const settings = completeSettings(options.settings);
  const cancel = signal === undefined ? {} : { signal };
  return inStage(directory, async (stage) => {
    await importVocabulary(vocabulary, join(stage, VOCABULARY_FILE), settings.architecture.text_num_embeds);
    await importWeights(vocoder, join(stage, VOCODER_FILE), vocoderNetwork(settings.vocoder), cancel);
    await importWeights(weights, join(stage, WEIGHTS_FILE), acousticNetwork(settings.architecture), cancel);
    return publishModel(stage, directory, { ...publish, ...cancel, settings });
  });
}

export interface BuildRandomModelOptions {
  /** a name, or an architecture of one's own (its vocoder is then of the size 'tiny') */
  readonly size: 'tiny' | 'f5-tts-v1-base' | ArchitectureSettings;
  /** 32-bit integer; the same seed gives the same bytes */
  readonly seed: number;
  /** default: `random-<seed>` */
  readonly id?: string;
  readonly precision?: 'f32' | 'f16';
  readonly signal?: AbortSignal;
}

const TINY: ArchitectureSettings = {
  ...F5TTS_V1_BASE,
  dim: 128,
  depth: 3,
  heads: 2,
  text_num_embeds: 96,
  text_dim: 64,
  conv_layers: 2,
};
const TINY_VOCODER: ModelSettings['vocoder'] = { type: 'vocos', dim: 128, intermediate_dim: 384, num_layers: 2 };

/**
 * A model that makes noise: for measuring speed and memory without a download. Real size (1.4 GB) in flat memory.
 * @throws NarratorError as buildModel
 */
export async function buildRandomModel(directory: string, options: BuildRandomModelOptions): Promise<Model> {
  const { size, seed, id = `random-${seed}`, signal, ...publish } = options;
  const real = size === 'f5-tts-v1-base';
  const architecture = real ? F5TTS_V1_BASE : size === 'tiny' ? TINY : size;
  const settings = completeSettings({
    id,
    name: `Random weights, seed ${seed}`,
    description: 'Random numbers in the form of an F5-TTS model: noise, not speech. For measuring speed and memory.',
    licence: { name: 'CC0-1.0', note: 'Random numbers.', commercialUse: true },
    architecture,
    vocoder: real ? VOCOS_MEL_24KHZ : TINY_VOCODER,
    tokenizer: { kind: 'characters' },
    languages: ['en'],
  });
  const cancel = signal === undefined ? {} : { signal };
  return inStage(directory, async (stage) => {
    await writeVocabulary(join(stage, VOCABULARY_FILE), randomModelTokens(architecture.text_num_embeds));
    const vocoder = randomTensors(vocoderNetwork(settings.vocoder).tensors, seed);
    await writeSafetensors(join(stage, VOCODER_FILE), vocoder, cancel);
    // the names of a published checkpoint, prefix included
    const network = randomTensors(acousticNetwork(architecture).tensors, seed, 'ema_model.transformer.');
    await writeSafetensors(join(stage, WEIGHTS_FILE), network, cancel);
    return publishModel(stage, directory, { ...publish, ...cancel, settings });
  });
}

function completeSettings(settings: BuildSettings): ModelSettings {
  return { sampling: SAMPLING, limits: LIMITS, vocoder: VOCOS_MEL_24KHZ, ...settings, audio: AUDIO };
}

/** Printable ASCII from the space on, then Chinese characters: as many different characters as the network has tokens. */
function randomModelTokens(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String.fromCodePoint(i < 95 ? 0x20 + i : 0x4e00 + i - 95));
}

/** Nothing is left behind when a build fails: unlike a pull it has nothing to go on with. */
async function inStage<T>(directory: string, build: (stage: string) => Promise<T>): Promise<T> {
  await refuseExisting(directory);
  const stage = stageOf(directory);
  try {
    await rm(stage, { recursive: true, force: true });
    await mkdir(stage, { recursive: true });
    return await build(stage);
  } catch (error) {
    await rm(stage, { recursive: true, force: true }).catch(() => undefined);
    throw translateDiskError(error);
  }
}
