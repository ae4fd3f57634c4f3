/** The worker of queue.ts, forked with a WorkerTask as JSON: works until its parent lets go of it; to every message it answers with a WorkerReport of the time since the last. */
import { readConfig, silenceVendors } from '../src/runtime/config.ts';
import { openStore } from '../src/runtime/open-store.ts';
import { QueueWorker } from '../src/runtime/queue-worker.ts';
import { metered, type StoreRequest } from './metered-store.ts';
import { type EngineTimes, TimedEngine } from './timed-engine.ts';

export interface WorkerTask {
  readonly environment: Readonly<Record<string, string>>;
  readonly modelDigest: string;
  readonly audioSecondsPerSecond?: number;
}

export interface WorkerReport {
  readonly cpuMs: number;
  readonly requests: readonly StoreRequest[];
  readonly engine: EngineTimes;
}

silenceVendors();
const { environment, modelDigest, audioSecondsPerSecond } = JSON.parse(process.argv[2]!) as WorkerTask;
const config = readConfig(environment);
const { store, openResults, close } = await openStore(config);
const requests: StoreRequest[] = [];
const engine = new TimedEngine(modelDigest, audioSecondsPerSecond);
const worker = new QueueWorker({
  store: metered(store, requests),
  openResults: async (destination) => {
    const place = await openResults(destination);
    return { ...place, store: metered(place.store, requests) };
  },
  redisUrl: config.redisUrl!,
  queueName: config.queueName,
  concurrency: config.concurrency,
  engine,
  onUnusable: (error) => {
    throw error;
  },
});
await worker.start();

let cpuBefore = process.cpuUsage();
process.on('message', () => {
  const { user, system } = process.cpuUsage(cpuBefore);
  cpuBefore = process.cpuUsage();
  process.send!({
    cpuMs: (user + system) / 1000,
    requests: requests.splice(0),
    engine: engine.takeTimes(),
  } satisfies WorkerReport);
});
process.once('disconnect', () => {
  void worker
    .close()
    .then(close)
    .finally(() => process.exit());
});
process.send!('started');
