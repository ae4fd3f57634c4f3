/** One instance from its cold start to its end: a container, whether it is well, and what it has in hand. */
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, callContainer, type ContainerCall } from './call-container.ts';
import { type ContainerCommand, ContainerProcess } from './container-process.ts';

/** 8 minutes, less than which a model that loads may need: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html */
const STARTUP_TIMEOUT_MS = 480_000;
const STARTUP_PING_MS = 100;
const PING_TIMEOUT_MS = 2_000;
/** How often AWS asks a container that is in service, and how many answers it misses, is not documented. */
const PING_INTERVAL_SECONDS = 10;
const PINGS_MISSED_MAX = 3;
/** Between SIGTERM and SIGKILL. */
const STOP_SECONDS = 30;

export interface InstanceOptions {
  readonly id: number;
  /** how its container is started, or the address of one that runs */
  readonly container: ContainerCommand | string;
  readonly coldStartMs: number;
  /** real milliseconds of a second of the endpoint */
  readonly secondMs: number;
  /** its state is another, or it has room again */
  readonly onChange: () => void;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

/** starting, until /ping answers 200; stopping: it gets nothing more, and may end what it has */
export type InstanceState = 'starting' | 'in-service' | 'stopping' | 'gone';

export interface InstanceView {
  readonly id: number;
  readonly state: InstanceState;
  readonly inFlight: number;
  readonly url: string | undefined;
  readonly pid: number | undefined;
  /** the end of what its container said */
  readonly output: string;
}

export class Instance {
  readonly id: number;
  readonly #options: InstanceOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1_000 });
  readonly #gone = new AbortController();
  #state: InstanceState = 'starting';
  #process: ContainerProcess | undefined;
  #url: string | undefined;
  #inFlight = 0;
  #idleSinceMs = performance.now();
  #isTakenAway = false;
  #wasInService = false;
  #stopped: Promise<void> | undefined;

  constructor(options: InstanceOptions) {
    this.id = options.id;
    this.#options = options;
    void this.#run();
  }

  get state(): InstanceState {
    return this.#state;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get idleMs(): number {
    return this.#inFlight === 0 ? performance.now() - this.#idleSinceMs : 0;
  }

  /** aborts once it has ended */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** It was killed or scaled in, as opposed to having crashed. */
  get isTakenAway(): boolean {
    return this.#isTakenAway;
  }

  /** a command or an address */
  get container(): ContainerCommand | string {
    return this.#options.container;
  }

  get wasInService(): boolean {
    return this.#wasInService;
  }

  get view(): InstanceView {
    const { id, state, inFlight } = this;
    return { id, state, inFlight, url: this.#url, pid: this.#process?.pid, output: this.#process?.output ?? '' };
  }

  /** Takes a place of it while `work` goes on. */
  async occupy<T>(work: () => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    try {
      return await work();
    } finally {
      this.#inFlight -= 1;
      this.#idleSinceMs = performance.now();
      this.#options.onChange();
    }
  }

  /** Never rejects. */
  invoke(call: Omit<ContainerCall, 'url' | 'agent' | 'signal'>): Promise<Answer> {
    return callContainer({ ...call, url: this.#url ?? '', agent: this.#agent, signal: this.signal });
  }

  /** It gets nothing more; SIGTERM, and SIGKILL 30 s later; or SIGKILL at once. Resolves once it is gone. */
  async takeAway(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#isTakenAway = true;
    if (signal === 'SIGTERM') return (this.#stopped ??= this.#stop());
    this.#process?.kill(signal);
    await this.#end();
  }

  async #stop(): Promise<void> {
    this.#enter('stopping');
    this.#process?.kill('SIGTERM');
    const graceMs = STOP_SECONDS * this.#options.secondMs;
    await Promise.race([delay(graceMs, undefined, { ref: false }), this.#process?.exited ?? this.#idle()]);
    this.#process?.kill('SIGKILL');
    await this.#end();
  }

  /** A container that is not ours to end may finish what it has. */
  async #idle(): Promise<void> {
    while (this.#inFlight > 0 && !this.signal.aborted) await delay(10);
  }

  async #run(): Promise<void> {
    const { container, coldStartMs, log } = this.#options;
    try {
      await delay(coldStartMs, undefined, { signal: this.signal });
      if (typeof container === 'string') {
        this.#url = container;
      } else {
        const process = await ContainerProcess.start(container);
        // Taken away in between: it is not to outlive its instance.
        if (this.signal.aborted) process.kill('SIGKILL');
        this.#process = process;
        this.#url = process.url;
        void process.exited.then(() => this.#end());
      }
      if (!(await this.#isWellWithin(STARTUP_TIMEOUT_MS))) {
        log('instance.never-in-service', { id: this.id });
        return await this.takeAway('SIGKILL');
      }
      if (this.#state !== 'starting') return;
      this.#wasInService = true;
      this.#enter('in-service');
      await this.#watch();
    } catch {
      // It was taken away while it started.
    }
  }

  async #isWellWithin(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (performance.now() < deadline) {
      if (await this.#ping()) return true;
      await delay(STARTUP_PING_MS, undefined, { signal: this.signal });
    }
    return false;
  }

  /** Until it ends, or is not well any more and is replaced. */
  async #watch(): Promise<void> {
    const { secondMs, log } = this.#options;
    let missed = 0;
    while (this.#state === 'in-service') {
      await delay(PING_INTERVAL_SECONDS * secondMs, undefined, { signal: this.signal, ref: false });
      missed = (await this.#ping()) ? 0 : missed + 1;
      if (missed < PINGS_MISSED_MAX || this.#state !== 'in-service') continue;
      log('instance.unhealthy', { id: this.id });
      await this.takeAway('SIGTERM');
    }
  }

  #ping(): Promise<boolean> {
    return new Promise((resolve) => {
      const asked = get(
        `${this.#url}/ping`,
        { agent: this.#agent, timeout: PING_TIMEOUT_MS, signal: this.signal },
        (response) => {
          response.resume().on('end', () => resolve(response.statusCode === 200));
          response.on('error', () => resolve(false));
        },
      );
      asked.on('timeout', () => asked.destroy()).on('error', () => resolve(false));
    });
  }

  #enter(state: InstanceState): void {
    if (this.#state === 'gone') return;
    this.#state = state;
    this.#options.log(`instance.${state}`, { id: this.id, pid: this.#process?.pid });
    this.#options.onChange();
  }

  async #end(): Promise<void> {
    if (this.#state === 'gone') return;
    this.#enter('gone');
    this.#gone.abort();
    this.#agent.destroy();
    await this.#process?.exited;
  }
}
