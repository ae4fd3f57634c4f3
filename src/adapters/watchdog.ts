/** A time limit that moves on with every sign of life. */

/** Aborts a request when the caller does, or when what was expected does not come in time. */
export class Watchdog {
  readonly #controller = new AbortController();
  readonly signal: AbortSignal;
  #timer: NodeJS.Timeout | undefined;
  /** what did not come, once it is too late */
  expired: string | undefined;

  constructor(outer: AbortSignal | undefined) {
    this.signal = outer === undefined ? this.#controller.signal : AbortSignal.any([outer, this.#controller.signal]);
  }

  expect(what: string, timeoutMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.expired = `${what} within ${timeoutMs} ms`;
      this.#controller.abort();
    }, timeoutMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#controller.abort(); // lets go of a body that nobody reads any more
  }
}
