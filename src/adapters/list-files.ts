/** The files below a folder as keys, in the order in which S3 lists them. */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsent } from './file-errors.ts';

export interface ListFilesOptions {
  /** keys must start with it */
  readonly prefix: string;
  /** keys must come after it */
  readonly startAfter: string;
  /** folders that are not part of it */
  readonly isHidden: (key: string) => boolean;
}

/**
 * In ascending order of key by UTF-8 bytes. Holds one folder a level in memory, and reads no folder that cannot hold a key that is
 * asked for. Symbolic links are left out.
 */
export async function* listFiles(root: string, options: ListFilesOptions, base = ''): AsyncGenerator<string> {
  const { prefix, startAfter, isHidden } = options;
  for (const { key, isFolder } of await entriesOf(root, base, prefix)) {
    if (!isFolder) {
      if (key.startsWith(prefix) && compareUtf8(key, startAfter) > 0) yield key;
      continue;
    }
    const below = `${key}/`;
    const canMatch = below.startsWith(prefix) || prefix.startsWith(below);
    const isPast = compareUtf8(below, startAfter) < 0 && !startAfter.startsWith(below);
    if (canMatch && !isPast && !isHidden(key)) yield* listFiles(root, options, below);
  }
}

interface Entry {
  readonly key: string;
  readonly isFolder: boolean;
}

/** A folder sorts as its keys do: by its name and a slash. */
async function entriesOf(root: string, base: string, prefix: string): Promise<Entry[]> {
  const entries: (Entry & { order: Buffer })[] = [];
  for (const entry of await readFolder(join(root, base), onlyName(base, prefix))) {
    const isFolder = entry.isDirectory();
    if (!isFolder && !entry.isFile()) continue;
    entries.push({ key: base + entry.name, isFolder, order: Buffer.from(isFolder ? `${entry.name}/` : entry.name) });
  }
  return entries.sort((a, b) => Buffer.compare(a.order, b.order));
}

/** The one name of this folder that can be on the way to the prefix, if the prefix goes on below it. */
function onlyName(base: string, prefix: string): string | undefined {
  if (!prefix.startsWith(base)) return undefined;
  const slash = prefix.indexOf('/', base.length);
  return slash < 0 ? undefined : prefix.slice(base.length, slash);
}

async function readFolder(path: string, only: string | undefined): Promise<Dirent[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return only === undefined ? entries : entries.filter(({ name }) => name === only);
  } catch (error) {
    // deleted since its parent was read
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** As their UTF-8 bytes compare: JavaScript's own order differs beyond U+FFFF. */
function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
