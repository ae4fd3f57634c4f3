/** What becomes of work when the engine itself cannot work at all: no item's fault, and none is recorded as failed for it. */
import { type ErrorCode, NarratorError, toNarratorError } from '../core/errors.ts';
import type { SynthesisEngine } from '../core/ports.ts';

const ENGINE_UNUSABLE: readonly ErrorCode[] = ['provider_unavailable', 'model_invalid'];
const ENGINE_FELL: readonly ErrorCode[] = ['engine_crashed', 'engine_timeout'];

/** The engine, but once it turns out to be unusable its requests reject with engine_stopped, and `onUnusable` hears why. */
export function whileUsable(engine: SynthesisEngine, onUnusable: (error: NarratorError) => void): SynthesisEngine {
  return rejecting(engine, (error) => {
    if (!ENGINE_UNUSABLE.includes(error.code)) return error;
    onUnusable(error);
    return new NarratorError('engine_stopped', 'The engine cannot be used.', {}, { cause: error });
  });
}

/**
 * The same engine, but `onLost` hears when it is unusable, and when it fell under its work and does not start again. For who must not go on
 * taking work that it cannot do: behind a queue that waits, the next request would ask soon enough.
 */
export function untilLost(engine: SynthesisEngine, onLost: (error: NarratorError) => void): SynthesisEngine {
  let isAsked = false;
  const askWhetherItLives = async () => {
    if (isAsked) return;
    isAsked = true;
    await engine.start().catch((thrown: unknown) => onLost(toNarratorError(thrown)));
    isAsked = false;
  };
  return rejecting(engine, (error) => {
    if (ENGINE_UNUSABLE.includes(error.code)) onLost(error);
    else if (ENGINE_FELL.includes(error.code)) void askWhetherItLives();
    return error;
  });
}

function rejecting(engine: SynthesisEngine, reason: (error: NarratorError) => NarratorError): SynthesisEngine {
  return {
    start: () => engine.start(),
    close: (options) => engine.close(options),
    synthesise: async (request, options) => {
      try {
        return await engine.synthesise(request, options);
      } catch (thrown) {
        throw reason(toNarratorError(thrown));
      }
    },
  };
}
