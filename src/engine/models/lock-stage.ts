/** One pull at a time in one stage: two processes that append to the same partial file would spoil it for both. */
import { open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { NarratorError } from '../../core/errors.ts';

/** What this process holds. Its own id in a file proves nothing: after a restart a container counts from 1 again. */
const held = new Set<string>();

/**
 * The lock of a process that is gone (killed in the middle) is taken over.
 * @throws NarratorError store_busy
 */
export async function lockStage(stage: string): Promise<AsyncDisposable> {
  const path = `${stage}.lock`; // beside it: the stage itself becomes the model
  const owner = `${process.pid}@${hostname()}`;
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(owner);
      await file.close();
      held.add(path);
      return {
        [Symbol.asyncDispose]: async () => {
          held.delete(path);
          await rm(path, { force: true });
        },
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = await readFile(path, 'utf8').catch(() => '');
      if (held.has(path) || isAlive(holder)) {
        throw new NarratorError('store_busy', `Another process (${holder}) works on ${basename(stage)}`, {
          hint: `Wait for it; if it is gone for certain, delete ${path}.`,
        });
      }
      await rm(path, { force: true });
    }
  }
  throw new NarratorError('store_busy', `Another process works on ${basename(stage)}`);
}

/** On another machine (a shared folder) one cannot know: then it counts as alive. */
function isAlive(holder: string): boolean {
  const [pid, host] = holder.split('@');
  if (host !== undefined && host !== hostname()) return true;
  if (pid === undefined || !/^\d{1,10}$/.test(pid)) return false;
  if (Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
