/**
 * The running service: jobs of a shared store are planned, handed to those who synthesise, finished and told of. The engine is in this
 * process, workers take shards from a queue, or an endpoint gets them; everything else is the same. Any number of services may share a store.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { BullmqDispatcher } from '../adapters/dispatch-bullmq.ts';
import { audioFunctions } from '../audio/audio-functions.ts';
import { Controller, type ControllerEvent } from '../core/controller.ts';
import { resumeDeletions } from '../core/delete-job.ts';
import { toNarratorError } from '../core/errors.ts';
import { openKey, openPrefix } from '../core/keys.ts';
import type { PlanDeps } from '../core/plan-items.ts';
import type { Dispatcher } from '../core/ports.ts';
import type { Subscription } from '../core/subscription.ts';
import type { Config } from './config.ts';
import { type Channels, openChannels } from './deliver-channels.ts';
import { Deliverer } from './deliver.ts';
import type { ShutdownPhase } from './lifecycle.ts';
import { openLocalShards } from './local-shards.ts';
import { textFileReader } from './manifest-source.ts';
import { Metrics } from './metrics.ts';
import { type Log, Narrator } from './narrator.ts';
import { openStore, type SharedStore } from './open-store.ts';
import { type OnSettled, type OpenedRemote, type RemoteShards, remoteOpener } from './remote-shards.ts';
import { ServiceHealth } from './service-health.ts';
import { withServiceStore } from './service-store.ts';
import { sleep } from './sleep.ts';
import { SpeechJobs } from './speak-by-job.ts';
import { checkSubscriptions, deploymentSubscriptions } from './subscriptions.ts';
import { whileUsable } from './usable-engine.ts';
import { version } from './version.ts';
import type { ManifestWatcher } from './watch-manifests.ts';

/** A controller that has not ended a pass for so long hangs. Longer than a store may take to answer a listing of all open jobs. */
const PASS_MAX_MS = 120_000;
/** Jobs of a service that was killed go to another one after so long. */
const LEASE_MS = 15_000;

export class Service {
  readonly config: Config;
  readonly narrator: Narrator;
  readonly shared: SharedStore;
  readonly planning: PlanDeps;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly subscriptions: readonly Subscription[];
  /** texts that are spoken as jobs; absent where the engine is in this process */
  readonly speechJobs: SpeechJobs | undefined;
  readonly health: ServiceHealth;
  /** the BullMQ queue; absent where there is none */
  readonly queue: BullmqDispatcher | undefined;
  readonly #remote: RemoteShards | undefined;
  readonly #dispatcher: Dispatcher;
  readonly #controller: Controller;
  readonly #channels: Channels;
  readonly #deliverer: Deliverer;
  readonly #stop = new AbortController();
  #manifests: ManifestWatcher | undefined;
  #running: Promise<void> | undefined;
  #passedAtMs = performance.now();
  #engineProblem: string | undefined;

  private constructor(parts: {
    config: Config;
    narrator: Narrator;
    shared: SharedStore;
    metrics: Metrics;
    log: Log;
    openRemote: ((onSettled: OnSettled) => OpenedRemote) | undefined;
  }) {
    const { config, narrator, shared, metrics, log, openRemote } = parts;
    const { store, openResults, openPlace } = shared;
    this.config = config;
    this.narrator = narrator;
    this.shared = shared;
    this.metrics = metrics;
    this.log = log;
    this.subscriptions = deploymentSubscriptions(config);
    this.planning = { ...narrator.planning(), readTextFile: textFileReader({ openPlace }) };
    const onSettled: OnSettled = (message, error) => this.#controller.settled(message, error);
    const { remote, queue } = openRemote?.(onSettled) ?? {};
    this.queue = queue;
    this.#remote = remote;
    this.#dispatcher = remote ?? this.#openLocalShards(onSettled);
    this.#controller = new Controller({
      store,
      openResults,
      audio: audioFunctions,
      now: () => new Date(),
      dispatcher: this.#dispatcher,
      ...(remote?.countsDispatches === true && { dispatchesMax: Infinity }),
      planning: this.planning,
      subscriptions: this.subscriptions,
      lease: { holder: `${hostname()}-${process.pid}-${randomUUID()}`, durationMs: LEASE_MS },
      sleep,
      onPass: () => (this.#passedAtMs = performance.now()),
      onEvent: (event) => this.#onEvent(event),
    });
    this.#channels = openChannels(config);
    this.#deliverer = new Deliverer({
      store,
      deliver: this.#channels.deliver,
      onOutcome: ({ status, ...outcome }, { entry }) => {
        if (status === 'left') return;
        const { kind } = entry.subscription;
        metrics.observeDelivery(kind, status);
        const { code, message } = 'error' in outcome ? outcome.error : {};
        const event = 'event' in outcome ? outcome.event.id : undefined;
        log('notification', { kind, status, event, ...(code !== undefined && { code, error: message }) });
      },
      onProblem: ({ code, message }) => log('outbox.problem', { code, error: message }),
    });
    const wake = () => this.wake();
    this.speechJobs = remote && new SpeechJobs({ narrator, store, openResults, wake, log });
    this.health = new ServiceHealth({ checks: this.#checks() });
    this.#watch();
  }

  /**
   * Opens the model and the store, and reaches for nothing else yet.
   * @throws NarratorError config_invalid, model_not_found, model_invalid, store_unavailable, store_unsafe
   */
  static async open(given: Config, givenLog: Log): Promise<Service> {
    const config = withServiceStore(given);
    const shared = await openStore(config);
    let log = givenLog;
    try {
      // Voices lie in a store that somebody named, else in the home folder, where the command line puts them.
      const shares = given.store === undefined ? {} : { store: shared.store };
      const narrator = await Narrator.open(given, (event, fields) => log(event, fields), shares);
      const metrics = new Metrics({ version, model: narrator.model.description.id });
      log = metrics.listening(givenLog);
      const openRemote = await remoteOpener(config, shared, log);
      const service = new Service({ config, narrator, shared, metrics, log, openRemote });
      service.#manifests = await openManifestWatcher(service);
      return service;
    } catch (thrown) {
      await shared.close();
      throw thrown;
    }
  }

  /**
   * Begins to work. What is not there yet (Redis, an endpoint, the model's weights) is waited for: `health` says so. Idempotent.
   * @throws NarratorError config_invalid: the queue of manifests, or that of an endpoint's notifications, does not exist
   */
  async start(): Promise<void> {
    await this.#remote?.listen?.();
    this.#running ??= this.#run();
    await this.#manifests?.start();
  }

  /** A job was submitted, cancelled or retried. */
  wake(): void {
    this.#controller.wake();
  }

  /** In order: nothing more is taken, what is at work is stored or given back, what is owed is told, the rest ends. 15.5 s in all. */
  phases(): ShutdownPhase[] {
    return [
      { name: 'manifests', timeoutMs: 1_500, run: async () => this.#manifests?.close({ graceMs: 1_000 }) },
      { name: 'jobs', timeoutMs: 6_500, run: () => this.#endJobs() },
      { name: 'notifications', timeoutMs: 2_000, run: () => this.#endNotifications() },
      { name: 'engine', timeoutMs: 4_500, run: () => this.narrator.close() },
      { name: 'store', timeoutMs: 1_000, run: () => this.shared.close() },
    ];
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    if (this.#remote === undefined) void this.#startEngine();
    this.health.start();
    this.#deliverer.start();
    await this.#dispatcher.start();
    const swept = this.#sweep();
    await this.#controller.run(signal);
    await swept;
  }

  async #startEngine(): Promise<void> {
    this.#engineProblem = 'The model is being loaded.';
    try {
      await this.narrator.start();
      this.#engineProblem = undefined;
    } catch (thrown) {
      this.#engineProblem = toNarratorError(thrown).message;
    }
  }

  /** What others were killed in the middle of. */
  async #sweep(): Promise<void> {
    try {
      await resumeDeletions({ store: this.shared.store, now: () => new Date() });
      await this.speechJobs?.sweep();
    } catch (thrown) {
      this.log('sweep.failed', { error: toNarratorError(thrown).message });
    }
  }

  async #endJobs(): Promise<void> {
    this.#stop.abort();
    await this.health.close();
    await this.#dispatcher.close({ graceMs: 3_000 });
    await this.speechJobs?.close();
    await this.#running;
  }

  async #endNotifications(): Promise<void> {
    await this.#deliverer.close({ graceMs: 1_500 });
    await this.#channels.close();
  }

  #openLocalShards(onSettled: OnSettled): Dispatcher {
    const { narrator, shared, metrics, config } = this;
    const engine = whileUsable(narrator.engine, ({ message }) => (this.#engineProblem = message));
    return openLocalShards({
      ...{ store: shared.store, openResults: shared.openResults, onSettled },
      engine: metrics.measured(engine),
      modelDigest: narrator.model.digest,
      concurrency: config.concurrency,
      onSegment: metrics.observeSegment,
    });
  }

  #onEvent(event: ControllerEvent): void {
    this.metrics.observeController(event);
    const { jobId } = event;
    if (event.type === 'planned') this.log('job.planned', { jobId, shards: event.plan.shards });
    else if (event.type === 'problem')
      this.log('job.problem', { jobId, code: event.error.code, error: event.error.message });
    else if (event.type === 'finished') {
      const { outcome, succeeded, failed } = event.summary;
      this.log('job.finished', { jobId, outcome, succeeded, failed });
      this.#deliverer.wake();
    }
  }

  #checks() {
    return [
      {
        name: 'The store',
        look: async () => {
          // Any key will do: what counts is that there is an answer.
          await this.shared.store.head(openKey('health'));
          return undefined;
        },
      },
      {
        name: 'The queue',
        look: async () => {
          await (this.#remote?.check?.() ?? this.#dispatcher.capacity());
          return undefined;
        },
      },
      {
        name: 'The controller',
        look: async () => (performance.now() - this.#passedAtMs > PASS_MAX_MS ? 'The controller hangs.' : undefined),
      },
      { name: 'The engine', look: async () => this.#engineProblem },
    ];
  }

  #watch(): void {
    const { metrics, narrator } = this;
    const remote = this.#remote;
    if (remote === undefined) metrics.watchEngine(() => narrator.engineStatistics);
    else metrics.watchQueue(() => remote.depth());
    metrics.watchOpenJobs(async () => {
      let open = 0;
      for await (const _job of this.shared.store.list(openPrefix)) open += 1;
      return open;
    });
  }
}

/** Undefined where no queue is named: then its packages are not loaded either. */
async function openManifestWatcher(service: Service): Promise<ManifestWatcher | undefined> {
  const { config, shared, narrator, log } = service;
  if (config.manifestQueueUrl === undefined) return undefined;
  const { manifestWatcher } = await import('./watch-manifests.ts');
  return manifestWatcher(config, {
    ...{ shared, narrator, log },
    checkSubscriptions: (subscriptions) => checkSubscriptions(subscriptions, config),
    wake: () => service.wake(),
  });
}
