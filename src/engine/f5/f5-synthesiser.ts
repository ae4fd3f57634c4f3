/** F5-TTS behind the engine's protocol: a batch of texts in, one waveform or one error each out. */
import { performance } from 'node:perf_hooks';
import { NarratorError, toNarratorError } from '../../core/errors.ts';
import type { EngineInfo } from '../../core/ports.ts';
import type { PreparedVoice } from '../../core/voice.ts';
import type { BatchItem, BatchOutcome, BatchStatistics, BatchSynthesiser, ModelOptions } from '../protocol.ts';
import { collate, totalFrames, type CollateItem } from './collate.ts';
import { promptFrames, withFullStop } from './duration.ts';
import { openModel, type Model } from './model-directory.ts';
import { physicalCores } from './physical-cores.ts';
import { PromptCache, type Prompt } from './prompt-cache.ts';
import { F5Sessions, listProviders, runtimeVersion, type ExecutionProvider } from './session.ts';
import { timeGrid } from './time-grid.ts';
import { createTokenizer, type Tokenizer } from './tokenizer.ts';
import { checkWaveform, MODEL_RMS } from './waveform-checks.ts';

/**
 * Opens the model and loads its weights: seconds for a large one.
 * @throws NarratorError model_not_found, model_invalid, provider_unavailable ('cuda' was asked for and cannot be had)
 */
export async function loadF5Synthesiser(options: ModelOptions): Promise<BatchSynthesiser> {
  const model = await openModel(options.directory);
  const { architecture, files } = model.description;
  const provider = options.provider === 'auto' ? await bestProvider() : options.provider;
  // Half precision is what GPUs are built for; a CPU emulates it, slower than single precision.
  const precision = options.precision === 'auto' ? (provider === 'cuda' ? 'f16' : 'f32') : options.precision;
  const threads = options.threads === 0 ? await physicalCores() : options.threads;
  const sessions = await F5Sessions.load({
    directory: model.directory,
    weightsFile: (precision === 'f16' ? (files.weightsF16 ?? files.weights) : files.weights).path,
    vocoderFile: files.vocoder.path,
    architecture,
    provider,
    precision,
    threads,
  });
  return new F5Synthesiser(model, sessions, {
    modelId: model.description.id,
    modelDigest: model.digest,
    provider,
    precision,
    threads,
    sampleRateHz: model.description.audio.target_sample_rate,
    runtimeVersion,
  });
}

async function bestProvider(): Promise<ExecutionProvider> {
  const [best] = await listProviders();
  return best ?? 'cpu';
}

/** An item that can go through the model. */
interface Prepared {
  readonly item: BatchItem;
  readonly prompt: Prompt;
  readonly input: CollateItem;
}

/** What it needs of `F5Sessions`. */
type Graphs = Pick<F5Sessions, 'melDim' | 'mel' | 'sample' | 'vocode' | 'release'>;

export class F5Synthesiser implements BatchSynthesiser {
  readonly info: EngineInfo;
  readonly #model: Model;
  readonly #graphs: Graphs;
  readonly #tokenizer: Tokenizer;
  readonly #prompts = new PromptCache();

  constructor(model: Model, graphs: Graphs, info: EngineInfo) {
    this.#model = model;
    this.#graphs = graphs;
    this.#tokenizer = createTokenizer(model.vocabulary, model.description.tokenizer.kind);
    this.info = info;
  }

  hasVoice(version: string): boolean {
    return this.#prompts.get(version) !== undefined;
  }

  /** @throws NarratorError voice_invalid */
  async addVoice(voice: PreparedVoice): Promise<void> {
    const { audio } = this.#model.description;
    if (voice.sampleRateHz !== audio.target_sample_rate) {
      throw new NarratorError(
        'voice_invalid',
        `the reference audio is at ${voice.sampleRateHz} Hz, the model needs ${audio.target_sample_rate} Hz`,
      );
    }
    if (!(voice.sourceRms > 0)) throw new NarratorError('voice_invalid', 'the reference audio is silent');
    const { mel, frames } = await this.#graphs.mel([voice.samples]);
    this.#prompts.add(voice.version, {
      transcript: voice.transcript,
      frames: promptFrames(voice.samples.length, audio.hop_length),
      mel,
      melFrames: frames[0]!,
      gain: Math.min(1, voice.sourceRms / MODEL_RMS),
    });
  }

  async synthesise(items: readonly BatchItem[]): Promise<{ outcomes: BatchOutcome[]; statistics: BatchStatistics }> {
    const outcomes = new Map<BatchItem, BatchOutcome>();
    const fail = (item: BatchItem, error: unknown) =>
      outcomes.set(item, { id: item.id, ok: false, error: toNarratorError(error).toRecord() });

    const batch: Prepared[] = [];
    for (const item of items) {
      try {
        batch.push(this.#prepare(item));
      } catch (error) {
        fail(item, error);
      }
    }
    const { waves, statistics } = await this.#compute(batch);
    for (const [index, prepared] of batch.entries()) {
      const { item } = prepared;
      try {
        outcomes.set(item, { id: item.id, ok: true, ...this.#finish(prepared, waves[index]!) });
      } catch (error) {
        fail(item, error);
      }
    }
    return { outcomes: items.map((item) => outcomes.get(item)!), statistics };
  }

  async close(): Promise<void> {
    await this.#graphs.release();
  }

  #prepare(item: BatchItem): Prepared {
    const prompt = this.#prompts.get(item.voiceVersion);
    if (prompt === undefined) throw new NarratorError('internal', `voice ${item.voiceVersion} was not added`);
    const text = withFullStop(item.text, item.frames, item.parameters.speed);
    const tokens = this.#tokenizer.tokenize(prompt.transcript + text).ids;
    const duration = totalFrames(prompt.frames, item.frames, prompt.melFrames, tokens.length);
    const { maxFrames } = this.#model.description.limits;
    if (duration > maxFrames) {
      throw new NarratorError(
        'text_too_long',
        `prompt and speech take ${duration} frames, the model speaks at most ${maxFrames} in one pass`,
        { field: 'text', limit: maxFrames },
      );
    }
    const input = { promptMel: prompt.mel, tokens, duration, cfg: item.parameters.cfg, seed: item.seed };
    return { item, prompt, input };
  }

  /** One waveform an item, at the model's own level. */
  async #compute(batch: readonly Prepared[]): Promise<{ waves: Float32Array[]; statistics: BatchStatistics }> {
    const first = batch[0];
    if (first === undefined) {
      return { waves: [], statistics: { size: 0, paddedFrames: 0, realFrames: 0, samplerMs: 0, vocoderMs: 0 } };
    }
    const { steps, sway } = first.item.parameters;
    if (batch.some(({ item }) => item.parameters.steps !== steps || item.parameters.sway !== sway)) {
      throw new NarratorError('internal', 'the items of a batch must share steps and sway');
    }
    const { melDim } = this.#graphs;
    const inputs = batch.map(({ input }) => input);
    const collated = collate(inputs, melDim);
    const { batch: size, frames, durations } = collated;

    const startedAt = performance.now();
    const times = timeGrid(steps, sway, { epss: this.#model.description.sampling.epss });
    const mel = await this.#graphs.sample({ ...collated, times });
    const sampledAt = performance.now();
    // Over the reference's frames the reference itself is kept. Only its last one is heard: the others are skipped here.
    for (const [row, { prompt }] of batch.entries()) {
      mel.set(prompt.mel.subarray(prompt.frames * melDim), (row * frames + prompt.frames) * melDim);
    }
    const start = batch.map(({ prompt }) => prompt.frames);
    const length = durations.map((duration, row) => duration - start[row]!);
    const waves = await this.#graphs.vocode({ batch: size, frames, mel, start, length });
    const statistics = {
      size,
      paddedFrames: size * frames,
      realFrames: durations.reduce((sum, duration) => sum + duration, 0),
      samplerMs: sampledAt - startedAt,
      vocoderMs: performance.now() - sampledAt,
    };
    return { waves, statistics };
  }

  /** Back to the voice's own level, checked, within [-1, 1]. @throws NarratorError waveform_invalid */
  #finish({ item, prompt }: Prepared, wave: Float32Array): Pick<BatchOutcome & { ok: true }, 'samples' | 'warnings'> {
    const { target_sample_rate, hop_length } = this.#model.description.audio;
    const { gain } = prompt;
    const scaled = gain === 1 ? wave : wave.map((sample) => sample * gain);
    const warnings = checkWaveform(scaled, {
      sampleRateHz: target_sample_rate,
      // The vocoder's first and last frames are centred on the first and last sample: one hop less than frames.
      samples: (item.frames - 1) * hop_length,
      gain,
    });
    return { samples: scaled.map((sample) => Math.min(1, Math.max(-1, sample))), warnings };
  }
}
