/** What becomes of work when the engine itself cannot work at all: no item's fault, and none is recorded as failed for it. */
import { type ErrorCode, NarratorError, toNarratorError } from '../core/errors.ts';
import type { SynthesisEngine } from '../core/ports.ts';

const ENGINE_UNUSABLE: readonly ErrorCode[] = ['provider_unavailable', 'model_invalid'];

/** The engine, but once it turns out to be unusable its requests reject with engine_stopped, and `onUnusable` hears why. */
export function whileUsable(engine: SynthesisEngine, onUnusable: (error: NarratorError) => void): SynthesisEngine {
  return {
    start: () => engine.start(),
    close: (options) => engine.close(options),
    synthesise: async (request, options) => {
      try {
        return await engine.synthesise(request, options);
      } catch (thrown) {
        const error = toNarratorError(thrown);
        if (!ENGINE_UNUSABLE.includes(error.code)) throw error;
        onUnusable(error);
        throw new NarratorError('engine_stopped', 'The engine cannot be used.', {}, { cause: error });
      }
    },
  };
}
