/**
 * The engine as the rest of the program sees it: the parent's side of a child process that runs the model.
 *
 * A run of the model blocks its thread for seconds and cannot be cancelled, native code may take its process down, and a
 * thread inside such code cannot be ended safely: hence a process, which can be killed. This class keeps one alive.
 *
 * States, changed by #setState alone:
 *   new         nothing was started yet
 *   starting    a child loads the model
 *   ready       a child is up: idle, or at work on the one batch that it was given
 *   pausing     the last child died or failed to start; the next one waits for its turn (back-off)
 *   down        starting failed for good (or too often in a row): the next request, or start(), tries again
 *   closing     no new requests; the last batch has its grace
 *   closed      the child is gone
 *
 *   new -> starting -> ready -> pausing -> starting ...     starting -> pausing | down     any -> closing -> closed
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import type { EngineInfo, LoadVoice, SynthesisedSpeech, SynthesisEngine, SynthesisRequest } from '../core/ports.ts';
import { Batcher, type BatcherStatistics, type BatchResult } from './batcher.ts';
import { type BatchPolicyOptions, paddedFrames } from './batch-policy.ts';
import { HangDeadline } from './hang-deadline.ts';
import { runOnHost } from './host-batch.ts';
import { HostProcess, stopped } from './host-process.ts';
import { BATCH_PRESETS } from './presets.ts';
import type { ModelOptions } from './protocol.ts';
import { totalFrames } from './waiting-request.ts';

/** What the engine tells a log. Never texts or audio. */
export type EngineLog = (event: string, fields: Record<string, string | number | null | undefined>) => void;

export interface EngineProcessOptions {
  readonly model: ModelOptions;
  readonly loadVoice: LoadVoice;
  /** what differs from the preset of the provider that the model runs on; see presets.ts */
  readonly policy?: Partial<BatchPolicyOptions>;
  /** a batch without an answer is given at least this long, more by its size and the measured speed; default 120 s */
  readonly hangTimeoutMs?: number;
  /** default 10 minutes: weights may come from a cold disk */
  readonly startTimeoutMs?: number;
  /** the child's entry; for tests */
  readonly hostModule?: URL;
  readonly log?: EngineLog;
}

type State = 'new' | 'starting' | 'ready' | 'pausing' | 'down' | 'closing' | 'closed';

const DEFAULT_GRACE_MS = 5000;
/** After so many failed starts in a row, those who wait are told. */
const MAX_START_ATTEMPTS = 3;
/** The first restart is immediate, the next ones pause this long, doubled each time, until a batch succeeds. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

export class EngineProcess implements SynthesisEngine {
  readonly #options: EngineProcessOptions;
  readonly #batcher: Batcher;
  readonly #deadline: HangDeadline;
  readonly #log: EngineLog;
  readonly #closing = new AbortController();
  #state: State = 'new';
  #host: HostProcess | undefined;
  /** resolves when the child is gone and the state says so */
  #hostGone: Promise<void> = Promise.resolve();
  #info: EngineInfo | undefined;
  /** settles, without a value, when the batch at work does */
  #running: Promise<void> = Promise.resolve();
  #booting: Promise<EngineInfo> | undefined;
  #closed: Promise<void> | undefined;
  /** children that died, or failed to start, since the last batch that succeeded */
  #fruitlessLives = 0;
  #starts = 0;

  constructor(options: EngineProcessOptions) {
    this.#options = options;
    this.#deadline = new HangDeadline(options.hangTimeoutMs ?? 120_000);
    this.#log = options.log ?? ignore;
    this.#batcher = new Batcher({
      runner: { ready: () => this.#ready(), run: (batch) => this.#run(batch) },
      limits: () => ({ ...BATCH_PRESETS[this.#info?.provider ?? 'cpu'], ...options.policy }),
    });
  }

  /** One attempt. A failed one may be repeated. @throws provider_unavailable, model_invalid, engine_timeout, engine_stopped */
  start(): Promise<EngineInfo> {
    return this.#boot(1);
  }

  synthesise(request: SynthesisRequest, options: { signal?: AbortSignal } = {}): Promise<SynthesisedSpeech> {
    return this.#batcher.synthesise(request, options.signal);
  }

  close({ graceMs = DEFAULT_GRACE_MS }: { graceMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#shutDown(graceMs);
    return this.#closed;
  }

  /** For metrics and benchmarks. */
  get statistics(): BatcherStatistics & { restarts: number } {
    return { ...this.#batcher.statistics, restarts: Math.max(0, this.#starts - 1) };
  }

  /** The child's process id while there is one. */
  get hostPid(): number | undefined {
    return this.#host?.pid;
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  // ---------------------------------------------------------------- the child's lives

  async #ready(): Promise<void> {
    await this.#boot(MAX_START_ATTEMPTS);
  }

  /** Callers that come while a boot is under way share it. */
  #boot(attempts: number): Promise<EngineInfo> {
    if (this.#isClosing) return Promise.reject(stopped());
    if (this.#state === 'ready' && this.#info) return Promise.resolve(this.#info);
    this.#booting ??= this.#startRepeatedly(attempts).finally(() => {
      this.#booting = undefined;
    });
    return this.#booting;
  }

  async #startRepeatedly(attempts: number): Promise<EngineInfo> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#pause();
        this.#closing.signal.throwIfAborted();
        return await this.#startHost();
      } catch (error) {
        if (this.#isClosing) throw stopped();
        this.#fruitlessLives += 1;
        const failure = toNarratorError(error);
        this.#log('engine_start_failed', { attempt, code: failure.code, reason: failure.message });
        if (attempt >= attempts) {
          this.#setState('down');
          throw failure;
        }
      }
    }
  }

  async #pause(): Promise<void> {
    if (this.#fruitlessLives < 2) return;
    this.#setState('pausing');
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#fruitlessLives - 2));
    await sleep(pauseMs, undefined, { signal: this.#closing.signal });
  }

  async #startHost(): Promise<EngineInfo> {
    this.#setState('starting');
    this.#starts += 1;
    const host = new HostProcess(this.#options.hostModule);
    this.#host = host;
    this.#hostGone = this.#survive(host);
    try {
      const info = await host.load(this.#options.model, this.#options.startTimeoutMs ?? 600_000);
      this.#assertSameModel(info);
      this.#info = info;
    } catch (error) {
      const failure = toNarratorError(error);
      host.kill(failure);
      await this.#hostGone;
      throw failure;
    }
    this.#setState('ready');
    return this.#info;
  }

  /** Keys name sounds by the model's digest: a model that was exchanged on disk must not answer for the old one. */
  #assertSameModel({ modelDigest }: EngineInfo): void {
    if (this.#info === undefined || this.#info.modelDigest === modelDigest) return;
    throw new NarratorError(
      'model_invalid',
      `The model in ${this.#options.model.directory} was changed while it was in use: its digest was ` +
        `${this.#info.modelDigest} and is ${modelDigest} now. Restart the program to use it.`,
    );
  }

  /** Waits for the end of a child's life, and starts the next one at once if this one was at work. */
  async #survive(host: HostProcess): Promise<void> {
    const exit = await host.exited;
    this.#host = undefined;
    this.#log('engine_exited', { code: exit.code, signal: exit.signal, stderr: exit.stderrTail });
    if (this.#state !== 'ready') return;
    this.#fruitlessLives += 1;
    this.#setState('pausing');
    // Whoever waits learns of a failure through #ready; without anybody waiting, 'down' is all there is to say.
    this.#boot(MAX_START_ATTEMPTS).catch(ignore);
  }

  async #shutDown(graceMs: number): Promise<void> {
    const host = this.#host;
    const isAtWork = this.#state === 'ready';
    this.#setState('closing');
    this.#closing.abort();
    this.#batcher.stop(stopped());
    if (host) {
      const insist = setTimeout(() => host.kill(stopped()), isAtWork ? graceMs : 0);
      await Promise.race([this.#running, host.exited]);
      await host.leave();
      clearTimeout(insist);
    }
    await this.#booting?.catch(ignore);
    this.#setState('closed');
  }

  #setState(state: State): void {
    // Whatever a dying start still reports, nothing leads back from closing.
    if (this.#isClosing && state !== 'closed') return;
    if (this.#state === state) return;
    this.#log('engine_state', { from: this.#state, to: state, pid: this.#host?.pid });
    this.#state = state;
  }

  // ---------------------------------------------------------------- one batch

  #run(batch: readonly SynthesisRequest[]): Promise<BatchResult> {
    const running = this.#runBatch(batch);
    this.#running = running.then(ignore, ignore);
    return running;
  }

  async #runBatch(batch: readonly SynthesisRequest[]): Promise<BatchResult> {
    const host = this.#host;
    const hostGone = this.#hostGone;
    const info = this.#info;
    if (!host || !info) throw new NarratorError('engine_crashed', 'The engine process is gone.');
    const work = paddedFrames(batch.map((request) => ({ frames: totalFrames(request) }))) * longestSolve(batch);
    const timeoutMs = this.#deadline.timeoutMs(work, info.provider);
    const startedAt = performance.now();
    try {
      const { loadVoice } = this.#options;
      const result = await runOnHost(batch, { host, loadVoice, sampleRateHz: info.sampleRateHz, timeoutMs });
      const tookMs = performance.now() - startedAt;
      if (result.statistics.size > 0) this.#deadline.observe(work, tookMs);
      this.#fruitlessLives = 0;
      this.#log('batch_done', { ...result.statistics, tookMs });
      return result;
    } catch (error) {
      const failure = toNarratorError(error);
      this.#log('batch_failed', { size: batch.length, code: failure.code, reason: failure.message });
      // A child that failed is on its way out: the next batch must not be sent after it.
      if (host.isLost) await hostGone;
      throw failure;
    }
  }
}

function ignore(): void {}

function longestSolve(batch: readonly SynthesisRequest[]): number {
  return batch.reduce((most, { parameters }) => Math.max(most, parameters.steps), 1);
}
