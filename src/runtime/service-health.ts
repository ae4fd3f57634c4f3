/** Whether a service can do its work now: looked at again and again, so that asking costs nothing. */
import { toNarratorError } from '../core/errors.ts';
import { sleep } from './sleep.ts';

export interface HealthCheck {
  /** for people: 'The store' */
  readonly name: string;
  /** rejects, or gives a reason, when it is not well */
  readonly look: () => Promise<string | undefined>;
}

export interface ServiceHealthOptions {
  readonly checks: readonly HealthCheck[];
  /** default 2000 */
  readonly intervalMs?: number;
  /** a look that takes longer is a bad one. Default 5000 */
  readonly timeoutMs?: number;
}

const DEFAULTS = { intervalMs: 2_000, timeoutMs: 5_000 };

export class ServiceHealth {
  readonly #options: ServiceHealthOptions & typeof DEFAULTS;
  readonly #stop = new AbortController();
  #reason: string | undefined = 'The service is starting.';
  #running: Promise<void> | undefined;

  constructor(options: ServiceHealthOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Undefined when it can work, else why not. */
  get reason(): string | undefined {
    return this.#stop.signal.aborted ? 'The service is shutting down.' : this.#reason;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { checks, intervalMs } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const reasons = await Promise.all(checks.map((check) => this.#look(check)));
      this.#reason = reasons.find((reason) => reason !== undefined);
      // Whoever waits for the start hears of it soon.
      await sleep(this.#reason === undefined ? intervalMs : Math.min(intervalMs, 200), signal);
    }
  }

  async #look({ name, look }: HealthCheck): Promise<string | undefined> {
    const { timeoutMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`${name} does not answer.`), timeoutMs);
    });
    const seen = look().catch((thrown: unknown) => `${name} cannot be used: ${toNarratorError(thrown).message}`);
    try {
      return await Promise.race([seen, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
