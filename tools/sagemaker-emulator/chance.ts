import { createHash } from 'node:crypto';

/**
 * Random numbers that a seed repeats. Every kind of question has its own row of answers, so that the n-th one is the same whatever else
 * was asked in between.
 */
export class Chance {
  readonly #seed: number;
  readonly #asked = new Map<string, number>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  happens(kind: string, rate: number): boolean {
    return this.#number(kind) < rate;
  }

  pick<T>(kind: string, from: readonly T[]): T | undefined {
    return from[Math.floor(this.#number(kind) * from.length)];
  }

  /** in [0, 1) */
  #number(kind: string): number {
    const asked = this.#asked.get(kind) ?? 0;
    this.#asked.set(kind, asked + 1);
    return createHash('sha256').update(`${this.#seed} ${kind} ${asked}`).digest().readUInt32BE() / 2 ** 32;
  }
}
