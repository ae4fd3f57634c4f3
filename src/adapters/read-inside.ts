/** Files that a client may name, inside of one folder and nowhere else. */
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { isAbsolute, resolve, sep } from 'node:path';
import type { NarratorError } from '../core/errors.ts';

export interface InsideOptions {
  /** the error for a name that cannot be used; `why` reads on from the name */
  readonly refuse: (why: string) => NarratorError;
}

/** Real path of `name` below `folder`; links may lead about inside of it, not out of it. */
export async function pathInside(folder: string, name: string, { refuse }: InsideOptions): Promise<string> {
  if (isAbsolute(name) || name.includes('\0')) throw refuse('is not a relative path');
  const root = await realpath(folder);
  const target = await realpath(resolve(root, name)).catch(() => {
    throw refuse('does not exist');
  });
  if (!target.startsWith(root.endsWith(sep) ? root : root + sep))
    throw refuse('lies outside of the folder that may be read');
  return target;
}

/** @param options.tooLarge the error for a file of that many bytes */
export async function readInside(
  folder: string,
  name: string,
  options: InsideOptions & { readonly maxBytes: number; readonly tooLarge: (bytes: number) => NarratorError },
): Promise<Uint8Array> {
  const path = await pathInside(folder, name, options);
  // Opening a named pipe would wait for its writer for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const entry = await file.stat();
    if (!entry.isFile()) throw options.refuse('is not a file');
    if (entry.size > options.maxBytes) throw options.tooLarge(entry.size);
    return await file.readFile();
  } finally {
    await file.close();
  }
}
