/** How often each segment was in a batch that took the engine process down. Bounded: the least recently blamed is forgotten. */

/** After so many crashes with the same segment on board it is no accident any more. */
export const CRASHES_TO_SUSPECT = 3;

export class CrashCounts {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  /** One more crash with this segment in the batch. */
  record(key: string): void {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.delete(key); // a Map keeps insertion order: deleted and set again, the key is the most recent
    this.#counts.set(key, count);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > this.#limit && oldest !== undefined) this.#counts.delete(oldest);
  }

  isSuspect(key: string): boolean {
    return (this.#counts.get(key) ?? 0) >= CRASHES_TO_SUSPECT;
  }

  /** It went through: whatever crashed before, it was not this segment. */
  acquit(key: string): void {
    this.#counts.delete(key);
  }

  get size(): number {
    return this.#counts.size;
  }
}
