/**
 * How long a batch may take before its process counts as hung. It grows with the work, by the speed measured so far:
 * a batch of 30 s of speech takes seconds on a GPU and many minutes on a small CPU.
 */
import type { EngineInfo } from '../core/ports.ts';

/**
 * Assumed before anything was measured, in milliseconds for one frame in one step. The published F5-TTS (336 million
 * parameters, guided) needs some 1.4 GFLOP for that: 28 GFLOP/s is a slow CPU core, 700 GFLOP/s a slow GPU.
 */
const UNMEASURED_MS = { cpu: 50, cuda: 2 } as const;

/** So many times slower than usual is still no hang: a machine may be shared, or short of memory. */
const PATIENCE = 10;

/** Weight of the newest batch in the running mean. */
const NEWEST = 0.2;

export class HangDeadline {
  readonly #minimumMs: number;
  #measuredMs: number | undefined;

  constructor(minimumMs: number) {
    this.#minimumMs = minimumMs;
  }

  /** @param work padded frames x steps */
  timeoutMs(work: number, provider: EngineInfo['provider']): number {
    const expectedMs = this.#measuredMs === undefined ? UNMEASURED_MS[provider] : this.#measuredMs * PATIENCE;
    return Math.min(MAX_TIMER_MS, Math.max(this.#minimumMs, work * expectedMs));
  }

  /** A batch of `work` padded frames x steps took so long. */
  observe(work: number, tookMs: number): void {
    const newestMs = tookMs / work;
    this.#measuredMs = this.#measuredMs === undefined ? newestMs : NEWEST * newestMs + (1 - NEWEST) * this.#measuredMs;
  }
}

/** setTimeout treats anything longer as 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;
