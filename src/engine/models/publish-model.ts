/** The last steps of pull and build: from a folder with the files in place to a model that can be opened. */
import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { NarratorError } from '../../core/errors.ts';
import type { ModelDescriptionInput } from '../f5/model-description.ts';
import {
  MODEL_DESCRIPTION_FILE,
  describeModelFile,
  openModel,
  parseModelDescription,
  type Model,
} from '../f5/model-directory.ts';
import type { ModelSettings } from './catalogue.ts';
import { writeHalfWeights } from './model-weights.ts';

/** Names inside a model directory. */
export const WEIGHTS_FILE = 'model.safetensors';
export const HALF_WEIGHTS_FILE = 'model.f16.safetensors';
export const VOCODER_FILE = 'vocoder.safetensors';
export const VOCABULARY_FILE = 'vocab.txt';
const LICENCE_FILE = 'LICENCE.txt';

export interface PublishOptions {
  readonly settings: ModelSettings;
  /** text of LICENCE.txt */
  readonly attribution?: string;
  /** f16: weights in float16 as well, for GPUs */
  readonly precision?: 'f32' | 'f16';
  /** names in the stage that were only means to the end: deleted once all else is done */
  readonly leftovers?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Where a model is put together before it gets its name. */
export function stageOf(directory: string): string {
  return `${directory}.partial`;
}

/**
 * Writes `model.json` with the digests of what lies in the stage, checks the whole, and renames the stage to `directory`:
 * a model appears whole or not at all.
 * @throws NarratorError model_invalid
 */
export async function publishModel(stage: string, directory: string, options: PublishOptions): Promise<Model> {
  const { settings, attribution, precision = 'f32', leftovers = [], signal } = options;
  if (precision === 'f16') {
    await writeHalfWeights(
      join(stage, WEIGHTS_FILE),
      join(stage, HALF_WEIGHTS_FILE),
      signal === undefined ? {} : { signal },
    );
  }
  if (attribution !== undefined) await writeFile(join(stage, LICENCE_FILE), attribution);
  const description: ModelDescriptionInput = {
    format: 1,
    ...settings,
    files: {
      weights: await describeModelFile(stage, WEIGHTS_FILE),
      vocoder: await describeModelFile(stage, VOCODER_FILE),
      vocabulary: await describeModelFile(stage, VOCABULARY_FILE),
      ...(precision === 'f16' ? { weightsF16: await describeModelFile(stage, HALF_WEIGHTS_FILE) } : {}),
    },
  };
  const json = `${JSON.stringify(description, null, 2)}\n`;
  parseModelDescription(json); // complains about settings before anything is renamed
  await writeFile(join(stage, MODEL_DESCRIPTION_FILE), json, { flush: true });
  await openModel(stage);
  for (const leftover of leftovers) await rm(join(stage, leftover), { force: true });
  await rename(stage, directory);
  await syncFolder(dirname(directory));
  return openModel(directory);
}

/** @throws NarratorError usage if something is there already: a model is never overwritten */
export async function refuseExisting(directory: string): Promise<void> {
  const there = await stat(directory).then(
    () => true,
    () => false,
  );
  if (there) {
    throw new NarratorError('usage', `${directory} is there already`, {
      hint: `Choose another directory, or delete ${basename(directory)} first.`,
    });
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** What the disk says, in the words of this project; errors that have a code of ours pass unchanged. */
export function translateDiskError(error: unknown): unknown {
  if (error instanceof NarratorError || !(error instanceof Error) || !('syscall' in error && 'code' in error))
    return error;
  const full = error.code === 'ENOSPC' || error.code === 'EDQUOT';
  return new NarratorError(
    full ? 'store_full' : 'store_unavailable',
    full ? 'No space left for the model' : `The model cannot be read or written (${String(error.code)})`,
    {},
    { cause: error },
  );
}
