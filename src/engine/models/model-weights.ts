/** The two networks of a model on their way into its directory: taken from a checkpoint, checked, halved for a GPU. */
import { constants } from 'node:fs';
import { copyFile, open, type FileHandle } from 'node:fs/promises';
import { NarratorError } from '../../core/errors.ts';
import { parseArchitecture } from '../graph/architecture.ts';
import { F5_ANCHOR, VOCOS_ANCHOR, f5Tensors, vocosTensors } from '../graph/expected-tensors.ts';
import { Safetensors } from '../graph/safetensors.ts';
import { Weights, type ExpectedTensor } from '../graph/weights.ts';
import type { ArchitectureSettings, ModelSettings } from './catalogue.ts';
import { asFloat16 } from './float-conversion.ts';
import { openTorchCheckpoint } from './pytorch-checkpoint.ts';
import { safetensorsSources } from './safetensors-sources.ts';
import type { TensorSource } from './tensor-source.ts';
import { writeSafetensors } from './write-safetensors.ts';

/** A network by the tensors that its graph needs. */
export interface Network {
  /** name of a tensor that it always has: what stands before it in a checkpoint stands before all names */
  readonly anchor: string;
  readonly tensors: readonly ExpectedTensor[];
}

/** @throws NarratorError model_invalid if the architecture is none */
export function acousticNetwork(architecture: ArchitectureSettings): Network {
  return { anchor: F5_ANCHOR, tensors: f5Tensors(parseArchitecture(architecture)) };
}

export function vocoderNetwork(vocoder: ModelSettings['vocoder']): Network {
  const { dim, intermediate_dim: intermediate, num_layers: layers } = vocoder;
  return { anchor: VOCOS_ANCHOR, tensors: vocosTensors({ melDim: 100, dim, intermediate, layers }) };
}

/** @throws NarratorError model_invalid, listing every tensor that is missing or has another shape */
export async function checkWeights(path: string, network: Network): Promise<void> {
  new Weights(await Safetensors.open(path), network.anchor).check(network.tensors);
}

/**
 * Puts a checkpoint's weights at `target` as safetensors: a safetensors file as it is, byte for byte; of a PyTorch
 * checkpoint the network's own tensors, in their own float type, without the prefix.
 * @throws NarratorError model_invalid
 */
export async function importWeights(
  source: string,
  target: string,
  network: Network,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  if (await isSafetensors(source)) {
    await copyFile(source, target, constants.COPYFILE_FICLONE);
  } else {
    await convertTorchWeights(source, target, network, options);
  }
  await checkWeights(target, network);
}

/** A safetensors header is JSON after 8 bytes of length; whatever else there is, the checkpoint reader names it. */
async function isSafetensors(path: string): Promise<boolean> {
  const file = await openForReading(path);
  try {
    const head = Buffer.alloc(9);
    await file.read(head, 0, head.length, 0);
    return head.toString('latin1', 8) === '{';
  } finally {
    await file.close();
  }
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new NarratorError('model_not_found', `There is no checkpoint that can be read at ${path}`, {}, { cause });
  }
}

async function convertTorchWeights(
  source: string,
  target: string,
  network: Network,
  options: { signal?: AbortSignal },
): Promise<void> {
  await using checkpoint = await openTorchCheckpoint(source);
  const { tensors } = checkpoint;
  const prefixes = [...tensors.keys()]
    .filter((name) => name === network.anchor || name.endsWith(`.${network.anchor}`))
    .map((name) => name.slice(0, -network.anchor.length));
  // a training checkpoint holds the network twice: the averaged weights are the ones that speak
  const prefix = prefixes.find((each) => each.includes('ema_model')) ?? prefixes[0];
  if (prefix === undefined) {
    throw new NarratorError('model_invalid', `${source} has no tensor ${network.anchor}: it holds another network`);
  }
  const wanted = network.tensors.flatMap(({ name }): TensorSource[] => {
    const found = tensors.get(prefix + name);
    return found === undefined ? [] : [{ ...found, name }];
  });
  await writeSafetensors(target, wanted, options);
}

/**
 * What runs once a step of the solver runs in float16 on a GPU: attention, feed-forward, position convolution, output.
 * What runs once a batch (text, time and its modulations) stays as it is: there it costs nothing, and errors would add up.
 */
const RUNS_EVERY_STEP =
  /(?:^|\.)(?:transformer_blocks\.\d+\.(?:attn|ff)|input_embed\.conv_pos_embed|long_skip_connection|proj_out)\./;

/** Writes the float16 sibling of a model's weights: same names, some 70 % of the size. */
export async function writeHalfWeights(
  weights: string,
  target: string,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  const header = await Safetensors.open(weights);
  const file = await openForReading(weights);
  try {
    const sources = [...safetensorsSources(header, file).values()].filter((source) => source.dtype !== 'I64');
    const halved = sources.map((source) => (RUNS_EVERY_STEP.test(source.name) ? asFloat16(source) : source));
    await writeSafetensors(target, halved, options);
  } finally {
    await file.close();
  }
}
