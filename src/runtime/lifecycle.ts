/**
 * The only handler of signals. One ordered shutdown in named phases, each with a time limit of its own and all within
 * 25 s (what SageMaker and Kubernetes grant is 30). A failing phase does not keep the later ones from running. A second
 * signal exits at once.
 */
export interface ShutdownPhase {
  readonly name: string;
  readonly timeoutMs: number;
  readonly run: () => Promise<void>;
}

export const SHUTDOWN_LIMIT_MS = 25_000;

export class Lifecycle {
  readonly #phases: ShutdownPhase[] = [];
  readonly #log: (event: string, fields?: Record<string, unknown>) => void;
  readonly #stopping = new AbortController();
  #shutdown: Promise<boolean> | undefined;

  constructor(log: (event: string, fields?: Record<string, unknown>) => void) {
    this.#log = log;
  }

  /** Aborts when the shutdown begins: long work listens to it. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Phases run in the order in which they were added. */
  add(phase: ShutdownPhase): void {
    const total = this.#phases.reduce((sum, { timeoutMs }) => sum + timeoutMs, phase.timeoutMs);
    if (total > SHUTDOWN_LIMIT_MS)
      throw new Error(`The shutdown phases add up to ${total} ms; the limit is ${SHUTDOWN_LIMIT_MS} ms.`);
    this.#phases.push(phase);
  }

  /** Runs all phases, once. @returns whether every phase ended well and in time */
  shutdown(reason: string): Promise<boolean> {
    this.#shutdown ??= this.#run(reason);
    return this.#shutdown;
  }

  /**
   * SIGINT and SIGTERM begin the shutdown; the second one exits with 128 + its number at once.
   * @returns a function that removes the handlers again
   */
  handleSignals(): () => void {
    const numbers = { SIGINT: 2, SIGTERM: 15 } as const;
    const handler = (signal: NodeJS.Signals) => {
      if (this.#shutdown) process.exit(128 + numbers[signal as keyof typeof numbers]);
      void this.shutdown(signal);
    };
    for (const signal of Object.keys(numbers)) process.on(signal, handler);
    return () => {
      for (const signal of Object.keys(numbers)) process.off(signal, handler);
    };
  }

  async #run(reason: string): Promise<boolean> {
    this.#log('shutdown.started', { reason });
    this.#stopping.abort();
    let well = true;
    for (const phase of this.#phases) {
      const error = await outcomeWithin(phase.run, phase.timeoutMs);
      if (error === undefined) this.#log('shutdown.phase-done', { phase: phase.name });
      else {
        well = false;
        this.#log('shutdown.phase-failed', { phase: phase.name, error });
      }
    }
    return well;
  }
}

async function outcomeWithin(run: () => Promise<void>, timeoutMs: number): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`not done within ${timeoutMs} ms`), timeoutMs);
  });
  const done = run().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}
