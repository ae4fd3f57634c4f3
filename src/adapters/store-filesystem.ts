/**
 * The artifact store on a folder. An object is a file; its key is its path below the root.
 *
 * A put writes a temporary file, flushes it, and gives it its name in one step: link(2), which fails if there is a file, for
 * put-if-absent, rename(2) otherwise; then the folder is flushed. Compare-and-swap holds a lock (file-lock.ts) between looking and
 * renaming; objects that are swapped are written by conditional puts only. Temporary files of killed processes are swept when a
 * store is opened.
 *
 * For processes of one machine (and one process namespace): several machines share an S3 store. Symbolic links below the root
 * are followed as long as they stay below it, and refused when they leave it or are objects themselves.
 */
import { createHash, randomUUID } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  unlink,
  utimes,
} from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { NarratorError } from '../core/errors.ts';
import { checkKey } from '../core/keys.ts';
import type { ArtifactStore, Etag, ObjectHead, PutBody, PutOptions, PutResult, StoredObject } from '../core/ports.ts';
import { errorCode, isAbsent, storeError } from './file-errors.ts';
import { BodyFailure, chunksOf, flush, flushFolders, writeFlushed } from './file-io.ts';
import { withFileLock } from './file-lock.ts';
import { listFiles } from './list-files.ts';
import { isAlive, ownIdentity } from './process-identity.ts';

export interface FilesystemStoreOptions {
  /** created if absent */
  readonly root: string;
  /** folder for temporary files and locks, on the same file system; default `<root>/.tmp`. Never listed. */
  readonly temporary?: string;
}

/**
 * Opens a store, and sweeps what killed processes left in its temporary folder.
 * @throws NarratorError store_unavailable, store_full; store_unsafe where the file system has no hard links
 */
export async function openFilesystemStore(options: FilesystemStoreOptions): Promise<ArtifactStore> {
  const root = resolve(options.root);
  const temporary = resolve(options.temporary ?? join(root, '.tmp'));
  try {
    await mkdir(root, { recursive: true });
    await mkdir(temporary, { recursive: true });
    await sweep(temporary);
    const identity = await ownIdentity();
    const store = new FilesystemStore(await realpath(root), await realpath(temporary), identity);
    await store.probe();
    return store;
  } catch (error) {
    throw storeError(error, `The folder ${root}`, 'used as a store');
  }
}

/** Hexadecimal digits: 4096 locks, which stay. Two objects that share one wait for each other, and nobody holds two. */
const LOCK_NAME_LENGTH = 3;

const TEMPORARY_NAME = /^(\d+-\d+)\.[0-9a-f-]{36}\.tmp$/;

async function sweep(temporary: string): Promise<void> {
  for (const name of await readdir(temporary)) {
    const identity = TEMPORARY_NAME.exec(name)?.[1];
    if (identity !== undefined && !(await isAlive(identity))) await rm(join(temporary, name), { force: true });
  }
}

class FilesystemStore implements ArtifactStore {
  readonly #root: string;
  readonly #temporary: string;
  readonly #identity: string;
  /** key of the temporary folder if it lies below the root */
  readonly #reserved: string | undefined;

  /** All paths without symbolic links. */
  constructor(root: string, temporary: string, identity: string) {
    this.#root = root;
    this.#temporary = temporary;
    this.#identity = identity;
    const below = relative(root, temporary).split(sep).join('/');
    this.#reserved = below === '' || below.startsWith('..') ? undefined : below;
  }

  /** A file system that takes no hard links, or a temporary folder on another one, is found out before anything depends on it. */
  async probe(): Promise<void> {
    const [first, second] = [this.#temporaryPath(), this.#temporaryPath()];
    try {
      await (await open(first, 'wx')).close();
      await link(first, second);
    } catch (cause) {
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errorCode(cause) ?? '')) throw cause;
      const message = `The file system of ${this.#root} has no hard links, without which nothing can be written exactly once.`;
      throw new NarratorError('store_unsafe', message, { hint: 'Use a folder on a local file system.' }, { cause });
    } finally {
      await rm(first, { force: true });
      await rm(second, { force: true });
    }
    const [root, temporary] = await Promise.all([lstat(this.#root), lstat(this.#temporary)]);
    if (root.dev !== temporary.dev) {
      throw new NarratorError('store_unsafe', `${this.#temporary} is on another file system than ${this.#root}.`, {
        hint: 'Choose a folder for temporary files on the same file system.',
      });
    }
  }

  async get(key: string): Promise<StoredObject | undefined> {
    const file = await this.#open(key);
    if (file === undefined) return undefined;
    try {
      return { bytes: await file.handle.readFile(), etag: etagOf(file.stats) };
    } catch (error) {
      throw storeError(error, `The object ${key}`, 'read');
    } finally {
      await file.handle.close();
    }
  }

  async read(
    key: string,
    { start = 0, end = Infinity }: { start?: number; end?: number } = {},
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    const file = await this.#open(key);
    return file === undefined ? undefined : chunksOf(file.handle, key, start, Math.min(end, Number(file.stats.size)));
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    try {
      return headOf(key, await lstat(await this.#pathOf(key), { bigint: true }));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw storeError(error, `The object ${key}`, 'read');
    }
  }

  async put(key: string, body: PutBody, options: PutOptions = {}): Promise<PutResult> {
    const path = await this.#pathOf(key);
    if (options.ifAbsent === true && (await this.#isThere(path, key))) return { status: 'exists' };
    const temporary = this.#temporaryPath();
    try {
      const stats = await writeFlushed(temporary, body, options.signal);
      return await this.#name(temporary, path, stats, options);
    } catch (error) {
      if (error instanceof BodyFailure) throw error.cause;
      throw storeError(error, `The object ${key}`, 'written');
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async delete(key: string): Promise<void> {
    const path = await this.#pathOf(key);
    try {
      await unlink(path);
    } catch (error) {
      if (isAbsent(error) || (await isFolder(path))) return;
      throw storeError(error, `The object ${key}`, 'deleted');
    }
    await this.#removeEmptyFolders(dirname(path));
  }

  async *list(prefix: string, { startAfter = '' }: { startAfter?: string } = {}): AsyncIterable<ObjectHead> {
    try {
      const isHidden = (key: string) => key === this.#reserved;
      for await (const key of listFiles(this.#root, { prefix, startAfter, isHidden })) {
        const stats = await lstat(join(this.#root, key), { bigint: true }).catch((error: unknown) => {
          // deleted since its folder was read
          if (isAbsent(error)) return undefined;
          throw error;
        });
        const head = stats === undefined ? undefined : headOf(key, stats);
        if (head !== undefined) yield head;
      }
    } catch (error) {
      throw storeError(error, `The list of ${JSON.stringify(prefix)}`, 'read');
    }
  }

  // -------------------------------------------------------------- from key to path

  /** @throws NarratorError key_invalid for a key that would leave the root, be it through a symbolic link */
  async #pathOf(key: string): Promise<string> {
    checkKey(key);
    if (this.#reserved !== undefined && (key === this.#reserved || key.startsWith(`${this.#reserved}/`))) {
      throw new NarratorError('key_invalid', `The key ${JSON.stringify(key)} is in the store's own temporary folder.`);
    }
    const path = join(this.#root, key);
    const folder = await realFolder(dirname(path));
    if (folder === this.#root || folder.startsWith(this.#root + sep)) return path;
    throw new NarratorError('key_invalid', `The key ${JSON.stringify(key)} leaves the store through a symbolic link.`);
  }

  #temporaryPath(): string {
    return join(this.#temporary, `${this.#identity}.${randomUUID()}.tmp`);
  }

  async #open(key: string): Promise<{ handle: FileHandle; stats: BigIntStats } | undefined> {
    const path = await this.#pathOf(key);
    let handle: FileHandle | undefined;
    try {
      // The object itself must not be a symbolic link: this one fails with ELOOP.
      handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      const stats = await handle.stat({ bigint: true });
      if (stats.isFile()) return { handle, stats };
      await handle.close();
      return undefined;
    } catch (error) {
      await handle?.close();
      if (isAbsent(error)) return undefined;
      throw storeError(error, `The object ${key}`, 'read');
    }
  }

  async #isThere(path: string, key: string): Promise<boolean> {
    try {
      const stats = await lstat(path);
      if (!stats.isDirectory()) return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw storeError(error, `The object ${key}`, 'written');
    }
    throw new NarratorError('key_invalid', `The object ${key} could not be written: objects lie below that name.`);
  }

  // -------------------------------------------------------------- the one step

  async #name(temporary: string, path: string, stats: BigIntStats, options: PutOptions): Promise<PutResult> {
    if (options.ifAbsent === true) {
      try {
        await this.#intoFolder(path, () => link(temporary, path));
      } catch (error) {
        if (errorCode(error) === 'EEXIST') return { status: 'exists' };
        throw error;
      }
      return { status: 'written', etag: etagOf(stats) };
    }
    if (options.ifMatch !== undefined) return this.#swap(temporary, path, options.ifMatch);
    await this.#intoFolder(path, () => rename(temporary, path));
    return { status: 'written', etag: etagOf(stats) };
  }

  #swap(temporary: string, path: string, expected: Etag): Promise<PutResult> {
    const name = createHash('sha256').update(relative(this.#root, path)).digest('hex').slice(0, LOCK_NAME_LENGTH);
    const lock = {
      folder: join(this.#temporary, 'locks', name),
      identity: this.#identity,
      temporaryPath: () => this.#temporaryPath(),
    };
    return withFileLock(lock, async () => {
      const there = await lstat(path, { bigint: true }).catch((error: unknown) => {
        if (isAbsent(error)) return undefined;
        throw error;
      });
      if (there === undefined || !there.isFile() || etagOf(there) !== expected) return { status: 'changed' };
      const stats = await laterThan(there, temporary);
      await this.#intoFolder(path, () => rename(temporary, path));
      return { status: 'written', etag: etagOf(stats) };
    });
  }

  /** Folders come with the first object in them and go with the last one, whoever deletes that: hence the further tries. */
  async #intoFolder(path: string, name: () => Promise<void>): Promise<void> {
    const folder = dirname(path);
    for (let attempt = 1; ; attempt++) {
      try {
        await name();
        break;
      } catch (error) {
        if (errorCode(error) !== 'ENOENT' || attempt > FOLDER_TRIES_MAX) throw error;
        await createFolder(folder);
      }
    }
    await flush(folder);
  }

  async #removeEmptyFolders(folder: string): Promise<void> {
    for (let at = folder; at.startsWith(this.#root + sep); at = dirname(at)) {
      try {
        await rmdir(at);
      } catch {
        // Not empty, in use by another writer, or a symbolic link: it stays.
        return;
      }
    }
  }
}

/** Two writers and a deleter of one folder may get in each other's way for a while. */
const FOLDER_TRIES_MAX = 50;

/** Unless a folder on the way is removed meanwhile, as the last object below it was deleted. */
async function createFolder(folder: string): Promise<void> {
  try {
    const firstCreated = await mkdir(folder, { recursive: true });
    if (firstCreated !== undefined) await flushFolders(dirname(folder), dirname(firstCreated));
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

// ---------------------------------------------------------------- files

/**
 * Every put makes a new file, so its number, time and size tell versions apart without reading the content, which lists and long
 * audio could not afford. Swapped objects are given rising times, see laterThan.
 */
const etagOf = ({ ino, size, mtimeNs }: BigIntStats): Etag => `${ino}-${size}-${mtimeNs}`;

/**
 * File numbers are used again and clocks tick in milliseconds: gives the new version a time behind the one that it replaces, so that a
 * version never comes back. Called under the lock.
 */
async function laterThan(there: BigIntStats, path: string): Promise<BigIntStats> {
  const stats = await lstat(path, { bigint: true });
  if (stats.mtimeNs > there.mtimeNs) return stats;
  const seconds = Number(there.mtimeNs / 1_000_000n) / 1000 + 0.002;
  await utimes(path, seconds, seconds);
  return lstat(path, { bigint: true });
}

function headOf(key: string, stats: BigIntStats): ObjectHead | undefined {
  if (!stats.isFile()) return undefined;
  return { key, size: Number(stats.size), etag: etagOf(stats), modifiedAt: stats.mtime };
}

/** The real path of a folder, or of its nearest ancestor that exists. */
async function realFolder(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    try {
      return await realpath(at);
    } catch (error) {
      if (!isAbsent(error)) throw storeError(error, `The folder ${at}`, 'used');
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
