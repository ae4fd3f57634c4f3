/** An item is one audio file or one error, never both. */
import { audioKey, sidecarKey } from './keys.ts';
import type { ItemOutcome } from './record.ts';
import type { ResultsPlace } from './results.ts';

/**
 * Deletes the audio of items that a record holds as failed: an earlier attempt, or another worker with the same shard, may
 * have written it. Only after that record is in the store: until then another one might say that the item is done.
 */
export async function withdrawFailed(outcomes: Iterable<ItemOutcome>, { store, prefix }: ResultsPlace): Promise<void> {
  for (const outcome of outcomes) {
    if (outcome.status !== 'failed' || outcome.output === undefined) continue;
    await store.delete(audioKey(prefix, outcome.output));
    await store.delete(sidecarKey(prefix, outcome.output));
  }
}
