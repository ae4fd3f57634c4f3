/** The artifact store that the processes of one deployment share, and the places where jobs want their results. */
import { openFilesystemStore } from '../adapters/store-filesystem.ts';
import { NarratorError } from '../core/errors.ts';
import type { ArtifactStore } from '../core/ports.ts';
import type { OpenResults } from '../core/results.ts';
import type { Config } from './config.ts';

export interface SharedStore {
  readonly store: ArtifactStore;
  readonly openResults: OpenResults;
}

/** @throws NarratorError config_invalid where no store is named; store_unavailable, store_full, store_unsafe */
export async function openStore({ store: where }: Pick<Config, 'store'>): Promise<SharedStore> {
  if (where === undefined) {
    throw new NarratorError('config_invalid', 'NARRATOR_STORE is not set: workers need the store that holds the jobs.');
  }
  const store = await openFilesystemStore({ root: where.path });
  return { store, openResults: resultsBeside(store) };
}

/** Folders that jobs name are opened once each: opening one probes its file system. */
function resultsBeside(store: ArtifactStore): OpenResults {
  const folders = new Map<string, Promise<ArtifactStore>>();
  const openFolder = (path: string) => {
    const opened = folders.get(path) ?? openFilesystemStore({ root: path });
    folders.set(path, opened);
    // One that failed is tried again by the next shard.
    opened.catch(() => folders.delete(path));
    return opened;
  };
  return async (destination) => {
    if (destination.kind === 'store') return { store, prefix: destination.prefix };
    return { store: await openFolder(destination.path), prefix: '' };
  };
}
