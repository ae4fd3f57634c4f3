/**
 * A lock among the processes of one machine that a killed holder cannot keep. Node has no flock(2), and a lock file that is
 * deleted when it looks stale can be deleted under the feet of the next holder. So nothing that counts is ever deleted:
 *
 * A lock is a folder of files named by rising numbers; the one with the highest number counts. It holds the identity of its
 * holder, or `free`. Whoever finds it free, or its holder dead, links the next number: link(2) fails for all but one. As a slow
 * process may link a number that others have left behind, it looks again whether its number is the highest before it believes.
 * The holder deletes the lower numbers, and frees the lock by replacing its own file.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NarratorError } from '../core/errors.ts';
import { errorCode, isAbsent } from './file-errors.ts';
import { isAlive } from './process-identity.ts';

const FREE = 'free';
const POLL_MS = 5;
const DEFAULT_TIMEOUT_MS = 10_000;

export interface FileLockOptions {
  /** of this lock alone; created if absent */
  readonly folder: string;
  /** of this process: ownIdentity() */
  readonly identity: string;
  /** path in a folder of the same file system for a new temporary file, unique */
  readonly temporaryPath: () => string;
  readonly timeoutMs?: number;
}

/** Runs `critical` alone. @throws NarratorError store_busy when others hold the lock all the time */
export async function withFileLock<T>(options: FileLockOptions, critical: () => Promise<T>): Promise<T> {
  const { folder, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  await mkdir(folder, { recursive: true });
  const giveUpAt = performance.now() + timeoutMs;
  // Tells two holders in one process apart.
  const holder = `${options.identity} ${randomUUID()}`;
  for (;;) {
    const number = await tryAcquire(holder, options);
    if (number !== undefined) {
      try {
        return await critical();
      } finally {
        await replaceFile(join(folder, String(number)), FREE, options);
      }
    }
    if (performance.now() > giveUpAt) {
      throw new NarratorError('store_busy', `A lock in the store was held by others for ${timeoutMs} ms.`);
    }
    await delay(POLL_MS * (0.5 + Math.random()));
  }
}

/** @returns the number that is ours, or undefined while somebody else holds the lock */
async function tryAcquire(holder: string, options: FileLockOptions): Promise<number | undefined> {
  const { folder } = options;
  const highest = Math.max(0, ...(await numbersIn(folder)));
  if (highest > 0 && !(await isAvailable(join(folder, String(highest))))) return undefined;

  const number = highest + 1;
  const path = join(folder, String(number));
  const temporary = options.temporaryPath();
  await writeFile(temporary, holder);
  try {
    await link(temporary, path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return undefined;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  const numbers = await numbersIn(folder);
  if (Math.max(...numbers) > number) {
    await rm(path, { force: true });
    return undefined;
  }
  for (const lower of numbers) if (lower < number) await rm(join(folder, String(lower)), { force: true });
  return number;
}

async function numbersIn(folder: string): Promise<number[]> {
  return (await readdir(folder)).map(Number).filter((number) => Number.isSafeInteger(number) && number > 0);
}

/** Free, or its holder is dead, or others have gone on already. */
async function isAvailable(path: string): Promise<boolean> {
  try {
    const holder = await readFile(path, 'utf8');
    return holder === FREE || !(await isAlive(holder.split(' ')[0] ?? ''));
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

async function replaceFile(path: string, content: string, { temporaryPath }: FileLockOptions): Promise<void> {
  const temporary = temporaryPath();
  await writeFile(temporary, content);
  await rename(temporary, path);
}
