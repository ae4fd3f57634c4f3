/** The artifact store that the processes of one deployment share, and the places where jobs want their results. */
import type { S3ArtifactStore } from '../adapters/store-s3.ts';
import { openFilesystemStore } from '../adapters/store-filesystem.ts';
import { NarratorError } from '../core/errors.ts';
import type { ResultsDestination } from '../core/job.ts';
import type { ArtifactStore } from '../core/ports.ts';
import type { OpenResults } from '../core/results.ts';
import type { Config, S3Access } from './config.ts';

export interface SharedStore {
  readonly store: ArtifactStore;
  readonly openResults: OpenResults;
  /**
   * An address from which an object of a job's results can be downloaded without a key of ours, for a while. Undefined where the
   * store has no such addresses: then it must be read through `openResults`.
   */
  readonly downloadUrl: (
    results: ResultsDestination,
    key: string,
    options: { expiresSeconds: number; downloadName?: string },
  ) => Promise<string | undefined>;
  /** Opens a bucket that a job names. @throws NarratorError bucket_not_allowed, store_unavailable, store_unsafe */
  readonly openBucket: (bucket: string, prefix: string) => Promise<ArtifactStore>;
  /** Closes idle connections. Idempotent. */
  readonly close: () => Promise<void>;
}

/** @throws NarratorError config_invalid where no store is named; store_unavailable, store_full, store_unsafe */
export async function openStore(config: Pick<Config, 'store' | 's3' | 'buckets'>): Promise<SharedStore> {
  const { store: where } = config;
  if (where === undefined) {
    throw new NarratorError('config_invalid', 'NARRATOR_STORE is not set: name the store that holds the jobs.');
  }
  const buckets = new Buckets(config);
  const store =
    where.kind === 's3'
      ? await buckets.open(where.bucket, where.prefix)
      : await openFilesystemStore({ root: where.path });
  const folders = remembered((path: string) => openFilesystemStore({ root: path }));
  return {
    store,
    openResults: async (destination) => {
      if (destination.kind === 'store') return { store, prefix: destination.prefix };
      if (destination.kind === 'folder') return { store: await folders(destination.path), prefix: '' };
      return { store: await buckets.open(destination.bucket, ''), prefix: destination.prefix };
    },
    downloadUrl: async (destination, key, options) => {
      const bucket =
        destination.kind === 's3'
          ? await buckets.open(destination.bucket, '')
          : destination.kind === 'store' && where.kind === 's3'
            ? await buckets.open(where.bucket, where.prefix)
            : undefined;
      return bucket?.presignGet(key, options);
    },
    openBucket: (bucket, prefix) => buckets.open(bucket, prefix),
    close: () => buckets.close(),
  };
}

/** Buckets that may be used, each opened once: opening one probes whether it honours conditions. */
class Buckets {
  readonly #config: Pick<Config, 'store' | 's3' | 'buckets'>;
  readonly #opened: S3ArtifactStore[] = [];
  readonly #openOnce: (place: string) => Promise<S3ArtifactStore>;

  constructor(config: Pick<Config, 'store' | 's3' | 'buckets'>) {
    this.#config = config;
    this.#openOnce = remembered(async (place) => {
      // Its package is large, and folders need none of it.
      const { openS3Store } = await import('../adapters/store-s3.ts');
      const [bucket = '', ...prefix] = place.split('/');
      const store = await openS3Store({ bucket, prefix: prefix.join('/'), ...s3Options(this.#config.s3) });
      this.#opened.push(store);
      return store;
    });
  }

  /** With an empty prefix the whole bucket is opened: whoever names keys in it has checked them. */
  async open(bucket: string, prefix: string): Promise<S3ArtifactStore> {
    const { store, buckets } = this.#config;
    const isOwn = store?.kind === 's3' && store.bucket === bucket;
    if (!isOwn && !buckets.some((allowed) => allowed.split('/')[0] === bucket)) {
      throw new NarratorError('bucket_not_allowed', `The bucket ${bucket} is not one that jobs may use.`, {
        field: 'bucket',
      });
    }
    return this.#openOnce(prefix === '' ? bucket : `${bucket}/${prefix}`);
  }

  async close(): Promise<void> {
    for (const store of this.#opened.splice(0)) await store.close();
  }
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
function remembered<T>(make: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (name) => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const making = make(name);
    made.set(name, making);
    making.catch(() => made.delete(name));
    return making;
  };
}
