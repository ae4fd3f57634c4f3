/**
 * A container as it is, but for what CONTAINER_CHILD says, as JSON. Everything else comes from the environment: its port is SAGEMAKER_BIND_TO_PORT.
 * Says `container.ready` in its log once it works.
 */
import { NarratorError } from '../../src/core/errors.ts';
import type { SynthesisEngine } from '../../src/core/ports.ts';
import { BATCH_PRESETS } from '../../src/engine/presets.ts';
import { EngineProcess } from '../../src/engine/engine-process.ts';
import { readConfig, silenceVendors } from '../../src/runtime/config.ts';
import { containerDefaults } from '../../src/runtime/container-defaults.ts';
import { Lifecycle } from '../../src/runtime/lifecycle.ts';
import { createLogger, logFunction } from '../../src/runtime/logger.ts';
import type { Log, Narrator } from '../../src/runtime/narrator.ts';
import { runContainer } from '../../src/runtime/run-container.ts';
import type { ContainerChildSettings } from './container-process.ts';
import { StandInEngine } from './stand-in-engine.ts';

silenceVendors();
const settings = JSON.parse(process.env['CONTAINER_CHILD'] ?? '{}') as ContainerChildSettings;
const config = readConfig(undefined, containerDefaults());
const log = logFunction(createLogger(config.logLevel));
const lifecycle = new Lifecycle(log);
lifecycle.handleSignals();
const { cancelIntervalMs, graceMs } = settings;
process.exit(
  await runContainer(config, {
    ...{ log, lifecycle, openEngine },
    ...(cancelIntervalMs !== undefined && { cancelIntervalMs }),
    ...(graceMs !== undefined && { graceMs }),
  }),
);

function openEngine(narrator: Narrator, engineLog: Log): SynthesisEngine {
  const { standIn, batches, loadMs = 0, failures = {} } = settings;
  const engine =
    standIn !== undefined
      ? new StandInEngine(narrator, standIn)
      : batches
        ? batching(narrator, engineLog)
        : narrator.engine;
  let hasCrashed = false;
  return {
    start: async () => {
      await new Promise((resolve) => setTimeout(resolve, loadMs));
      if (hasCrashed) throw new NarratorError('engine_crashed', 'The engine does not start any more.');
      return engine.start();
    },
    close: (options) => engine.close(options),
    synthesise: async (request, options) => {
      const code = Object.entries(failures).find(([text]) => request.text.includes(text))?.[1];
      if (code === undefined) return engine.synthesise(request, options);
      hasCrashed ||= code === 'engine_crashed';
      throw new NarratorError(code, 'A test wants it so.');
    },
  };
}

/** The model itself, with the batches of a GPU. */
function batching(narrator: Narrator, engineLog: Log): SynthesisEngine {
  const { provider, threads, precision } = config;
  return new EngineProcess({
    model: { directory: narrator.model.directory, provider, threads, precision },
    loadVoice: (version) => narrator.voices.load(version),
    policy: BATCH_PRESETS.cuda,
    log: engineLog,
  });
}
