/** Texts that are spoken while the client waits: POST /tts, and POST /v1/audio/speech as OpenAI's clients call it. */
import { type Express, json, type Request, type Response } from 'express';
import { NarratorError } from '../core/errors.ts';
import { requireScope } from './auth.ts';
import {
  CLIP_BYTES_MAX,
  openAiSpeechSchema,
  parseRequest,
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
}

/** Header of the WAV files that we write at 16 bits. */
const WAV_HEADER_BYTES = 44;

export function addSpeechRoutes(app: Express, { speak, speechesMax }: SpeechDeps): void {
  let speaking = 0;
  /** Speaks for as long as the client is there. @throws NarratorError too_many_requests */
  const speakFor = async (response: Response, request: TtsRequest): Promise<SpokenAudio> => {
    if (speaking >= speechesMax) {
      throw new NarratorError('too_many_requests', `${speaking} texts are being spoken already; that is the limit.`, {
        limit: speechesMax,
      });
    }
    speaking += 1;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      return await speak(request, gone.signal);
    } finally {
      speaking -= 1;
    }
  };

  const clipBody = json({ limit: Math.ceil((CLIP_BYTES_MAX * 4) / 3) + 64 * 1024 });
  app.post('/tts', requireScope('submit'), clipBody, async (request: Request, response: Response) => {
    const spoken = await speakFor(response, parseRequest(ttsRequestSchema, request.body));
    response.setHeader('x-audio-seconds', spoken.seconds.toFixed(3));
    if (request.accepts(['audio/wav', 'application/json']) === 'application/json') {
      const { wav, ...about } = spoken;
      response.json({ audio: Buffer.from(wav).toString('base64'), ...about });
    } else {
      response.type('audio/wav').send(Buffer.from(spoken.wav));
    }
  });

  app.post(
    '/v1/audio/speech',
    requireScope('submit'),
    json({ limit: 1024 * 1024 }),
    async (request: Request, response: Response) => {
      const { input, voice, response_format: format, speed } = parseRequest(openAiSpeechSchema, request.body);
      const spoken = await speakFor(response, {
        text: input,
        voice: typeof voice === 'string' ? voice : voice.id,
        ...(speed !== undefined && { speed }),
      });
      if (format === 'pcm') response.type('audio/pcm').send(Buffer.from(spoken.wav).subarray(WAV_HEADER_BYTES));
      else response.type('audio/wav').send(Buffer.from(spoken.wav));
    },
  );
}
