/**
 * `models pull`: a published model's files, from Hugging Face, a mirror or a local folder, made into a model directory. What
 * arrived stays in `<name>.partial` until the model is whole: an interrupted pull goes on where it stopped.
 */
import { mkdir, readFile, stat, statfs, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { NarratorError } from '../../core/errors.ts';
import { verifyModel, type Model } from '../f5/model-directory.ts';
import { CATALOGUE, HUGGING_FACE, type CatalogueModel, type PublishedFile } from './catalogue.ts';
import { copyPublishedFile } from './copy-published-file.ts';
import { lockStage } from './lock-stage.ts';
import { acousticNetwork, checkWeights, importWeights, vocoderNetwork } from './model-weights.ts';
import {
  publishModel,
  stageOf,
  translateDiskError,
  VOCABULARY_FILE,
  VOCODER_FILE,
  WEIGHTS_FILE,
} from './publish-model.ts';
import { importVocabulary } from './vocabulary-file.ts';

/** How a file comes over the network: adapters/fetch-file.ts, handed in by the wiring. */
export type FetchFile = (request: {
  readonly url: string;
  readonly destination: string;
  readonly maxBytes: number;
  readonly expectedSha256?: string;
  readonly expectedBytes?: number;
  readonly token?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { receivedBytes: number; totalBytes: number | undefined }) => void;
}) => Promise<VerifiedFile>;

export interface VerifiedFile {
  readonly bytes: number;
  readonly sha256: string;
  /** what the checksum was compared with: the pin (catalogue or caller), what the server stated, or nothing */
  readonly verifiedBy: 'caller' | 'server' | 'nothing';
}

/** The published files by what they are. */
export type FileRole = 'weights' | 'vocabulary' | 'vocoder';

export type PullEvent =
  | {
      readonly event: 'fetching';
      readonly file: string;
      readonly receivedBytes: number;
      readonly totalBytes: number | undefined;
    }
  | ({ readonly event: 'fetched'; readonly file: string } & VerifiedFile)
  | { readonly event: 'building' };

export interface PullModelOptions {
  readonly modelsDirectory: string;
  readonly fetchFile: FetchFile;
  /** base URL in place of https://huggingface.co, with the same paths below it */
  readonly mirror?: string;
  /** a folder with the published files, in place of any server: flat, or with the paths of the repositories */
  readonly from?: string;
  /** access token for Hugging Face or the mirror */
  readonly token?: string;
  /** pins that override the catalogue's */
  readonly sha256?: Partial<Record<FileRole, string>>;
  readonly precision?: 'f32' | 'f16';
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: PullEvent) => void;
  /** what names are known; default: the built-in catalogue */
  readonly catalogue?: readonly CatalogueModel[];
}

export interface PulledModel {
  readonly model: Model;
  /** it was there before: every file was verified, nothing fetched */
  readonly alreadyThere: boolean;
  readonly files: readonly ({ readonly role: FileRole; readonly path: string } & VerifiedFile)[];
}

/** Largest files that are fetched where the size is not known beforehand. */
const MAX_BYTES: Readonly<Record<FileRole, number>> = {
  weights: 8 * 1024 ** 3,
  vocabulary: 8 * 1024 ** 2,
  vocoder: 1024 ** 3,
};

/** Names in the stage. The weights are used as they are published; the others are converted and then deleted. */
const STAGED: Readonly<Record<FileRole, string>> = {
  weights: WEIGHTS_FILE,
  vocabulary: 'published-vocab.txt',
  vocoder: 'published-vocoder.bin',
};
/** What is known of the stage's files: those without a pin need not be fetched twice either. */
const VERIFIED_FILE = 'verified.json';

/**
 * @throws NarratorError model_not_found (unknown name, or not in the local folder), download_failed, checksum_mismatch,
 *   model_invalid (the files do not fit the architecture), store_full, store_unavailable, store_busy, cancelled
 */
export async function pullModel(name: string, options: PullModelOptions): Promise<PulledModel> {
  const published = findPublished(name, options.catalogue ?? CATALOGUE);
  const directory = resolve(options.modelsDirectory, published.settings.id);
  try {
    if (await isThere(directory)) return { model: await verifyModel(directory), alreadyThere: true, files: [] };
    const stage = stageOf(directory);
    await mkdir(stage, { recursive: true });
    await using _lock = await lockStage(stage);
    return await pullInto(stage, directory, published, options);
  } catch (error) {
    throw translateDiskError(error);
  }
}

async function pullInto(
  stage: string,
  directory: string,
  published: CatalogueModel,
  options: PullModelOptions,
): Promise<PulledModel> {
  const { settings, attribution } = published;
  const { signal, precision, onEvent } = options;
  await refuseFullDisk(stage, published, precision);

  const files: PulledModel['files'][number][] = [];
  for (const role of ['vocabulary', 'vocoder', 'weights'] as const) {
    const file = await fetchRole(role, published[role], stage, options);
    files.push({ role, path: published[role].path, ...file });
    onEvent?.({ event: 'fetched', file: published[role].path, ...file });
  }

  onEvent?.({ event: 'building' });
  const cancel = signal === undefined ? {} : { signal };
  const staged = (role: FileRole): string => join(stage, STAGED[role]);
  await importVocabulary(staged('vocabulary'), join(stage, VOCABULARY_FILE), settings.architecture.text_num_embeds);
  await importWeights(staged('vocoder'), join(stage, VOCODER_FILE), vocoderNetwork(settings.vocoder), cancel);
  await checkWeights(staged('weights'), acousticNetwork(settings.architecture));
  const model = await publishModel(stage, directory, {
    settings,
    attribution,
    leftovers: [STAGED.vocabulary, STAGED.vocoder, VERIFIED_FILE],
    ...cancel,
    ...(precision === undefined ? {} : { precision }),
  });
  return { model, alreadyThere: false, files };
}

async function fetchRole(
  role: FileRole,
  file: PublishedFile,
  stage: string,
  options: PullModelOptions,
): Promise<VerifiedFile> {
  const destination = join(stage, STAGED[role]);
  const verified = await readVerified(stage);
  const pin = options.sha256?.[role] ?? file.sha256;
  const expectedSha256 = pin ?? verified[role]?.sha256;
  const request = {
    destination,
    maxBytes: MAX_BYTES[role],
    // a pin of the caller's own may be of another file than the catalogue's
    ...(file.bytes === undefined || options.sha256?.[role] !== undefined ? {} : { expectedBytes: file.bytes }),
    ...(expectedSha256 === undefined ? {} : { expectedSha256 }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onProgress: (progress: { receivedBytes: number; totalBytes: number | undefined }) =>
      options.onEvent?.({ event: 'fetching', file: file.path, ...progress }),
  };
  const fetched =
    options.from === undefined
      ? await options.fetchFile({ ...request, url: urlOf(file, options.mirror), ...tokenOf(options) })
      : await copyPublishedFile({ ...request, file, folder: options.from });
  // what an earlier call learnt stands in for a pin; it is no better for that
  const result = pin === undefined && fetched.verifiedBy === 'caller' ? (verified[role] ?? fetched) : fetched;
  await writeFile(join(stage, VERIFIED_FILE), JSON.stringify({ ...verified, [role]: result }));
  return result;
}

function findPublished(name: string, catalogue: readonly CatalogueModel[]): CatalogueModel {
  const found = catalogue.find((entry) => entry.settings.id === name);
  if (found !== undefined) return found;
  const known = catalogue.map((entry) => entry.settings.id).join(', ');
  throw new NarratorError(
    'model_not_found',
    `No published model is called ${JSON.stringify(name)}; known are: ${known}`,
    {
      hint: 'Pull one of the known models, or make one of a checkpoint with `narrator models build`.',
    },
  );
}

/** As Hugging Face lays out its repositories: https://huggingface.co/docs/hub/models-downloading */
export function urlOf(file: PublishedFile, mirror: string = HUGGING_FACE): string {
  return `${mirror.replace(/\/+$/, '')}/${file.repository}/resolve/${file.revision}/${file.path}`;
}

function tokenOf({ token }: PullModelOptions): { token?: string } {
  return token === undefined ? {} : { token };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function readVerified(stage: string): Promise<Partial<Record<FileRole, VerifiedFile>>> {
  try {
    return JSON.parse(await readFile(join(stage, VERIFIED_FILE), 'utf8')) as Partial<Record<FileRole, VerifiedFile>>;
  } catch {
    return {}; // the first time, or cut off by a crash: then files without a pin are fetched again
  }
}

/** A full disk is better known before an hour of download than after. */
async function refuseFullDisk(
  stage: string,
  published: CatalogueModel,
  precision: 'f32' | 'f16' | undefined,
): Promise<void> {
  const { weights, vocoder } = published;
  if (weights.bytes === undefined || vocoder.bytes === undefined) return;
  let needed = weights.bytes * (precision === 'f16' ? 1.75 : 1) + 2 * vocoder.bytes;
  for (const path of [STAGED.weights, `${STAGED.weights}.part`]) {
    needed -= await stat(join(stage, path)).then(
      (found) => found.size,
      () => 0,
    );
  }
  const { bavail, bsize } = await statfs(stage);
  if (bavail * bsize < needed) {
    const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
    throw new NarratorError(
      'store_full',
      `${stage} needs ${megabytes(needed)}, but ${megabytes(bavail * bsize)} are free`,
    );
  }
}
