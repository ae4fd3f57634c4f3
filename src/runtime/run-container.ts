/** The life of the container behind a SageMaker endpoint: from its configuration to its ordered end, whatever engine it is given. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createContainerApp } from '../api/container-app.ts';
import type { SpokenAudio } from '../api/routes-speech.ts';
import type { TtsRequest } from '../api/speech-request.ts';
import { audioFunctions } from '../audio/audio-functions.ts';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import type { SynthesisEngine } from '../core/ports.ts';
import type { ProcessShardDeps, ShardHints } from '../core/process-shard.ts';
import type { ShardPlan } from '../core/shard.ts';
import type { Config } from './config.ts';
import { ContainerWork, type DoneShard } from './container-work.ts';
import { closeServer, listen } from './http-server.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Metrics } from './metrics.ts';
import { type MetricsServer, openMetrics, serveMetrics } from './metrics-server.ts';
import { type Log, Narrator } from './narrator.ts';
import { openStore, type SharedStore } from './open-store.ts';
import { speechOptions } from './speech-options.ts';
import { untilLost, whileUsable } from './usable-engine.ts';

export interface ContainerParts {
  /** whose signals end the container; its shutdown ends the container in order */
  readonly lifecycle: Lifecycle;
  readonly log: Log;
  /** default: the narrator's own. Ended by the container */
  readonly openEngine?: (narrator: Narrator, log: Log) => SynthesisEngine;
  /** between two looks whether a job at work was cancelled. Default 1000 */
  readonly cancelIntervalMs?: number;
  /** work that is under way at the end may go on for so long. Default 15 000, which is also the most */
  readonly graceMs?: number;
}

/** Texts that are spoken at once: a few fill the batches of any engine, more only wait. */
const SPEECHES_MAX = 32;
/**
 * Only what comes in has limits: an answer may take the hour that SageMaker allows an invocation. Connections are kept for longer than the
 * platform keeps them, or else it would use one in the moment in which it is closed here.
 */
const TIMEOUTS = { requestTimeout: 300_000, headersTimeout: 60_000, keepAliveTimeout: 620_000 };
/** Within the lifecycle's 25 s; SageMaker kills after 30. */
const GRACE_MS = { work: 15_000, answers: 500, engine: 2_000 };

/** Works until the lifecycle shuts down, or until the engine is lost. @returns the exit code: 0, or 1 for what the log says */
export async function runContainer(config: Config, parts: ContainerParts): Promise<number> {
  const { lifecycle } = parts;
  const container = new Container(config, parts);
  try {
    await container.start();
    if (!lifecycle.signal.aborted) await once(lifecycle.signal, 'abort');
  } catch (thrown) {
    // A signal while the model loads ends the engine below the start: that is no failure.
    if (!lifecycle.signal.aborted) container.fail(toNarratorError(thrown));
  }
  const endedWell = await lifecycle.shutdown('done');
  await container.closeMetrics();
  return container.isWell && endedWell ? 0 : 1;
}

class Container {
  readonly #config: Config;
  readonly #parts: ContainerParts;
  readonly #log: Log;
  readonly #metrics: Metrics | undefined;
  readonly #work: ContainerWork;
  readonly #server: Server;
  #shared: SharedStore | undefined;
  #narrator: Narrator | undefined;
  #engine: SynthesisEngine | undefined;
  #shardDeps: ProcessShardDeps | undefined;
  #metricsServer: MetricsServer | undefined;
  #isLoaded = false;
  #isWell = true;

  constructor(config: Config, parts: ContainerParts) {
    this.#config = config;
    this.#parts = parts;
    const metrics = openMetrics(config);
    const log = metrics?.listening(parts.log) ?? parts.log;
    this.#metrics = metrics;
    this.#log = log;
    this.#work = new ContainerWork({ cancelIntervalMs: parts.cancelIntervalMs, log });
    const app = createContainerApp({
      ...{ log, ...(metrics && { metrics }) },
      notReady: () => this.#notReady(),
      doShard: (shard, hints) => this.#doShard(shard, hints),
      speak: (request, signal) => this.#speak(request, signal),
      speechesMax: SPEECHES_MAX,
    });
    this.#server = createServer(TIMEOUTS, app);
    const { lifecycle } = parts;
    lifecycle.add({ name: 'work', timeoutMs: 20_500, run: () => this.#endWork() });
    lifecycle.add({ name: 'engine', timeoutMs: 3_000, run: () => this.#endEngine() });
    lifecycle.add({ name: 'store', timeoutMs: 1_000, run: async () => this.#shared?.close() });
  }

  get isWell(): boolean {
    return this.#isWell;
  }

  /** Listens at once: /ping says when the model is there. @throws NarratorError config_invalid; of the store, the model and the engine */
  async start(): Promise<void> {
    const { bindPort, server, metricsPort } = this.#config;
    const place = { host: server.host, port: bindPort ?? server.port };
    await listen(this.#server, place);
    this.#log('container.listening', place);
    if (this.#metrics !== undefined) {
      this.#metricsServer = await serveMetrics(this.#metrics, { host: server.host, port: metricsPort ?? 0 });
      this.#log('container.metrics', { port: this.#metricsServer.port });
    }
    const engine = await this.#open();
    const { modelId, modelDigest, provider, precision } = await engine.start();
    if (this.#parts.lifecycle.signal.aborted) return;
    this.#shardDeps = this.#depsOf(engine, modelDigest);
    this.#isLoaded = true;
    this.#log('container.ready', { port: place.port, modelId, modelDigest, provider, precision });
  }

  /** It can do no work any more: says so to whoever asks, and ends. SageMaker replaces the instance. */
  fail({ code, message, hint }: NarratorError): void {
    if (!this.#isWell || this.#parts.lifecycle.signal.aborted) return;
    this.#isWell = false;
    this.#log('container.failed', { error: code, message, hint });
    void this.#parts.lifecycle.shutdown(code);
  }

  async closeMetrics(): Promise<void> {
    await this.#metricsServer?.close();
  }

  #notReady(): NarratorError | undefined {
    if (this.#parts.lifecycle.signal.aborted) {
      return new NarratorError('engine_stopped', 'This container is shutting down.', { hint: 'Ask another one.' });
    }
    if (this.#isLoaded) return undefined;
    return new NarratorError('engine_stopped', 'The model is being loaded.', {
      hint: 'Wait until GET /ping answers with 200.',
    });
  }

  async #open(): Promise<SynthesisEngine> {
    const { openEngine = (narrator) => narrator.engine, lifecycle } = this.#parts;
    // A container that only speaks single texts needs no store.
    if (this.#config.store !== undefined) this.#shared = await openStore(this.#config);
    const store = this.#shared?.store;
    this.#narrator = await Narrator.open(this.#config, this.#log, store && { store });
    const opened = openEngine(this.#narrator, this.#log);
    const engine = untilLost(this.#metrics?.measured(opened) ?? opened, (error) => this.fail(error));
    this.#engine = engine;
    if (!lifecycle.signal.aborted) return engine;
    // The phases that would end them have run.
    await this.#endEngine();
    await this.#shared?.close();
    throw new NarratorError('engine_stopped', 'This container is shutting down.');
  }

  #depsOf(engine: SynthesisEngine, modelDigest: string): ProcessShardDeps | undefined {
    if (this.#shared === undefined) return undefined;
    const { store, openResults } = this.#shared;
    this.#work.watch(store);
    return {
      ...{ store, openResults, modelDigest, audio: audioFunctions },
      // It ends the container already.
      engine: whileUsable(engine, () => undefined),
      now: () => new Date(),
      ...(this.#metrics && { onSegment: this.#metrics.observeSegment }),
    };
  }

  async #doShard(shard: ShardPlan, hints: ShardHints): Promise<DoneShard> {
    if (this.#shardDeps !== undefined) return this.#work.shard(shard, hints, this.#shardDeps);
    throw new NarratorError('config_invalid', 'NARRATOR_STORE is not set: this container only speaks single texts.');
  }

  async #speak(request: TtsRequest, clientSignal: AbortSignal): Promise<SpokenAudio> {
    const [narrator, engine, config] = [this.#narrator, this.#engine, this.#config];
    if (narrator === undefined || engine === undefined) throw new NarratorError('internal', 'There is no engine.');
    return this.#work.run(async (stopSignal) => {
      const signal = AbortSignal.any([clientSignal, stopSignal]);
      const options = await speechOptions(request, { narrator, config, signal });
      return narrator.speakToMemory(request.text, { ...options, signal, engine });
    });
  }

  async #endWork(): Promise<void> {
    // What comes meanwhile is answered with 503: it is listened for until the last answer is out.
    await this.#work.close({ graceMs: this.#parts.graceMs ?? GRACE_MS.work });
    await closeServer(this.#server, GRACE_MS.answers);
  }

  async #endEngine(): Promise<void> {
    await this.#engine?.close({ graceMs: GRACE_MS.engine });
    await this.#narrator?.close();
  }
}
