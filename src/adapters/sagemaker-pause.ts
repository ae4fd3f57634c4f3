/** After an invocation that was not accepted, the next one waits: longer each time, and alone, until one is accepted again. */
import type { NarratorError } from '../core/errors.ts';

const PAUSE_MS = { first: 1_000, longest: 30_000 };
/** Nobody has tried for so long behind a pause: what is known is out of date. */
const FORGOTTEN_AFTER_MS = 60_000;

export class SubmissionPause {
  readonly #nowMs: () => number;
  readonly #random: () => number;
  #failures = 0;
  #untilMs = 0;
  #problem: NarratorError | undefined;

  /** @param random from 0 to 1, for the jitter */
  constructor(nowMs: () => number, random: () => number = Math.random) {
    this.#nowMs = nowMs;
    this.#random = random;
  }

  /** Why the last one was not accepted, unless one was since, or nobody has tried for long. */
  get problem(): NarratorError | undefined {
    return this.#nowMs() < this.#untilMs + FORGOTTEN_AFTER_MS ? this.#problem : undefined;
  }

  /** Invocations that may be tried now. */
  get allowed(): number {
    if (this.problem === undefined) return Infinity;
    return this.#nowMs() < this.#untilMs ? 0 : 1;
  }

  /** @throws NarratorError the problem, while the pause lasts */
  check(): void {
    const { problem } = this;
    if (problem !== undefined && this.allowed === 0) throw problem;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#problem = undefined;
  }

  failed(problem: NarratorError): void {
    if (this.problem === undefined) this.#failures = 0;
    const ms = Math.min(PAUSE_MS.longest, PAUSE_MS.first * 2 ** this.#failures);
    this.#failures += 1;
    this.#untilMs = this.#nowMs() + ms * (0.5 + this.#random() / 2);
    this.#problem = problem;
  }
}
