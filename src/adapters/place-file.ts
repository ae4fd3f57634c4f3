/** Copies a file to where a person wants it: it appears whole or not at all. */
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { storeError } from './file-errors.ts';

/** Replaces what is there. @throws NarratorError store_full, store_unavailable */
export async function placeFile(source: string, destination: string): Promise<void> {
  const target = resolve(destination);
  const partial = `${target}.${process.pid}.partial`;
  try {
    await mkdir(dirname(target), { recursive: true });
    await copyFile(source, partial);
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw storeError(error, `The file ${destination}`, 'written');
  }
}
