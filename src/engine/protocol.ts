/** What travels between the engine process (parent) and its child, and what the child's model must offer. Types only. */
import type { ErrorRecord } from '../core/errors.ts';
import type { EngineInfo, WaveformWarning } from '../core/ports.ts';
import type { SynthesisParameters } from '../core/segment.ts';
import type { PreparedVoice } from '../core/voice.ts';

export type Provider = 'cpu' | 'cuda' | 'auto';

/** How the child loads a model. Everything is plain data: it crosses a process boundary. */
export interface ModelOptions {
  /** absolute path of the model directory */
  readonly directory: string;
  readonly provider: Provider;
  /** threads of one operator; 0 = the number of physical cores that the process may use */
  readonly threads: number;
  readonly precision: 'auto' | 'f32' | 'f16';
}

/** One segment of a batch. */
export interface BatchItem {
  readonly id: number;
  readonly text: string;
  readonly voiceVersion: string;
  /** frames of speech, without the prompt */
  readonly frames: number;
  readonly seed: string;
  readonly parameters: SynthesisParameters;
}

export type BatchOutcome =
  | {
      readonly id: number;
      readonly ok: true;
      readonly samples: Float32Array;
      readonly warnings: readonly WaveformWarning[];
    }
  | { readonly id: number; readonly ok: false; readonly error: ErrorRecord };

export interface BatchStatistics {
  /** items of the batch */
  readonly size: number;
  /** frames that the model computed, padding included: B x N */
  readonly paddedFrames: number;
  /** frames that were asked for, prompts included */
  readonly realFrames: number;
  readonly samplerMs: number;
  readonly vocoderMs: number;
}

/** The model as the child process sees it; engine/f5 implements it. All items of a batch share steps and sway. */
export interface BatchSynthesiser {
  readonly info: EngineInfo;
  hasVoice(version: string): boolean;
  addVoice(voice: PreparedVoice): Promise<void>;
  /** One outcome an item, in order. Throws only when the whole batch failed: NarratorError out_of_memory or internal. */
  synthesise(items: readonly BatchItem[]): Promise<{ outcomes: BatchOutcome[]; statistics: BatchStatistics }>;
  close(): Promise<void>;
}

// ---------------------------------------------------------------- messages

/** Parent to child. The child answers `load` and `batch` once each, and never speaks unasked but for `fatal`. */
export type HostRequest =
  | { readonly type: 'load'; readonly model: ModelOptions }
  /** `voices`: those that the child said it lacked for this batch */
  | { readonly type: 'batch'; readonly items: readonly BatchItem[]; readonly voices: readonly PreparedVoice[] }
  | { readonly type: 'close' };

/** Child to parent. */
export type HostReply =
  | { readonly type: 'loaded'; readonly info: EngineInfo }
  | { readonly type: 'done'; readonly outcomes: readonly BatchOutcome[]; readonly statistics: BatchStatistics }
  /** nothing was synthesised: send the batch again with these voices */
  | { readonly type: 'voices-missing'; readonly versions: readonly string[] }
  /** the load or the whole batch failed; the child lives on */
  | { readonly type: 'failed'; readonly error: ErrorRecord }
  /** the child is about to exit because of a defect */
  | { readonly type: 'fatal'; readonly error: ErrorRecord };

/** Given to the child's loop by its entry module. @throws NarratorError provider_unavailable, model_invalid */
export type LoadSynthesiser = (model: ModelOptions) => Promise<BatchSynthesiser>;
