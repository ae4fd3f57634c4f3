/**
 * A worker of the stack as it is, but for what STACK_WORKER says, as JSON: a stand-in engine,
 * and how long the queue waits for a worker that was killed.
 */
import type { ArtifactStore } from '../../src/core/ports.ts';
import { readConfig } from '../../src/runtime/config.ts';
import { Lifecycle } from '../../src/runtime/lifecycle.ts';
import { createLogger, logFunction } from '../../src/runtime/logger.ts';
import { Narrator } from '../../src/runtime/narrator.ts';
import { runWorker } from '../../src/runtime/run-worker.ts';
import { StandInEngine } from './stand-in-engine.ts';
import type { StackWorkerSettings } from './stack.ts';

const { standIn, ...timing } = JSON.parse(process.env['STACK_WORKER'] ?? '{}') as StackWorkerSettings;
const config = readConfig();
const log = logFunction(createLogger(config.logLevel));
const lifecycle = new Lifecycle(log);
lifecycle.handleSignals();
const openEngine = async (store: ArtifactStore) => {
  const narrator = await Narrator.open(config, log, { store });
  return standIn === undefined ? narrator.engine : new StandInEngine(narrator, standIn);
};
process.exit(await runWorker(config, { openEngine, log, lifecycle, ...timing }));
