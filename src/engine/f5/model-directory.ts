/**
 * A model is a directory: `model.json` and the files that it names. Opening one is quick (the files are there and have
 * their sizes); verifying reads every byte.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { canonicalJson, sha256Hex } from '../../core/canonical-json.ts';
import { NarratorError } from '../../core/errors.ts';
import { modelDescriptionSchema, type ModelDescription, type ModelFile } from './model-description.ts';
import { parseVocabulary } from './tokenizer.ts';

export const MODEL_DESCRIPTION_FILE = 'model.json';

/** A model.json is some 3 kB: a larger one is not one. */
const MAX_DESCRIPTION_BYTES = 256 * 1024;
/** The largest known has 2,545 tokens in 11 kB. */
const MAX_VOCABULARY_BYTES = 16 * 1024 * 1024;

/**
 * Part of every model digest. Raise it whenever this program's own part of the sound changes (noise generator, token
 * rules, time grid, numerics of a graph): segments made before are then made again instead of being mixed with new ones.
 */
const SOUND_VERSION = 1;

export interface Model {
  /** absolute */
  readonly directory: string;
  readonly description: ModelDescription;
  /** tokens of the vocabulary file; the space comes first */
  readonly vocabulary: readonly string[];
  /** sha256 (hex) over everything of the model that changes the sound, see `modelDigest` */
  readonly digest: string;
}

/** Absolute path of a file that the description names. */
export function modelPath(model: Model, file: { readonly path: string }): string {
  return join(model.directory, file.path);
}

/**
 * Reads `model.json` and the vocabulary, and checks that every file is there with its size. Reads no weights.
 * @throws NarratorError model_not_found (no such directory, or no model.json in it), model_invalid (names field or file)
 */
export async function openModel(directory: string): Promise<Model> {
  const absolute = resolve(directory);
  const description = parseModelDescription(await readDescription(absolute));
  for (const file of modelFiles(description)) {
    const bytes = await sizeOf(join(absolute, file.path));
    if (bytes === undefined) throw invalid(`file ${file.path} is missing`, file.path);
    if (bytes !== file.bytes) throw invalid(`file ${file.path} has ${bytes} bytes instead of ${file.bytes}`, file.path);
  }
  return {
    directory: absolute,
    description,
    vocabulary: await readVocabulary(absolute, description),
    digest: modelDigest(description),
  };
}

/**
 * Opens the model and compares the SHA-256 of every file. Streams: memory stays flat for any size.
 * @throws NarratorError as openModel, and checksum_mismatch naming every file that differs
 */
export async function verifyModel(
  directory: string,
  options: { onFile?: (file: ModelFile) => void } = {},
): Promise<Model> {
  const model = await openModel(directory);
  const damaged: string[] = [];
  for (const file of modelFiles(model.description)) {
    options.onFile?.(file);
    if ((await sha256OfFile(modelPath(model, file))) !== file.sha256) damaged.push(file.path);
  }
  if (damaged.length > 0) {
    throw new NarratorError(
      'checksum_mismatch',
      `${damaged.join(', ')} in ${model.directory}: SHA-256 differs from ${MODEL_DESCRIPTION_FILE}`,
      { field: damaged[0]! },
    );
  }
  return model;
}

/** Every file that a model names: weights, vocoder, vocabulary, and the clips of its voices. */
export function modelFiles(description: ModelDescription): ModelFile[] {
  const { weights, vocoder, vocabulary, weightsF16 } = description.files;
  return [weights, vocoder, vocabulary, ...(weightsF16 ? [weightsF16] : []), ...description.voices];
}

/** The entry of `model.json` for a file that lies in the directory. For whoever writes a model. */
export async function describeModelFile(directory: string, path: string): Promise<ModelFile> {
  const bytes = await sizeOf(join(directory, path));
  if (bytes === undefined) throw invalid(`file ${path} is missing`, path);
  return { path, bytes, sha256: await sha256OfFile(join(directory, path)) };
}

/**
 * @param json text of a `model.json`
 * @throws NarratorError model_invalid naming every wrong field
 */
export function parseModelDescription(json: string): ModelDescription {
  let raw: unknown;
  try {
    raw = JSON.parse(json);
  } catch (cause) {
    throw new NarratorError('model_invalid', `${MODEL_DESCRIPTION_FILE} is not JSON`, {}, { cause });
  }
  const parsed = modelDescriptionSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the whole'}: ${issue.message}`);
  throw invalid(`${MODEL_DESCRIPTION_FILE}: ${problems.join('; ')}`, parsed.error.issues[0]?.path.join('.') ?? '');
}

/**
 * sha256 (hex) over what decides a segment's samples besides its text, voice, parameters and seed: the files' own
 * digests and how they are read. Names, licence, limits, defaults and the built-in voices do not count.
 */
export function modelDigest(description: ModelDescription): string {
  const { architecture, vocoder, audio, tokenizer, sampling, files } = description;
  const decisive = {
    sound: SOUND_VERSION,
    architecture,
    vocoder,
    audio,
    tokenizer,
    epss: sampling.epss,
    files: [files.weights.sha256, files.vocoder.sha256, files.vocabulary.sha256],
  };
  return sha256Hex(canonicalJson(decisive));
}

async function readDescription(directory: string): Promise<string> {
  const path = join(directory, MODEL_DESCRIPTION_FILE);
  const bytes = await sizeOf(path);
  if (bytes === undefined) {
    throw new NarratorError('model_not_found', `no model in ${directory}: it has no ${MODEL_DESCRIPTION_FILE}`);
  }
  if (bytes > MAX_DESCRIPTION_BYTES) {
    throw invalid(`${MODEL_DESCRIPTION_FILE} has ${bytes} bytes, more than ${MAX_DESCRIPTION_BYTES}`, '');
  }
  return readFile(path, 'utf8');
}

async function readVocabulary(directory: string, { files, architecture }: ModelDescription): Promise<string[]> {
  const { path, bytes } = files.vocabulary;
  if (bytes > MAX_VOCABULARY_BYTES) throw invalid(`file ${path} is too large for a vocabulary: ${bytes} bytes`, path);
  const tokens = parseVocabulary(await readFile(join(directory, path), 'utf8'));
  if (tokens.length !== architecture.text_num_embeds) {
    throw invalid(
      `file ${path} has ${tokens.length} tokens, but the network has text_num_embeds = ${architecture.text_num_embeds}`,
      path,
    );
  }
  return tokens;
}

/** @returns undefined if there is no such regular file */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new NarratorError('model_invalid', `cannot read ${path}: ${code ?? String(cause)}`, {}, { cause });
  }
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

function invalid(message: string, field: string): NarratorError {
  return new NarratorError('model_invalid', message, { field });
}
