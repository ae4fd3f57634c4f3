/** One segment on its way through the engine, and everybody who waits for it. */
import { setMaxListeners } from 'node:events';
import { NarratorError } from '../core/errors.ts';
import type { SynthesisedSpeech, SynthesisRequest } from '../core/ports.ts';
import type { WaitingSegment } from './batch-policy.ts';

/**
 * Samples of one frame of F5-TTS's mel spectrogram (hop_length in F5TTS_v1_Base.yaml). Only batches are chosen by it, so
 * a model with another hop would lose some padding and nothing else.
 */
const HOP_LENGTH = 256;

/**
 * How much earlier one step of priority counts as having come: a text that somebody waits for (10) passes what came within
 * the last five minutes, and nothing waits for ever behind those.
 */
const HEAD_START_MS = 30_000;

interface Waiter {
  readonly resolve: (speech: SynthesisedSpeech) => void;
  readonly reject: (error: NarratorError) => void;
}

export class WaitingRequest implements WaitingSegment {
  readonly request: SynthesisRequest;
  readonly frames: number;
  readonly arrivedAtMs: number;
  /** who has the least is next */
  turnMs: number;
  /** segments that are tried apart from all others carry the name of their trial: a suspect, or half of a failed batch */
  trial = '';
  readonly #waiters = new Set<Waiter>();

  constructor(request: SynthesisRequest, arrivedAtMs: number) {
    this.request = request;
    this.frames = totalFrames(request);
    this.arrivedAtMs = arrivedAtMs;
    this.turnMs = arrivedAtMs - HEAD_START_MS * (request.priority ?? 0);
  }

  get compatibility(): string {
    const { steps, sway, cfg } = this.request.parameters;
    return `${this.trial}/${steps}/${sway}/${cfg === 0 ? 'unguided' : 'guided'}`;
  }

  get isAbandoned(): boolean {
    return this.#waiters.size === 0;
  }

  /** Rejects with `cancelled` as soon as `signal` aborts; `abandoned` is called when nobody waits any more. */
  wait(signal: AbortSignal | undefined, abandoned: () => void): Promise<SynthesisedSpeech> {
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        this.#waiters.delete(waiter);
        reject(cancelled(this.request));
        if (this.isAbandoned) abandoned();
      };
      const waiter: Waiter = {
        resolve: (speech) => {
          signal?.removeEventListener('abort', cancel);
          resolve(speech);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', cancel);
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      if (!signal) return;
      // One signal serves all segments of a shard: more listeners than Node's default of 10, each removed when settled.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', cancel, { once: true });
    });
  }

  /** Everybody gets samples of their own: one who scales them in place does not change what the others hear. */
  resolve(speech: SynthesisedSpeech): void {
    let isFirst = true;
    for (const waiter of this.#takeWaiters()) {
      waiter.resolve(isFirst ? speech : { ...speech, samples: speech.samples.slice() });
      isFirst = false;
    }
  }

  reject(error: NarratorError): void {
    for (const waiter of this.#takeWaiters()) waiter.reject(error);
  }

  #takeWaiters(): Waiter[] {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    return waiters;
  }
}

export function cancelled(request: SynthesisRequest): NarratorError {
  return new NarratorError('cancelled', `Cancelled: ${request.label}.`);
}

/** Frames that the model computes for a segment: its prompt and its speech. */
export function totalFrames({ promptSamples, frames }: SynthesisRequest): number {
  return Math.ceil(promptSamples / HOP_LENGTH) + frames;
}
