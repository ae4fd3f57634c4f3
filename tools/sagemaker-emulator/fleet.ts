/** The instances behind the endpoint: as many as what waits asks for, or as many as somebody says. */
import type { Account } from './account.ts';
import type { Chance } from './chance.ts';
import type { ContainerCommand } from './container-process.ts';
import { Instance, type InstanceView } from './instance.ts';
import type { Knobs } from './settings.ts';

/** A container that never comes into service is not tried again at once. */
const START_AGAIN_MS = 500;
const TICK_MS = 50;

export interface FleetOptions {
  /** how a container is started, or the addresses of those that run, one an instance */
  readonly containers: ContainerCommand | readonly string[];
  readonly instancesMax: number;
  readonly secondMs: number;
  readonly knobs: Readonly<Knobs>;
  readonly account: Account;
  readonly chance: Chance;
  /** invocations that wait or are at work */
  readonly backlog: () => number;
  /** an instance has room */
  readonly onRoom: () => void;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

export class Fleet {
  readonly #options: FleetOptions;
  #instances: Instance[] = [];
  #started = 0;
  #startNotBeforeMs = 0;
  #manualCount: number | undefined;
  #isClosed = false;
  /** since the last kill */
  #atWorkMs = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get views(): readonly InstanceView[] {
    return this.#instances.map(({ view }) => view);
  }

  get inService(): number {
    return this.#instances.filter(({ state }) => state === 'in-service').length;
  }

  get desired(): number {
    const { instancesMax, knobs, backlog } = this.#options;
    const waiting = backlog();
    const wanted =
      knobs.scaling === 'manual'
        ? (this.#manualCount ?? knobs.minInstances)
        : Math.ceil(waiting / knobs.backlogPerInstance);
    return Math.min(instancesMax, Math.max(wanted, knobs.scaling === 'manual' ? 0 : knobs.minInstances));
  }

  /** The instance with the least in hand, of those that have room. */
  withRoom(): Instance | undefined {
    const { maxConcurrent } = this.#options.knobs;
    return this.#instances
      .filter(({ state, inFlight }) => state === 'in-service' && inFlight < maxConcurrent)
      .sort((a, b) => a.inFlight - b.inFlight)[0];
  }

  /** UpdateEndpointWeightsAndCapacities: what is too many goes, whatever it has in hand. */
  scaleTo(count: number): void {
    this.#manualCount = count;
    const surplus = this.#active.slice(count);
    for (const instance of surplus) void instance.takeAway('SIGTERM');
    this.fill();
  }

  /** @param index as in `views` @throws RangeError */
  async kill(index: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const instance = this.#instances[index];
    if (instance === undefined) throw new RangeError(`There is no instance ${index} of ${this.#instances.length}.`);
    await instance.takeAway(signal);
  }

  /** All that are there make room for new ones. */
  async replaceAll(): Promise<void> {
    await Promise.all(this.#active.map((instance) => instance.takeAway('SIGTERM')));
  }

  /** Starts what is wanting. */
  fill(): void {
    while (this.#active.length < this.desired && this.#mayStart()) this.#start();
  }

  async close(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await Promise.all(this.#instances.map((instance) => instance.takeAway(signal)));
  }

  get #active(): Instance[] {
    return this.#instances.filter(({ state }) => state === 'starting' || state === 'in-service');
  }

  #mayStart(): boolean {
    return !this.#isClosed && performance.now() >= this.#startNotBeforeMs && this.#freeContainer() !== undefined;
  }

  /** An address is one container, which one instance has at a time. */
  #freeContainer(): ContainerCommand | string | undefined {
    const { containers } = this.#options;
    if (!(containers instanceof Array)) return containers;
    const taken = new Set(this.#instances.map(({ container }) => container));
    return containers.find((url) => !taken.has(url));
  }

  #start(): void {
    const { knobs, secondMs, onRoom, log, account } = this.#options;
    const container = this.#freeContainer();
    if (container === undefined) return;
    account.note('instancesStarted');
    const instance = new Instance({
      ...{ id: (this.#started += 1), container, coldStartMs: knobs.coldStartMs, secondMs, log },
      onChange: () => {
        if (instance.state === 'gone') this.#forget(instance);
        onRoom();
      },
    });
    this.#instances.push(instance);
  }

  #forget(instance: Instance): void {
    if (!this.#instances.includes(instance)) return;
    this.#instances = this.#instances.filter((other) => other !== instance);
    const { account, log } = this.#options;
    account.note(instance.isTakenAway ? 'instancesTakenAway' : 'instancesCrashed');
    if (!instance.isTakenAway) {
      log('instance.crashed', { id: instance.id, output: instance.view.output.slice(-2_000) });
    }
    if (!instance.wasInService) this.#startNotBeforeMs = performance.now() + START_AGAIN_MS;
  }

  #tick(): void {
    this.#killSometimes();
    this.#scaleIn();
    this.fill();
    this.#options.onRoom();
  }

  /** Only ones that are at work: the others lose nothing. Time in which none is does not count, so that work gets on however slow they start. */
  #killSometimes(): void {
    const { knobs, chance } = this.#options;
    const atWork = this.#instances.filter(({ state, inFlight }) => state === 'in-service' && inFlight > 0);
    if (atWork.length > 0) this.#atWorkMs += TICK_MS;
    if (knobs.killEveryMs === 0 || this.#atWorkMs < knobs.killEveryMs) return;
    const victim = chance.pick('kill', atWork);
    if (victim === undefined) return;
    this.#atWorkMs = 0;
    const isHard = chance.happens('kill-hard', 0.5);
    void victim.takeAway(knobs.killSignal === 'either' ? (isHard ? 'SIGKILL' : 'SIGTERM') : knobs.killSignal);
  }

  #scaleIn(): void {
    const { knobs, backlog } = this.#options;
    if (knobs.scaling === 'manual' || knobs.idleMs === 0 || backlog() > 0) return;
    const idle = this.#active.slice(knobs.minInstances).filter(({ idleMs }) => idleMs >= knobs.idleMs);
    for (const instance of idle) void instance.takeAway('SIGTERM');
  }
}
