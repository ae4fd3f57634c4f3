#!/usr/bin/env node
/** The queue worker's entry: one process a GPU. `--concurrency N` wins over NARRATOR_CONCURRENCY. */
import { parseArgs } from 'node:util';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import { type Config, readConfig } from '../runtime/config.ts';
import { VARIABLES } from '../runtime/config-variables.ts';
import { createLogger, logFunction } from '../runtime/logger.ts';
import { Narrator } from '../runtime/narrator.ts';
import { runWorker } from '../runtime/run-worker.ts';

async function main(): Promise<number> {
  const config = withFlags(readConfig());
  const log = logFunction(createLogger(config.logLevel));
  return runWorker(config, { openEngine: async () => (await Narrator.open(config, log)).engine, log });
}

function withFlags(config: Config): Config {
  const { concurrency } = flags();
  if (concurrency === undefined) return config;
  const parsed = VARIABLES.NARRATOR_CONCURRENCY.schema.safeParse(concurrency);
  if (parsed.success) return { ...config, concurrency: parsed.data };
  throw new NarratorError('usage', `--concurrency ${parsed.error.issues.map(({ message }) => message).join(', ')}.`);
}

function flags(): { concurrency?: string } {
  try {
    return parseArgs({ options: { concurrency: { type: 'string' } } }).values;
  } catch (cause) {
    throw new NarratorError('usage', cause instanceof Error ? cause.message : String(cause), {}, { cause });
  }
}

// A connection to a Redis that is away must not keep a process alive that is done.
main().then(
  (exitCode) => process.exit(exitCode),
  (thrown: unknown) => {
    const { message, hint } = toNarratorError(thrown);
    process.stderr.write(`error: ${message}\n${hint}\n`);
    process.exit(2);
  },
);
