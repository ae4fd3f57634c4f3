/** An engine that hums in place of speaking: for volume, where nobody listens. Imports the program, as workers do. */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { NarratorError } from '../../src/core/errors.ts';
import type { EngineInfo, SynthesisedSpeech, SynthesisEngine, SynthesisRequest } from '../../src/core/ports.ts';
import type { Narrator } from '../../src/runtime/narrator.ts';

export interface StandInOptions {
  /** that each segment takes; any number go on at once */
  readonly delayMs: number;
  /** audio-seconds a second that it makes at most, as a model would; without it there is no such limit */
  readonly audioRate?: number;
  /** gets the key of each segment that is asked for, one a line */
  readonly callsFile?: string;
}

const PITCHES = 20;

/** As long as the model would speak; the pitch depends on the text, voice and seed alone. */
export class StandInEngine implements SynthesisEngine {
  readonly #narrator: Narrator;
  readonly #options: StandInOptions;
  readonly #seconds = new Map<number, Float32Array>();
  #busyUntilMs = 0;

  constructor(narrator: Narrator, options: StandInOptions) {
    this.#narrator = narrator;
    this.#options = options;
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
    const { callsFile } = this.#options;
    const { sampleRateHz, hopLength } = this.#narrator.speechModel;
    if (callsFile !== undefined) appendFileSync(callsFile, `${key}\n`);
    await delay(this.#waitMs((frames * hopLength) / sampleRateHz), undefined, signal && { signal }).catch(
      () => undefined,
    );
    if (signal?.aborted === true) throw new NarratorError('cancelled', 'The segment was cancelled.');
    const second = this.#secondOf(100 + 20 * (Number.parseInt(key.slice(0, 2), 16) % PITCHES));
    const samples = new Float32Array(frames * hopLength);
    for (let at = 0; at < samples.length; at += sampleRateHz) samples.set(second.subarray(0, samples.length - at), at);
    return { samples, sampleRateHz, warnings: [] };
  }

  /** A GPU costs the processor nothing, so this must not either: computed once. */
  #secondOf(hertz: number): Float32Array {
    let second = this.#seconds.get(hertz);
    if (second === undefined) {
      const { sampleRateHz } = this.#narrator.speechModel;
      const step = (2 * Math.PI * hertz) / sampleRateHz;
      second = Float32Array.from({ length: sampleRateHz }, (_, at) => 0.3 * Math.sin(at * step));
      this.#seconds.set(hertz, second);
    }
    return second;
  }

  #waitMs(audioSeconds: number): number {
    const { delayMs, audioRate } = this.#options;
    if (audioRate === undefined) return delayMs;
    const nowMs = performance.now();
    this.#busyUntilMs = Math.max(this.#busyUntilMs, nowMs) + (audioSeconds / audioRate) * 1000;
    return Math.max(delayMs, this.#busyUntilMs - nowMs);
  }

  async close(): Promise<void> {
    await this.#narrator.close();
  }
}
