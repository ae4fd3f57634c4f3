#!/usr/bin/env node
/** The queue worker's entry, for images and process managers: what `narrator worker` does. `--concurrency N` wins over NARRATOR_CONCURRENCY; `--heartbeat FILE` is for health checks. */
import { parseArgs } from 'node:util';
import { NarratorError, toNarratorError } from '../src/core/errors.ts';
import { type Config, readConfig, silenceVendors } from '../src/runtime/config.ts';
import { VARIABLES } from '../src/runtime/config-variables.ts';
import { Lifecycle } from '../src/runtime/lifecycle.ts';
import { createLogger, logFunction } from '../src/runtime/logger.ts';
import { openEngine, runWorker } from '../src/runtime/run-worker.ts';

async function main(): Promise<number> {
  silenceVendors();
  const { concurrency, heartbeat: heartbeatFile } = flags();
  const config = withConcurrency(readConfig(), concurrency);
  const log = logFunction(createLogger(config.logLevel));
  const lifecycle = new Lifecycle(log);
  const stopHandling = lifecycle.handleSignals();
  try {
    return await runWorker(config, {
      openEngine: (store, engineLog) => openEngine(config, engineLog, store),
      log,
      lifecycle,
      heartbeatFile,
    });
  } finally {
    stopHandling();
  }
}

function withConcurrency(config: Config, concurrency: string | undefined): Config {
  if (concurrency === undefined) return config;
  const parsed = VARIABLES.NARRATOR_CONCURRENCY.schema.safeParse(concurrency);
  if (parsed.success) return { ...config, concurrency: parsed.data };
  throw new NarratorError('usage', `--concurrency ${parsed.error.issues.map(({ message }) => message).join(', ')}.`);
}

function flags(): { concurrency?: string; heartbeat?: string } {
  try {
    return parseArgs({ options: { concurrency: { type: 'string' }, heartbeat: { type: 'string' } } }).values;
  } catch (cause) {
    throw new NarratorError('usage', cause instanceof Error ? cause.message : String(cause), {}, { cause });
  }
}

try {
  process.exitCode = await main();
} catch (thrown) {
  const { message, hint } = toNarratorError(thrown);
  process.stderr.write(`error: ${message}\n${hint}\n`);
  process.exitCode = 2;
}
