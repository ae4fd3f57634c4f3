/** A pause that can be ended. */
import { setTimeout as delay } from 'node:timers/promises';

/** Resolves after `ms`, or early once `signal` aborts; never rejects. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
