/** Texts that are spoken while the client waits: POST /tts, and POST /v1/audio/speech as OpenAI's clients call it. */
import { type Express, json, type Request, type Response } from 'express';
import { NarratorError } from '../core/errors.ts';
import { atMost, hasLargeBody } from './at-most.ts';
import { requireScope } from './auth.ts';
import {
  openAiSpeechSchema,
  parseRequest,
  SPEECH_BYTES_MAX,
  type TtsRequest,
  ttsRequestSchema,
} from './speech-request.ts';

export interface SpokenAudio {
  /** a WAV file */
  readonly wav: Uint8Array;
  readonly seconds: number;
  readonly sampleRateHz: number;
  readonly segments: readonly { readonly text: string; readonly start: number; readonly end: number }[];
}

export type Speak = (request: TtsRequest, signal: AbortSignal) => Promise<SpokenAudio>;

export interface SpeechDeps {
  readonly speak: Speak;
  /** requests that are spoken at once; more are refused with 429 */
  readonly speechesMax: number;
  /** @param pcm mono. @throws the signal's reason once it aborts */
  readonly encodeMp3: (
    pcm: Int16Array,
    options: { readonly sampleRateHz: number; readonly signal: AbortSignal },
  ) => Promise<Uint8Array>;
}

/** Header of the WAV files that we write at 16 bits. */
const WAV_HEADER_BYTES = 44;

/** Works for as long as the client is there. @throws NarratorError too_many_requests */
type WhileThere = <T>(response: Response, work: (signal: AbortSignal) => Promise<T>) => Promise<T>;

/** @param speechesMax of all together that are spoken at once */
export function speechesAtOnce(speechesMax: number): WhileThere {
  let speaking = 0;
  return async (response, work) => {
    if (speaking >= speechesMax) {
      throw new NarratorError('too_many_requests', `${speaking} texts are being spoken already; that is the limit.`, {
        limit: speechesMax,
      });
    }
    speaking += 1;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      return await work(gone.signal);
    } finally {
      speaking -= 1;
    }
  };
}

/** Answers with a WAV file, or with JSON to who asks for that. Stands behind a body parser. */
export function answerSpeech(speak: Speak, whileThere: WhileThere) {
  return async (request: Request, response: Response): Promise<void> => {
    const wanted = parseRequest(ttsRequestSchema, request.body);
    const spoken = await whileThere(response, (signal) => speak(wanted, signal));
    response.setHeader('x-audio-seconds', spoken.seconds.toFixed(3));
    if (request.accepts(['audio/wav', 'application/json']) === 'application/json') {
      const { wav, ...about } = spoken;
      response.json({ audio: Buffer.from(wav).toString('base64'), contentType: 'audio/wav', ...about });
    } else {
      response.type('audio/wav').send(Buffer.from(spoken.wav));
    }
  };
}

/** Requests that bring a large clip, held at once: what they bring is read before anything of them is known. */
const LARGE_CLIPS_MAX = 16;

export function addSpeechRoutes(app: Express, { speak, speechesMax, encodeMp3 }: SpeechDeps): void {
  const whileThere = speechesAtOnce(speechesMax);
  const clipBody = json({ limit: SPEECH_BYTES_MAX });
  const fewLarge = atMost(LARGE_CLIPS_MAX, 'requests with a clip beyond 1 MiB', hasLargeBody);
  app.post('/tts', requireScope('submit'), fewLarge, clipBody, answerSpeech(speak, whileThere));

  const textBody = json({ limit: 1024 * 1024 });
  app.post('/v1/audio/speech', requireScope('submit'), textBody, async (request: Request, response: Response) => {
    const parsed = parseRequest(openAiSpeechSchema, request.body);
    const { input, voice, response_format: format, model: _model, stream_format: _stream, ...rest } = parsed;
    const wanted = { text: input, voice: typeof voice === 'string' ? voice : voice.id, ...rest };
    const audio = await whileThere(response, async (signal) => {
      const { wav, sampleRateHz } = await speak(wanted, signal);
      if (format === 'wav') return wav;
      const pcm = wav.subarray(WAV_HEADER_BYTES);
      return format === 'pcm' ? pcm : encodeMp3(int16Samples(pcm), { sampleRateHz, signal });
    });
    response.type(CONTENT_TYPES[format]).send(Buffer.from(audio));
  });
}

const CONTENT_TYPES = { mp3: 'audio/mpeg', wav: 'audio/wav', pcm: 'audio/pcm' } as const;

/** A copy: samples in a file need not lie where a typed array could begin. */
function int16Samples(bytes: Uint8Array): Int16Array {
  return new Int16Array(bytes.slice().buffer);
}
