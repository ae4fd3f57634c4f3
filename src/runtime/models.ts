/** Models as the entry points use them: the engine's functions, with the network and the command line's forms wired in. */
import { fetchFile } from '../adapters/fetch-file.ts';
import { NarratorError } from '../core/errors.ts';
import { verifyModel } from '../engine/f5/model-directory.ts';
import { buildModel, buildRandomModel, type BuildRandomModelOptions } from '../engine/models/build-model.ts';
import { CATALOGUE, type CatalogueModel } from '../engine/models/catalogue.ts';
import { findModelDirectory, listModels } from '../engine/models/list-models.ts';
import { pullModel, type PullModelOptions } from '../engine/models/pull-model.ts';

export interface CheckpointOptions {
  readonly id: string;
  /** name of a published model with the same architecture */
  readonly like: string;
  readonly licence: string;
  readonly weights: string | undefined;
  readonly vocoder: string | undefined;
  readonly vocabulary: string | undefined;
  readonly precision?: 'f32' | 'f16';
  readonly signal?: AbortSignal;
}

export const models = {
  list: listModels,
  find: findModelDirectory,

  /** @throws NarratorError model_not_found */
  published(name: string): CatalogueModel {
    const found = CATALOGUE.find(({ settings }) => settings.id === name);
    if (found) return found;
    const known = CATALOGUE.map(({ settings }) => settings.id).join(', ');
    throw new NarratorError('model_not_found', `No published model is called "${name}"; there are: ${known}.`);
  },

  pull: (name: string, options: Omit<PullModelOptions, 'fetchFile'>) => pullModel(name, { ...options, fetchFile }),

  verify: (directory: string, onFile: (file: { path: string }) => void) => verifyModel(directory, { onFile }),

  /** @throws NarratorError usage naming the files that were not given */
  async buildFromCheckpoint(directory: string, options: CheckpointOptions) {
    const { id, like, licence, weights, vocoder, vocabulary, ...rest } = options;
    if (weights === undefined || vocoder === undefined || vocabulary === undefined) {
      const missing = Object.entries({ weights, vocoder, vocabulary }).filter(([, path]) => path === undefined);
      const flags = missing.map(([name]) => `--${name}`).join(', ');
      throw new NarratorError(
        'usage',
        `Not given: ${flags}. A checkpoint is built of three files (or use --random SIZE).`,
      );
    }
    const { settings } = models.published(like);
    return buildModel(directory, {
      ...rest,
      weights,
      vocoder,
      vocabulary,
      settings: {
        ...settings,
        id,
        name: id,
        description: `Built from a checkpoint with the architecture of ${settings.name}.`,
        licence: { name: licence, note: 'As stated when the model was built.', commercialUse: false },
      },
    });
  },

  async buildRandom(
    directory: string,
    options: Omit<BuildRandomModelOptions, 'seed' | 'size'> & { size: string; seed: string },
  ) {
    const { size, seed, ...rest } = options;
    if (size !== 'tiny' && size !== 'f5-tts-v1-base') {
      throw new NarratorError('usage', `--random is "${size}"; there are "tiny" and "f5-tts-v1-base".`, {
        field: 'random',
      });
    }
    if (!/^\d{1,10}$/.test(seed)) {
      throw new NarratorError('usage', `--seed is "${seed}"; it must be a whole number of at most 10 digits.`, {
        field: 'seed',
      });
    }
    return buildRandomModel(directory, { ...rest, size, seed: Number(seed) });
  },
};
