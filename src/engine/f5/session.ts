/** The three graphs of F5 as functions on arrays: mel of the reference audio, sampler, vocoder. */
import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NarratorError } from '../../core/errors.ts';
import { buildMelGraph, SHORTEST_WAVE_SAMPLES } from '../graph/mel-graph.ts';
import { HOP_LENGTH } from '../graph/mel-spectrum.ts';
import { PRESETS, withoutFusedKernels } from '../graph/network.ts';
import { Safetensors } from '../graph/safetensors.ts';
import { buildSamplerGraph } from '../graph/sampler-graph.ts';
import { buildVocoderGraph } from '../graph/vocoder-graph.ts';
import { firstLine, OnnxSession, requireProvider } from './onnx-session.ts';
import type { Architecture } from '../graph/architecture.ts';
import type { NetworkOptions } from '../graph/network.ts';
import type { ExecutionProvider, SessionSettings } from './onnx-session.ts';

export { listProviders, runtimeVersion } from './onnx-session.ts';
export type { ExecutionProvider } from './onnx-session.ts';

export interface F5SessionOptions {
  /** folder of both weight files; nothing is written to it */
  readonly directory: string;
  readonly weightsFile: string;
  readonly vocoderFile: string;
  readonly architecture: Architecture;
  readonly provider: ExecutionProvider;
  /** f16: the network inside the ODE loop in half precision; for CUDA, on a CPU it is only slower */
  readonly precision: 'f32' | 'f16';
  /** threads of one operator; 0: the runtime's choice, one a physical core */
  readonly threads: number;
}

/** B items padded to N frames and L tokens; arrays are row after row. */
export interface SampleInput {
  readonly batch: number;
  readonly frames: number;
  /** [B, N, melDim]: the state at times[0] */
  readonly noise: Float32Array;
  /** [B, N, melDim]: the reference's mel, zeros after it */
  readonly cond: Float32Array;
  readonly textLength: number;
  /** [B, L]: tokens of reference and speech, -1 after them */
  readonly text: readonly number[];
  /** [B]: frames of each item, reference included, 1 .. N */
  readonly durations: readonly number[];
  /** S + 1 ascending times, see timeGrid */
  readonly times: Float32Array;
  /** [B]: guidance strength */
  readonly cfg: readonly number[];
  /** 2 with guidance, 1 without it: half the work, and `cfg` has no effect */
  readonly passes: 1 | 2;
  /** steps of one call into the runtime, which nothing can interrupt; all by default. The result is the same, bit by bit. */
  readonly stepsPerRun?: number;
  /** called between such calls; to stop, throw */
  readonly onSteps?: (done: number) => void;
}

export interface VocodeInput {
  readonly batch: number;
  readonly frames: number;
  /** [B, N, melDim], as the sampler returns it */
  readonly mel: Float32Array;
  /** [B]: frames to skip: the reference's */
  readonly start: readonly number[];
  /** [B]: frames to speak, at least 1; start + length <= N */
  readonly length: readonly number[];
}

/** Prompts are short and rare, their mel costs next to nothing: on the CPU it is the same for every provider. */
const MEL_SETTINGS: SessionSettings = { provider: 'cpu', threads: 1 };

export class F5Sessions {
  readonly melDim: number;
  /** 'plain' where this build of the runtime lacks a fused kernel: same numbers, slower */
  readonly kernels: NetworkOptions['kernels'];
  private readonly melSession: OnnxSession;
  private readonly samplerSession: OnnxSession;
  private readonly vocoderSession: OnnxSession;

  private constructor(
    melDim: number,
    sampler: { session: OnnxSession; kernels: NetworkOptions['kernels'] },
    melSession: OnnxSession,
    vocoderSession: OnnxSession,
  ) {
    this.melDim = melDim;
    this.kernels = sampler.kernels;
    this.samplerSession = sampler.session;
    this.melSession = melSession;
    this.vocoderSession = vocoderSession;
  }

  /**
   * Builds the graphs in memory and creates their sessions; the weights are mapped from where they lie.
   * @throws NarratorError provider_unavailable, model_not_found, model_invalid
   */
  static async load(options: F5SessionOptions): Promise<F5Sessions> {
    const { architecture, provider, precision, threads } = options;
    await requireProvider(provider);
    const weights = await openWeights(options.directory, options.weightsFile);
    const vocoderWeights = await openWeights(options.directory, options.vocoderFile);
    // Graphs first, all checks are in there: sessions of a large model take seconds.
    const network: NetworkOptions = { ...PRESETS[provider], precision };
    const buildSampler = (as: NetworkOptions): Uint8Array => buildSamplerGraph(architecture, weights, as);
    const samplerModel = buildSampler(network);
    const melModel = buildMelGraph(architecture.mel_dim, vocoderWeights);
    const vocoderModel = buildVocoderGraph(architecture.mel_dim, vocoderWeights);
    const settings = (file: Safetensors): SessionSettings => ({ provider, threads, weightsFolder: dirname(file.path) });
    const opened: OnnxSession[] = [];
    const open = async (model: Uint8Array, with_: SessionSettings): Promise<OnnxSession> => {
      const session = await OnnxSession.create(model, with_);
      opened.push(session);
      return session;
    };
    try {
      const mel = await open(melModel, { ...MEL_SETTINGS, weightsFolder: dirname(vocoderWeights.path) });
      const vocoder = await open(vocoderModel, settings(vocoderWeights));
      const sampler = await open(samplerModel, settings(weights)).then(
        (session) => ({ session, kernels: network.kernels }),
        async (refusal: unknown) => {
          // The runtime refuses a graph with an operator that it has no kernel for. Any other trouble shows again.
          const plain = withoutFusedKernels(network);
          const session = await open(buildSampler(plain), settings(weights)).catch(() => {
            throw refusal;
          });
          return { session, kernels: plain.kernels };
        },
      );
      return new F5Sessions(architecture.mel_dim, sampler, mel, vocoder);
    } catch (cause) {
      await Promise.all(opened.map((session) => session.release()));
      if (cause instanceof NarratorError) throw cause;
      throw new NarratorError(
        'model_invalid',
        `ONNX Runtime cannot load the model in ${options.directory}: ${firstLine(cause)}`,
        {},
        { cause },
      );
    }
  }

  /**
   * Log-mel spectrograms of mono audio at 24 kHz.
   * @param waves each at least SHORTEST_WAVE_SAMPLES long
   * @returns mel [B, F, melDim], 0 past each item's frames; F is the largest of `frames`
   * @throws NarratorError voice_invalid if a wave is too short
   */
  async mel(waves: readonly Float32Array[]): Promise<{ mel: Float32Array; frames: number[] }> {
    const longest = Math.max(...waves.map((wave) => wave.length));
    const padded = new Float32Array(waves.length * longest);
    for (const [i, wave] of waves.entries()) {
      if (wave.length < SHORTEST_WAVE_SAMPLES) {
        throw new NarratorError(
          'voice_invalid',
          `The reference audio has ${wave.length} samples; at least ${SHORTEST_WAVE_SAMPLES} are needed`,
          { limit: SHORTEST_WAVE_SAMPLES },
        );
      }
      padded.set(wave, i * longest);
    }
    const output = await this.melSession.run({
      wave: { float32: padded, shape: [waves.length, longest] },
      wave_len: { int64: waves.map((wave) => wave.length), shape: [waves.length] },
    });
    return { mel: output.mel as Float32Array, frames: Array.from(output.frames as BigInt64Array, Number) };
  }

  /**
   * From noise to mel.
   * @returns [B, N, melDim]; frames past an item's duration have no meaning
   * @throws NarratorError out_of_memory, internal; whatever `onSteps` throws
   */
  async sample(input: SampleInput): Promise<Float32Array> {
    const { batch, frames, textLength, times } = input;
    const stateShape = [batch, frames, this.melDim];
    const constant = {
      cond: { float32: input.cond, shape: stateShape },
      text: { int64: input.text, shape: [batch, textLength] },
      duration: { int64: input.durations, shape: [batch] },
      cfg: { float32: Float32Array.from(input.cfg), shape: [batch] },
      passes: { int64: [input.passes], shape: [1] },
    };
    const steps = times.length - 1;
    const stepsPerRun = Math.max(1, input.stepsPerRun ?? steps);
    let state = input.noise;
    for (let done = 0; done < steps; ) {
      const end = Math.min(done + stepsPerRun, steps);
      const slice = times.subarray(done, end + 1);
      const output = await this.samplerSession.run({
        ...constant,
        noise: { float32: state, shape: stateShape },
        times: { float32: slice, shape: [slice.length] },
      });
      state = output.mel as Float32Array;
      done = end;
      if (done < steps) input.onSteps?.(done);
    }
    return state;
  }

  /**
   * From mel to audio at 24 kHz.
   * @returns one array an item, of (length - 1) x 256 samples
   * @throws NarratorError out_of_memory, internal
   */
  async vocode(input: VocodeInput): Promise<Float32Array[]> {
    const { batch, frames, start, length } = input;
    const output = await this.vocoderSession.run({
      mel: { float32: input.mel, shape: [batch, frames, this.melDim] },
      start: { int64: start, shape: [batch] },
      length: { int64: length, shape: [batch] },
    });
    const wave = output.wave as Float32Array;
    const stride = wave.length / batch;
    return length.map((speech, i) => wave.slice(i * stride, i * stride + (speech - 1) * HOP_LENGTH));
  }

  /** Frees the runtime's memory. Call once, when nothing runs any more. */
  async release(): Promise<void> {
    await Promise.all([this.melSession, this.samplerSession, this.vocoderSession].map((session) => session.release()));
  }
}

/**
 * The runtime refuses external data behind a link that leads out of the model's folder, as downloaded files in caches are:
 * so the real place is used.
 * @throws NarratorError model_not_found, model_invalid
 */
async function openWeights(directory: string, file: string): Promise<Safetensors> {
  const path = join(directory, file);
  return Safetensors.open(await realpath(path).catch(() => path));
}
