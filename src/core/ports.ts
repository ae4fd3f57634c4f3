/**
 * The three ports of the core. Everything that touches a disk, a network or a model stands behind one of them; anything
 * smaller is passed as a function. Adapters implement these; test/contract holds one suite a port.
 */
import type { LexiconSource } from './lexicon.ts';
import type { Markup } from './manifest.ts';
import type { PreparedVoice } from './voice.ts';
import type { SynthesisParameters, TextSegment } from './segment.ts';

// ---------------------------------------------------------------- ArtifactStore

/** Proof of which version of an object was read: compare for equality only. */
export type Etag = string;

export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly etag: Etag;
}

export interface ObjectHead {
  readonly key: string;
  readonly size: number;
  readonly etag: Etag;
  readonly modifiedAt: Date;
}

export interface PutOptions {
  /** write only if there is no such object: the create-only write on which the ledger rests */
  readonly ifAbsent?: boolean;
  /** write only if the object still is this version (compare-and-swap) */
  readonly ifMatch?: Etag;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export type PutResult =
  | { readonly status: 'written'; readonly etag: Etag }
  /** `ifAbsent` was asked for and the object is there already: nothing was written */
  | { readonly status: 'exists' }
  /** `ifMatch` was asked for and the object is another version, or gone: nothing was written */
  | { readonly status: 'changed' };

export type PutBody = Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Named bytes, on a folder or on S3.
 *
 * Keys are relative paths with '/' between segments; an adapter refuses (`key_invalid`) any key that could leave its root:
 * empty, absolute, with empty, '.' or '..' segments, control characters or a backslash. A reader never sees half an object:
 * a put becomes visible whole or not at all, also when the writer is killed, and survives a crash of the machine once it
 * has returned. All methods throw NarratorError `store_unavailable` (retryable) when the medium fails, `store_full` when it
 * is full. Methods may be called concurrently. Nothing is cached.
 */
export interface ArtifactStore {
  /** The whole object, or undefined. For records and plans; audio goes through `read`. */
  get(key: string): Promise<StoredObject | undefined>;
  /** The object as a stream (optionally bytes start..end, end exclusive), or undefined if there is none. */
  read(key: string, range?: { start: number; end?: number }): Promise<AsyncIterable<Uint8Array> | undefined>;
  head(key: string): Promise<ObjectHead | undefined>;
  /** Without a condition it replaces what is there. Not idempotent by itself: the conditions make it so. */
  put(key: string, body: PutBody, options?: PutOptions): Promise<PutResult>;
  /** Deleting what is not there succeeds. */
  delete(key: string): Promise<void>;
  /** Objects whose key starts with `prefix` (any string, as in S3), in ascending order of key by UTF-8 bytes, after `startAfter`. */
  list(prefix: string, options?: { startAfter?: string }): AsyncIterable<ObjectHead>;
}

// ---------------------------------------------------------------- SynthesisEngine

export interface SynthesisRequest {
  /** content key of the segment: equal keys are equal sounds, and the name by which crashes are counted */
  readonly key: string;
  /** who this is, for messages: 'item chapter-3, segment 17' */
  readonly label: string;
  readonly text: string;
  readonly voiceVersion: string;
  /** length of the voice's prepared reference in samples: the batcher counts the prompt's frames too */
  readonly promptSamples: number;
  /** predicted frames of speech, without the prompt */
  readonly frames: number;
  readonly seed: string;
  readonly parameters: SynthesisParameters;
  /** its job's, -10 to 10; 0 if absent: who waits for an answer goes before bulk work that came earlier */
  readonly priority?: number;
}

/** What a waveform check found: not an error, but worth a line in the item's JSON. */
export interface WaveformWarning {
  readonly check: 'clipping' | 'cut-end' | 'quiet' | 'length';
  readonly message: string;
}

export interface SynthesisedSpeech {
  /** mono, in [-1, 1], without the prompt, at the voice's own loudness */
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
  readonly warnings: readonly WaveformWarning[];
}

export interface EngineInfo {
  readonly modelId: string;
  readonly modelDigest: string;
  /** where the network really runs */
  readonly provider: 'cpu' | 'cuda';
  readonly precision: 'f32' | 'f16';
  readonly threads: number;
  readonly sampleRateHz: number;
  readonly runtimeVersion: string;
}

/**
 * Segments in, PCM out. Callers ask for one segment each and get a promise: the engine gathers what waits, across shards
 * and jobs, into batches. The same request gives the same samples, whatever its batch mates, order or process.
 */
export interface SynthesisEngine {
  /** Loads the model; idempotent. @throws provider_unavailable, model_invalid */
  start(): Promise<EngineInfo>;
  /** Rejects with engine_crashed, engine_timeout, engine_stopped, out_of_memory (retryable), segment_crashes_engine, waveform_invalid, or cancelled once `signal` aborts. Fails alone: batch mates are unharmed. */
  synthesise(request: SynthesisRequest, options?: { signal?: AbortSignal }): Promise<SynthesisedSpeech>;
  /** Idempotent. Waiting requests reject with engine_stopped; a running batch is given `graceMs` (default 5000), then killed. */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** How the engine gets at a voice's samples; called once a voice and child process, not once a segment. */
export type LoadVoice = (version: string) => Promise<PreparedVoice>;

// ---------------------------------------------------------------- Dispatcher

/** A message carries ids, never text or audio: losing or doubling one changes nothing. */
export interface ShardMessage {
  readonly jobId: string;
  readonly shardId: string;
  /** 1 for the first dispatch of this shard */
  readonly attempt: number;
  /** of the job: higher ones first, -10 to 10, 0 if absent. A wish of whoever dispatches; it may not arrive. */
  readonly priority?: number;
}

/** Hands a shard to whoever will synthesise it. */
export interface Dispatcher {
  /** Resolves once the message is handed over (not once it is done). Idempotent for the same job, shard and attempt. */
  dispatch(message: ShardMessage): Promise<void>;
  /** How many more shards it wants now: the controller's window. */
  capacity(): Promise<number>;
  /** The job was cancelled: what waits of it is dropped, and what is at work stops where it can be reached. Idempotent, and only a help. */
  abortJob?(jobId: string): void | Promise<void>;
  start(): Promise<void>;
  /** Stops taking messages and waits for those at work, at most `graceMs`. Idempotent. */
  close(options?: { graceMs?: number }): Promise<void>;
}

// ---------------------------------------------------------------- functions passed to use cases

/** Formats of a finished WAV file. */
export type SampleFormat = 'int16' | 'int24' | 'float32';

/** What processShard and finishJob need of the audio room. Pure functions. */
export interface AudioFunctions {
  /** Model output to a segment that can be joined: edge silence trimmed, edges faded. Never cuts inside speech. */
  finishSegment(samples: Float32Array, sampleRateHz: number): Float32Array;
  /** As kept under segments/: float32 WAV. */
  encodeSegment(samples: Float32Array, sampleRateHz: number): Uint8Array;
  /** @throws NarratorError ledger_corrupt */
  decodeSegment(bytes: Uint8Array): { samples: Float32Array; sampleRateHz: number };
  /** One WAV file as a stream: header first (RF64 beyond 4 GB), then the parts. `totalSamples` is promised by the caller and checked. */
  encodeWav(
    parts: AsyncIterable<Float32Array>,
    options: { totalSamples: number; sampleRateHz: number; format: SampleFormat },
  ): AsyncIterable<Uint8Array>;
}

/** How a text is to be read. A client's choice, by item or by job; see manifest.ts. */
export interface ReadingOptions {
  /** off: white space only; basic: characters and punctuation; full (the default): numbers, abbreviations and signs in words too */
  readonly normalise?: 'off' | 'basic' | 'full';
  /** dropped by default */
  readonly emoji?: 'drop' | 'name';
  /** none (the default): the text is plain text */
  readonly markup?: Markup;
}

/** Cuts a text into segments; see text/segment-text.ts. */
export type SegmentText = (
  text: string,
  options: ReadingOptions & {
    readonly language: string;
    readonly fallback?: string;
    /** longest text of a segment in UTF-8 bytes, or that of a segment with another voice or speed than the item's */
    readonly maxBytes: number | ((manner: Pick<TextSegment, 'voice' | 'speed'>) => number);
    /** those that the text's markup may switch to, by name, with their language */
    readonly voices?: ReadonlyMap<string, { readonly language: string }>;
    /** the lexicons that come before the deployment's, the nearest first, for a voice that the text switches to, or the item's own */
    readonly lexicons?: (voice: string | undefined) => readonly LexiconSource[];
  },
) => readonly TextSegment[];

/** A voice that the markup of a text names, and where it does so first. */
export interface VoiceMention {
  readonly name: string;
  /** line and column of the text, from 1; absent where the name is text unless there is such a voice */
  readonly place?: { readonly line: number; readonly column: number };
}

/** Which voices a text names, each once: to be looked up before it is cut. @throws NarratorError item_invalid with line and column */
export type VoicesNamed = (text: string, markup: Markup) => readonly VoiceMention[];
