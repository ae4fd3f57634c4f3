/** Runs every graph on golden data and compares: with the official outputs, and a batch with its own single runs. */
import { type ExecutionProvider, F5Sessions } from '../../src/engine/f5/session.ts';
import { timeGrid } from '../../src/engine/f5/time-grid.ts';
import type { GoldenData, GoldenFlavour, GoldenRun } from './golden-data.ts';

/** What a figure is about, and the largest that passes. */
const BOUNDS = {
  mel: 1e-4,
  'mel, batch': 1e-4,
  sampler: 5e-5,
  'sampler, batch': 5e-5,
  /** a padded batch against its own single runs */
  'batch - single': 2e-5,
  /** the same where both are padded to at least 128 frames, each to a length of its own: on the CPU not one bit differs */
  'same, padded to 128': 0,
  vocoder: 1e-6,
  'vocoder, batch': 1e-6,
  'vocoder, batch - single': 0,
} as const;

export type Quantity = keyof typeof BOUNDS;

export interface Measurement {
  readonly flavour: string;
  /** index of the run; absent where there is one for all runs */
  readonly run?: number;
  readonly utterance: number;
  /** largest absolute differences */
  readonly errors: Partial<Record<Quantity, number>>;
}

/** Lengths are padded to multiples of this in the bit-for-bit comparison. */
const PADDING_FRAMES = 128;

/** Upstream leaves the second pass out below this guidance strength (F5-TTS, model/cfm.py). */
const LEAST_GUIDANCE = 1e-5;

/** What is expected of any machine and precision: the right numbers at all. States of the ODE and samples are of the order of 1. */
const ELSEWHERE_BOUND = 1;

export type BoundOf = (quantity: Quantity) => number;

export function boundsOf({ provider = 'cpu', precision = 'f32' }: ParityMachine): BoundOf {
  return provider === 'cpu' && precision === 'f32' ? (quantity) => BOUNDS[quantity] : () => ELSEWHERE_BOUND;
}

export function passes({ errors }: Measurement, boundOf: BoundOf): boolean {
  return Object.entries(errors).every(([quantity, error]) => error <= boundOf(quantity as Quantity));
}

/** Largest absolute difference over the first `length` elements; infinite if one is not a number. */
export function maxError(actual: Float32Array, expected: Float32Array, length = expected.length): number {
  if (actual.length < length || expected.length < length) return Infinity;
  let largest = 0;
  for (let i = 0; i < length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!(error <= largest)) largest = Number.isNaN(error) ? Infinity : error;
  }
  return largest;
}

/** Where the network is computed, and how. */
export interface ParityMachine {
  readonly provider?: ExecutionProvider;
  readonly precision?: 'f32' | 'f16';
  readonly threads?: number;
}

export async function measureFlavour(
  golden: GoldenData,
  flavour: GoldenFlavour,
  { provider = 'cpu', precision = 'f32', threads = 0 }: ParityMachine = {},
): Promise<Measurement[]> {
  const sessions = await F5Sessions.load({
    directory: golden.directory,
    weightsFile: flavour.weightsFile,
    vocoderFile: golden.vocoderFile,
    architecture: flavour.architecture,
    provider,
    precision,
    threads,
  });
  try {
    const parity = new FlavourParity(golden, flavour, sessions);
    const measurements = await parity.measureMel();
    for (const [r, run] of golden.runs.entries()) measurements.push(...(await parity.measureSampler(r, run)));
    measurements.push(...(await parity.measureVocoder()));
    return measurements;
  } finally {
    await sessions.release();
  }
}

class FlavourParity {
  private readonly golden: GoldenData;
  private readonly flavour: GoldenFlavour;
  private readonly sessions: F5Sessions;
  /** all utterances, last first: so that a batch is not in the order of the single runs */
  private readonly everyone: readonly number[];

  constructor(golden: GoldenData, flavour: GoldenFlavour, sessions: F5Sessions) {
    this.golden = golden;
    this.flavour = flavour;
    this.sessions = sessions;
    this.everyone = golden.utterances.map((_, i) => i).reverse();
  }

  async measureMel(): Promise<Measurement[]> {
    const waves = this.everyone.map((i) => this.golden.utterances[i]!.wave);
    const batch = await this.sessions.mel(waves);
    const stride = batch.mel.length / waves.length;
    return this.perUtterance(undefined, async (i) => {
      const { wave, promptMel, promptFrames } = this.golden.utterances[i]!;
      const single = await this.sessions.mel([wave]);
      const place = this.everyone.indexOf(i);
      const inBatch = batch.mel.subarray(place * stride, (place + 1) * stride);
      const framesAgree = single.frames[0] === promptFrames && batch.frames[place] === promptFrames;
      return {
        mel: framesAgree ? maxError(single.mel, promptMel) : Infinity,
        'mel, batch': framesAgree ? maxError(inBatch, promptMel) : Infinity,
      };
    });
  }

  async measureSampler(r: number, run: GoldenRun): Promise<Measurement[]> {
    const longest = Math.max(...this.golden.utterances.map(({ duration }) => duration));
    const batch = await this.sample(this.everyone, longest, run);
    const paddedBatch = await this.sample(this.everyone, padded(longest), run);
    return this.perUtterance(r, async (i) => {
      const { duration } = this.golden.utterances[i]!;
      const expected = this.flavour.outputs[i]!.mels[r]!;
      const [single] = await this.sample([i], duration, run);
      const [paddedSingle] = await this.sample([i], padded(duration), run);
      const place = this.everyone.indexOf(i);
      return {
        sampler: maxError(single!, expected),
        'sampler, batch': maxError(batch[place]!, expected),
        'batch - single': maxError(batch[place]!, single!),
        'same, padded to 128': maxError(paddedBatch[place]!, paddedSingle!),
      };
    });
  }

  async measureVocoder(): Promise<Measurement[]> {
    const batch = await this.vocode(this.everyone);
    return this.perUtterance(undefined, async (i) => {
      const expected = this.flavour.outputs[i]!.wave;
      const [single] = await this.vocode([i]);
      const inBatch = batch[this.everyone.indexOf(i)]!;
      const lengthsAgree = single!.length === expected.length && inBatch.length === expected.length;
      return {
        vocoder: lengthsAgree ? maxError(single!, expected) : Infinity,
        'vocoder, batch': lengthsAgree ? maxError(inBatch, expected) : Infinity,
        'vocoder, batch - single': maxError(inBatch, single!),
      };
    });
  }

  private async perUtterance(
    run: number | undefined,
    measure: (utterance: number) => Promise<Measurement['errors']>,
  ): Promise<Measurement[]> {
    const measurements: Measurement[] = [];
    for (let utterance = 0; utterance < this.golden.utterances.length; utterance++) {
      const errors = await measure(utterance);
      measurements.push({ flavour: this.flavour.name, ...(run === undefined ? {} : { run }), utterance, errors });
    }
    return measurements;
  }

  /** One batch of these utterances padded to `frames`; the end states, cut to each one's duration. */
  private async sample(utterances: readonly number[], frames: number, run: GoldenRun): Promise<Float32Array[]> {
    const { melDim } = this.sessions;
    const items = utterances.map((i) => ({ ...this.golden.utterances[i]!, ...this.flavour.outputs[i]! }));
    const textLength = Math.max(...items.map(({ text }) => text.length));
    const state = await this.sessions.sample({
      batch: items.length,
      frames,
      noise: stacked(
        items.map(({ noise }) => noise),
        frames * melDim,
      ),
      cond: stacked(
        items.map(({ promptMel }) => promptMel),
        frames * melDim,
      ),
      textLength,
      text: items.flatMap(({ text }) => [...text, ...Array<number>(textLength - text.length).fill(-1)]),
      durations: items.map(({ duration }) => duration),
      times: timeGrid(run.steps, run.sway, { epss: run.epss }),
      cfg: items.map(() => run.cfg),
      passes: run.cfg < LEAST_GUIDANCE ? 1 : 2,
    });
    return items.map(({ duration }, place) => {
      const start = place * frames * melDim;
      return state.slice(start, start + duration * melDim);
    });
  }

  /** The speech of the last run's golden mels as one batch. */
  private async vocode(utterances: readonly number[]): Promise<Float32Array[]> {
    const items = utterances.map((i) => this.golden.utterances[i]!);
    const frames = Math.max(...items.map(({ duration }) => duration));
    return this.sessions.vocode({
      batch: items.length,
      frames,
      mel: stacked(
        utterances.map((i) => this.flavour.outputs[i]!.mels.at(-1)!),
        frames * this.sessions.melDim,
      ),
      start: items.map(({ promptFrames }) => promptFrames),
      length: items.map(({ duration, promptFrames }) => duration - promptFrames),
    });
  }
}

function padded(frames: number): number {
  return Math.ceil(frames / PADDING_FRAMES) * PADDING_FRAMES;
}

/** Arrays one after another, each padded with zeros to `stride`. */
function stacked(arrays: readonly Float32Array[], stride: number): Float32Array {
  const all = new Float32Array(arrays.length * stride);
  for (const [i, array] of arrays.entries()) all.set(array, i * stride);
  return all;
}
