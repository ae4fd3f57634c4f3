/** An item is one audio file or one error, never both. */
import { audioKey, outputOfKey, sidecarKey } from './keys.ts';
import { readAhead } from './read-ahead.ts';
import type { ItemOutcome } from './record.ts';
import type { ResultsPlace } from './results.ts';

const DELETES_AT_ONCE = 16;

/** More are looked for before they are deleted: most were never there, as in a job that was cancelled early. */
const DELETED_UNSEEN_MAX = 500;

/**
 * Deletes the audio of items that a record holds as failed: an earlier attempt, or another worker with the same shard, may
 * have written it. Only after that record is in the store: until then another one might say that the item is done.
 */
export async function withdrawFailed(outcomes: Iterable<ItemOutcome>, results: ResultsPlace): Promise<void> {
  const failed = new FailedAudio();
  for (const outcome of outcomes) failed.add(outcome);
  await failed.withdraw(results);
}

/** The same for a whole job: gathers first, so that a hundred thousand items cost a listing, not as many requests. */
export class FailedAudio {
  readonly #outputs = new Set<string>();

  add(outcome: ItemOutcome): void {
    if (outcome.status === 'failed' && outcome.output !== undefined) this.#outputs.add(outcome.output);
  }

  async withdraw(results: ResultsPlace): Promise<void> {
    const keys = this.#outputs.size <= DELETED_UNSEEN_MAX ? this.#all(results) : this.#listed(results);
    for await (const _done of readAhead(keys, DELETES_AT_ONCE, (key) => results.store.delete(key)));
  }

  *#all({ prefix }: ResultsPlace): Generator<string> {
    for (const output of this.#outputs) yield* [audioKey(prefix, output), sidecarKey(prefix, output)];
  }

  async *#listed({ store, prefix }: ResultsPlace): AsyncGenerator<string> {
    for await (const { key } of store.list(prefix)) if (this.#outputs.has(outputOfKey(prefix, key))) yield key;
  }
}
