/** The worker as it is, but for its engine: one that speaks soon, says when it begins a segment, and crashes now and then. Configured by its environment. */
import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { NarratorError } from '../../../../src/core/errors.ts';
import { readConfig } from '../../../../src/runtime/config.ts';
import { Lifecycle } from '../../../../src/runtime/lifecycle.ts';
import { createLogger, logFunction } from '../../../../src/runtime/logger.ts';
import { runWorker } from '../../../../src/runtime/run-worker.ts';
import { FakeEngine } from '../../../unit/core/fakes.ts';

const config = readConfig();
const engine = new FakeEngine();
engine.before = async () => {
  writeSync(1, '.');
  await delay(100 + Math.random() * 300);
  if (Math.random() < 0.02) throw new NarratorError('engine_crashed', 'The engine crashed.');
};
const log = logFunction(createLogger(config.logLevel));
const lifecycle = new Lifecycle(log);
lifecycle.handleSignals();
process.exit(
  await runWorker(config, {
    openEngine: async () => engine,
    log,
    lifecycle,
    lockDurationMs: 1_000,
    stalledIntervalMs: 300,
  }),
);
