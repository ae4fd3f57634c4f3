/** The life of a worker process: from its configuration to its ordered end, whatever engine it is given. */
import { once } from 'node:events';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import type { ArtifactStore, SynthesisEngine } from '../core/ports.ts';
import type { Config } from './config.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { Lifecycle } from './lifecycle.ts';
import { type MetricsServer, openMetrics, serveMetrics } from './metrics-server.ts';
import { type Log, Narrator } from './narrator.ts';
import { openStore } from './open-store.ts';
import { QueueWorker } from './queue-worker.ts';

export type WorkerConfig = Pick<Config, 'store' | 's3' | 'buckets' | 'redisUrl' | 'queueName' | 'concurrency'> &
  Partial<Pick<Config, 'metricsPort' | 'model' | 'server'>>;

/** Shards at work may finish for so long; 3.5 s more give the others back. Then the engine ends. Within the lifecycle's 25 s. */
const SHARDS = { graceMs: 17_000, timeoutMs: 21_000 };
const ENGINE = { graceMs: 2_000, timeoutMs: 3_000 };

export interface WorkerParts {
  /** whose signals end the worker; its shutdown ends the worker in order */
  readonly lifecycle: Lifecycle;
  /** ended by the worker. `store`: where shared voices lie */
  readonly openEngine: (store: ArtifactStore, log: Log) => Promise<SynthesisEngine>;
  readonly log: Log;
  /** a file that is touched as long as the worker is ready and alive: for health checks */
  readonly heartbeatFile?: string | undefined;
  /** as of BullmqConsumerOptions; for tests */
  readonly lockDurationMs?: number;
  readonly stalledIntervalMs?: number;
}

/** Works until the lifecycle shuts down, or until the engine cannot be used. @returns the exit code: 0, or 1 for what the log says */
export async function runWorker(config: WorkerConfig, parts: WorkerParts): Promise<number> {
  const { openEngine, log: givenLog, lifecycle, heartbeatFile, ...timing } = parts;
  const metrics = openMetrics(config);
  const log = metrics?.listening(givenLog) ?? givenLog;
  let isWell = true;
  let served: MetricsServer | undefined;
  const fail = (thrown: unknown) => {
    isWell = false;
    const { code, message, hint } = toNarratorError(thrown);
    log('worker.failed', { error: code, message, hint });
    return lifecycle.shutdown(code);
  };
  try {
    const { redisUrl, queueName, concurrency } = config;
    if (redisUrl === undefined) throw new NarratorError('config_invalid', 'NARRATOR_REDIS_URL is not set.');
    const { store, openResults, close } = await openStore(config);
    const opened = await openEngine(store, log);
    if (lifecycle.signal.aborted) {
      // Told to stop while it opened: phases that were added now would never run.
      await opened.close({ graceMs: 0 });
      await close();
      return (await lifecycle.shutdown('done')) ? 0 : 1;
    }
    const engine = metrics?.measured(opened) ?? opened;
    const onUnusable = (error: NarratorError) => void (isWell && fail(error));
    const worker = new QueueWorker({
      ...{ store, openResults, ...timing },
      ...{ redisUrl, queueName, concurrency, engine, onUnusable, log },
      ...(metrics && { onSegment: metrics.observeSegment }),
    });
    const { graceMs } = SHARDS;
    lifecycle.add({ name: 'shards', timeoutMs: SHARDS.timeoutMs, run: () => worker.close({ graceMs }) });
    const endEngine = () => engine.close({ graceMs: ENGINE.graceMs });
    lifecycle.add({ name: 'engine', timeoutMs: ENGINE.timeoutMs, run: endEngine });
    lifecycle.add({ name: 'store', timeoutMs: 1_000, run: close });
    if (metrics !== undefined) {
      const place = { host: config.server?.host ?? '127.0.0.1', port: config.metricsPort ?? 0 };
      served = await serveMetrics(metrics, place);
      log('worker.metrics', { port: served.port });
    }
    await worker.start();
    log('worker.started', { queueName, concurrency });
    const stopHeartbeat = heartbeatFile === undefined ? undefined : startHeartbeat(heartbeatFile);
    if (!lifecycle.signal.aborted) await once(lifecycle.signal, 'abort');
    stopHeartbeat?.();
  } catch (thrown) {
    // A signal while the model loads ends the engine below the start: that is no failure.
    if (!lifecycle.signal.aborted) await fail(thrown);
  }
  const endedWell = await lifecycle.shutdown('done');
  // Until the very end: what becomes of the last shards is of interest too.
  await served?.close();
  return isWell && endedWell ? 0 : 1;
}

/** The engine of the configured model: what real workers bring. @throws NarratorError model_not_found, model_invalid */
export async function openEngine(config: Config, log: Log, store: ArtifactStore): Promise<SynthesisEngine> {
  return (await Narrator.open(config, log, { store })).engine;
}
