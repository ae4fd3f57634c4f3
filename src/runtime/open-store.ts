/** The artifact store that the processes of one deployment share, and the places in S3 that jobs name. */
import { openFilesystemStore } from '../adapters/store-filesystem.ts';
import type { S3ArtifactStore } from '../adapters/store-s3.ts';
import { NarratorError } from '../core/errors.ts';
import type { ResultsDestination } from '../core/job.ts';
import type { ArtifactStore } from '../core/ports.ts';
import type { OpenResults } from '../core/results.ts';
import { checkAllowedPlace, type S3Place } from './allowed-buckets.ts';
import type { Config, S3Access } from './config.ts';

export interface SharedStore {
  readonly store: ArtifactStore;
  /** @throws NarratorError bucket_not_allowed, store_unavailable, store_unsafe */
  readonly openResults: OpenResults;
  /**
   * An address from which an object of a job's results can be downloaded without a key of ours, for a while; `key` as in the place that
   * `openResults` gives. Undefined where the store has no such addresses: then it must be read.
   */
  readonly downloadUrl: (
    results: ResultsDestination,
    key: string,
    options: { expiresSeconds: number; downloadName?: string },
  ) => Promise<string | undefined>;
  readonly openPlace: OpenPlace;
  /** Closes idle connections. Idempotent. */
  readonly close: () => Promise<void>;
}

/**
 * Opens the folder of NARRATOR_BUCKETS in which a place lies; `key` is the place as seen from there. Nothing above that folder can be reached
 * through it. `field` is what the place came in, for messages.
 * @throws NarratorError bucket_not_allowed; store_unavailable and, unless it is only read, store_unsafe
 */
export type OpenPlace = (
  field: string,
  place: S3Place,
  use: 'read' | 'write',
) => Promise<{ readonly store: S3ArtifactStore; readonly key: string }>;

type OpenStoreConfig = Pick<Config, 'store' | 's3' | 'buckets'>;

/** @throws NarratorError config_invalid where no store is named; store_unavailable, store_full, store_unsafe */
export async function openStore(config: OpenStoreConfig): Promise<SharedStore> {
  const { store: where } = config;
  if (where === undefined) {
    throw new NarratorError('config_invalid', 'NARRATOR_STORE is not set: name the store that holds the jobs.');
  }
  const opened: S3ArtifactStore[] = [];
  const openBucket = async (bucket: string, prefix: string, use: 'read' | 'write') => {
    // Its package is large, and folders need none of it.
    const { openS3Store } = await import('../adapters/store-s3.ts');
    const store = await openS3Store({ bucket, prefix, ...s3Options(config.s3) }, { readOnly: use === 'read' });
    opened.push(store);
    return store;
  };
  /** As many as NARRATOR_BUCKETS has entries, twice at most. */
  const buckets = new Once<S3ArtifactStore>();
  const openPlace: OpenPlace = async (field, place, use) => {
    const { folder, key } = checkAllowedPlace(field, place, config);
    const name = `${use} ${place.bucket}/${folder}`;
    return { store: await buckets.get(name, () => openBucket(place.bucket, folder, use)), key };
  };
  const localFolders = new Once<ArtifactStore>();
  const localFolder = (path: string) => localFolders.get(path, () => openFilesystemStore({ root: path }));
  let own: S3ArtifactStore | undefined;
  const store =
    where.kind === 'filesystem'
      ? await localFolder(where.path)
      : (own = await openBucket(where.bucket, where.prefix, 'write'));
  return {
    store,
    openPlace,
    openResults: async (destination) => {
      if (destination.kind === 'store') return { store, prefix: destination.prefix };
      if (destination.kind === 'folder') return { store: await localFolder(destination.path), prefix: '' };
      const place = await openPlace('results', { bucket: destination.bucket, key: destination.prefix }, 'write');
      return { store: place.store, prefix: place.key };
    },
    downloadUrl: async (destination, key, options) => {
      if (destination.kind === 'store') return own?.presignGet(key, options);
      if (destination.kind === 'folder') return undefined;
      const place = await openPlace('results', { bucket: destination.bucket, key: destination.prefix }, 'read');
      return place.store.presignGet(key, options);
    },
    close: async () => {
      for (const bucket of opened.splice(0)) await bucket.close();
    },
  };
}

export function s3Options({ region, endpoint, publicEndpoint, pathStyle, encryption, kmsKey }: S3Access) {
  return {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(publicEndpoint !== undefined && { publicEndpoint }),
    forcePathStyle: pathStyle,
    ...(encryption === 'AES256' && { serverSideEncryption: { algorithm: encryption } as const }),
    ...(encryption === 'aws:kms' && {
      serverSideEncryption: { algorithm: encryption, ...(kmsKey !== undefined && { keyId: kmsKey }) } as const,
    }),
  };
}

/** The same promise for the same name; one that failed is tried again by whoever asks next. */
class Once<T> {
  readonly #made = new Map<string, Promise<T>>();

  get(name: string, make: () => Promise<T>): Promise<T> {
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const making = make();
    this.#made.set(name, making);
    making.catch(() => this.#made.delete(name));
    return making;
  }
}
