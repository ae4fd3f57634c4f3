/** An engine that hums in place of speaking: for volume, where nobody listens. Imports the program, as workers do. */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { NarratorError } from '../../src/core/errors.ts';
import type { EngineInfo, SynthesisedSpeech, SynthesisEngine, SynthesisRequest } from '../../src/core/ports.ts';
import type { Narrator } from '../../src/runtime/narrator.ts';

/** As long as the model would speak; the pitch depends on the text, voice and seed alone. */
export class StandInEngine implements SynthesisEngine {
  readonly #narrator: Narrator;
  readonly #delayMs: number;
  readonly #callsFile: string | undefined;

  /** @param delayMs that each segment takes @param callsFile gets the key of each segment that is asked for, one a line */
  constructor(narrator: Narrator, delayMs: number, callsFile?: string) {
    this.#narrator = narrator;
    this.#delayMs = delayMs;
    this.#callsFile = callsFile;
  }

  async start(): Promise<EngineInfo> {
    const { id, digest, sampleRateHz } = this.#narrator.speechModel;
    const runs = { provider: 'cpu', precision: 'f32', threads: 1, runtimeVersion: 'stand-in' } as const;
    return { modelId: id, modelDigest: digest, sampleRateHz, ...runs };
  }

  async synthesise(
    { key, frames }: SynthesisRequest,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<SynthesisedSpeech> {
    if (this.#callsFile !== undefined) appendFileSync(this.#callsFile, `${key}\n`);
    await delay(this.#delayMs, undefined, signal && { signal }).catch(() => undefined);
    if (signal?.aborted === true) throw new NarratorError('cancelled', 'The segment was cancelled.');
    const { sampleRateHz, hopLength } = this.#narrator.speechModel;
    const hertz = 100 + (Buffer.from(key).reduce((sum, byte) => sum + byte, 0) % 400);
    const step = (2 * Math.PI * hertz) / sampleRateHz;
    const samples = Float32Array.from({ length: frames * hopLength }, (_, at) => 0.3 * Math.sin(at * step));
    return { samples, sampleRateHz, warnings: [] };
  }

  async close(): Promise<void> {
    await this.#narrator.close();
  }
}
