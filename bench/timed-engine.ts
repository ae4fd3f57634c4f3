/** An engine that only takes time: what is left of a worker's time when synthesis is not what is measured. */
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineInfo, SynthesisedSpeech, SynthesisEngine, SynthesisRequest } from '../src/core/ports.ts';

const SAMPLE_RATE_HZ = 24_000;
const HOP_SAMPLES = 256;
const LONGEST_SECONDS = 60;

export interface EngineTimes {
  /** at work on some segment */
  readonly busyMs: number;
  /** between the first request and the last answer */
  readonly elapsedMs: number;
}

/** One device, which is given one segment after another. */
export class TimedEngine implements SynthesisEngine {
  readonly #info: EngineInfo;
  /** undefined: it answers at once */
  readonly #audioSecondsPerSecond: number | undefined;
  /** A tone, so that silence is not what is encoded and trimmed; every answer is a view of it. */
  readonly #tone = Float32Array.from({ length: LONGEST_SECONDS * SAMPLE_RATE_HZ }, (_, at) => 0.2 * Math.sin(at / 20));
  #firstAtMs: number | undefined;
  #freeAtMs = 0;
  #busyMs = 0;

  constructor(modelDigest: string, audioSecondsPerSecond?: number) {
    this.#audioSecondsPerSecond = audioSecondsPerSecond;
    this.#info = {
      modelId: 'timed',
      modelDigest,
      provider: 'cpu',
      precision: 'f32',
      threads: 1,
      sampleRateHz: SAMPLE_RATE_HZ,
      runtimeVersion: '0',
    };
  }

  /** Since the last call. */
  takeTimes(): EngineTimes {
    const times = { busyMs: this.#busyMs, elapsedMs: this.#freeAtMs - (this.#firstAtMs ?? this.#freeAtMs) };
    this.#firstAtMs = undefined;
    this.#busyMs = 0;
    return times;
  }

  async start(): Promise<EngineInfo> {
    return this.#info;
  }

  async synthesise({ frames }: SynthesisRequest): Promise<SynthesisedSpeech> {
    const samples = this.#tone.subarray(0, frames * HOP_SAMPLES);
    if (this.#audioSecondsPerSecond !== undefined) {
      const now = performance.now();
      const ms = (1000 * samples.length) / SAMPLE_RATE_HZ / this.#audioSecondsPerSecond;
      this.#firstAtMs ??= now;
      this.#freeAtMs = Math.max(now, this.#freeAtMs) + ms;
      this.#busyMs += ms;
      // Nothing is given up in a benchmark: no listener for each segment.
      await delay(this.#freeAtMs - now);
    }
    return { samples, sampleRateHz: SAMPLE_RATE_HZ, warnings: [] };
  }

  async close(): Promise<void> {}
}
