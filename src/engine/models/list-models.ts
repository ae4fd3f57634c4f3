/** `models list`: what is installed, what is half pulled, what could be pulled. */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { NarratorError, toNarratorError } from '../../core/errors.ts';
import { modelFiles, openModel } from '../f5/model-directory.ts';
import { CATALOGUE, type CatalogueModel } from './catalogue.ts';
import { stageOf } from './publish-model.ts';

export interface ModelPlaces {
  /** where pull and build put models */
  readonly modelsDirectory: string;
  /** the package's own models */
  readonly builtInDirectory?: string;
}

export interface ModelListing {
  readonly name: string;
  /** built-in and installed models can be used; a partial one is a pull that was interrupted */
  readonly state: 'built-in' | 'installed' | 'damaged' | 'partial' | 'available';
  readonly description: string;
  readonly licence: { readonly name: string; readonly commercialUse: boolean } | undefined;
  /** of all files; of an available model what will be fetched, as far as it is known */
  readonly bytes: number | undefined;
  /** absent for available models */
  readonly directory?: string;
  /** what is wrong with a damaged model */
  readonly problem?: string;
}

/** Sorted by name within each group: built-in, in the models directory, available. Reads no weights. */
export async function listModels(
  places: ModelPlaces & { readonly catalogue?: readonly CatalogueModel[] },
): Promise<ModelListing[]> {
  const builtIn = await inDirectory(places.builtInDirectory, 'built-in');
  const installed = await inDirectory(places.modelsDirectory, 'installed');
  const there = new Set([...builtIn, ...installed].filter(({ state }) => state !== 'partial').map(({ name }) => name));
  const available = (places.catalogue ?? CATALOGUE)
    .filter(({ settings }) => !there.has(settings.id))
    .map(({ settings, weights, vocoder }): ModelListing => {
      const bytes =
        weights.bytes === undefined || vocoder.bytes === undefined ? undefined : weights.bytes + vocoder.bytes;
      const { id: name, description, licence } = settings;
      return { name, state: 'available', description, licence, bytes };
    });
  return [...builtIn, ...installed, ...available];
}

/**
 * The directory of a model by its name, or by a path (anything with a separator).
 * @throws NarratorError model_not_found
 */
export async function findModelDirectory(nameOrPath: string, places: ModelPlaces): Promise<string> {
  if (/[/\\]/.test(nameOrPath)) return resolve(nameOrPath);
  const roots = [places.modelsDirectory, places.builtInDirectory].filter((root) => root !== undefined);
  for (const root of roots) {
    if ((await namesIn(root)).includes(nameOrPath)) return resolve(root, nameOrPath);
  }
  throw new NarratorError(
    'model_not_found',
    `There is no model called ${JSON.stringify(nameOrPath)} in ${roots.join(' or ')}`,
  );
}

async function inDirectory(root: string | undefined, state: 'built-in' | 'installed'): Promise<ModelListing[]> {
  if (root === undefined) return [];
  const listings: ModelListing[] = [];
  for (const name of await namesIn(root)) {
    const directory = join(root, name);
    if (name.endsWith(stageOf(''))) {
      const pulled = name.slice(0, -stageOf('').length);
      const description = 'An interrupted pull: pull it again, it goes on where it stopped.';
      listings.push({ name: pulled, state: 'partial', description, licence: undefined, bytes: undefined, directory });
      continue;
    }
    try {
      const { description: model } = await openModel(directory);
      const bytes = modelFiles(model).reduce((sum, file) => sum + file.bytes, 0);
      listings.push({ name, state, description: model.description, licence: model.licence, bytes, directory });
    } catch (error) {
      const { code, message: problem } = toNarratorError(error);
      if (code === 'model_not_found') continue; // some other folder
      listings.push({
        name,
        state: 'damaged',
        description: '',
        licence: undefined,
        bytes: undefined,
        directory,
        problem,
      });
    }
  }
  return listings;
}

async function namesIn(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new NarratorError('store_unavailable', `${root} cannot be read`, {}, { cause: error });
  }
}
