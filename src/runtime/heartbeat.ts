/** A sign of life for whoever can only look at files, such as a container's health check: a file that this process keeps touching. */
import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { NarratorError } from '../core/errors.ts';

const INTERVAL_MS = 10_000;

/**
 * Begins at once; its time stands still as soon as the event loop does.
 * @returns a function that removes the file again. Idempotent
 * @throws NarratorError config_invalid where the file cannot be written
 */
export function startHeartbeat(path: string, intervalMs = INTERVAL_MS): () => void {
  try {
    writeFileSync(path, '');
  } catch (cause) {
    const message = `The heartbeat file ${path} cannot be written.`;
    throw new NarratorError('config_invalid', message, { field: 'heartbeat' }, { cause });
  }
  const timer = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // A file that grows old is what says that something is wrong.
    }
  }, intervalMs).unref();
  return () => {
    clearInterval(timer);
    rmSync(path, { force: true });
  };
}
