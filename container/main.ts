#!/usr/bin/env node
/** The container's entry: SageMaker starts it with the argument `serve`, or as the image does, with none. Settings come from the environment. */
import { NarratorError, toNarratorError } from '../src/core/errors.ts';
import { readConfig, silenceVendors } from '../src/runtime/config.ts';
import { containerDefaults } from '../src/runtime/container-defaults.ts';
import { Lifecycle } from '../src/runtime/lifecycle.ts';
import { createLogger, logFunction } from '../src/runtime/logger.ts';
import { runContainer } from '../src/runtime/run-container.ts';

async function main([command = 'serve', ...more]: readonly string[]): Promise<number> {
  if (command !== 'serve' || more.length > 0) {
    throw new NarratorError('usage', 'The only argument is `serve`.', { hint: 'docs/container.md has the settings.' });
  }
  silenceVendors();
  const config = readConfig(undefined, containerDefaults());
  const log = logFunction(createLogger(config.logLevel));
  const lifecycle = new Lifecycle(log);
  const stopHandling = lifecycle.handleSignals();
  try {
    return await runContainer(config, { log, lifecycle });
  } finally {
    stopHandling();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (thrown) {
  const { message, hint } = toNarratorError(thrown);
  process.stderr.write(`error: ${message}\n${hint}\n`);
  process.exitCode = 2;
}
