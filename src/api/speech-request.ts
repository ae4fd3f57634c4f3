/** What clients may send to be spoken at once: our own /tts, and OpenAI's /v1/audio/speech. */
import { z } from 'zod';
import { NarratorError } from '../core/errors.ts';
import { requestLexiconSchema } from '../core/lexicon.ts';
import { readingSchema } from '../core/manifest.ts';

/** Synchronous answers: longer texts are jobs. */
export const TEXT_CHARACTERS_MAX = 5_000;
/** 12 s of 24-bit stereo at 48 kHz are 3.5 MB; base64 makes that 4.6 MB. */
export const CLIP_BYTES_MAX = 8 * 1024 * 1024;
/** Of a whole request: such a clip in base64, and the text. */
export const SPEECH_BYTES_MAX = Math.ceil((CLIP_BYTES_MAX * 4) / 3) + 64 * 1024;

const text = z
  .string('must be a string')
  .min(1, 'is empty')
  .max(TEXT_CHARACTERS_MAX, `must have at most ${TEXT_CHARACTERS_MAX} characters; submit longer texts as a job`);
const speed = z.number('must be a number').min(0.5, 'must be from 0.5 to 2').max(2, 'must be from 0.5 to 2');

export const ttsRequestSchema = z
  .strictObject(
    {
      text,
      /** base64 of a WAV, MP3, FLAC or OGG file (or a data: address), an http(s) address, or a path below the clips' folder */
      ref_audio: z
        .string('must be a string')
        .min(1, 'is empty')
        .max(Math.ceil((CLIP_BYTES_MAX * 4) / 3) + 64, `must be at most ${CLIP_BYTES_MAX} bytes of audio`)
        .exactOptional(),
      ref_text: z
        .string('must be a string')
        .min(1, 'is empty')
        .max(2_000, 'must have at most 2000 characters')
        .exactOptional(),
      voice: z.string('must be a string').min(1, 'is empty').max(128).exactOptional(),
      language: z
        .string('must be a string')
        .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$/, 'must be a language tag such as "en"')
        .exactOptional(),
      ...readingSchema.shape,
      /** words with a pronunciation of their own */
      lexicon: requestLexiconSchema.exactOptional(),
      speed: speed.exactOptional(),
      seed: z.union([z.int().nonnegative(), z.string().regex(/^\d{1,20}$/)], 'must be a whole number').exactOptional(),
      steps: z.int('must be a whole number').min(1).max(256).exactOptional(),
      cfg: z.number('must be a number').min(0).max(20).exactOptional(),
      format: z.enum(['int16', 'int24', 'float32']).exactOptional(),
    },
    'must be an object',
  )
  .refine((request) => (request.ref_audio === undefined) === (request.ref_text === undefined), {
    path: ['ref_text'],
    message: 'and ref_audio belong together: the model must know what is said in the clip',
  })
  .refine((request) => request.voice === undefined || request.ref_audio === undefined, {
    path: ['voice'],
    message: 'must not stand beside ref_audio: give one of them',
  });
export type TtsRequest = z.output<typeof ttsRequestSchema>;

/** What can be made of OpenAI's formats; theirs are opus, aac and flac besides. */
const FORMAT_RULE = 'must be "mp3", "wav" or "pcm": other formats are not made here';

/** https://platform.openai.com/docs/api-reference/audio/createSpeech, as far as a voice-cloning model can follow it. */
export const openAiSpeechSchema = z.object({
  model: z.string('must be a string').describe('taken as it comes: a deployment has one model'),
  input: text,
  voice: z.union([z.string().min(1), z.object({ id: z.string().min(1) })], 'must be the name of a voice'),
  response_format: z.enum(['mp3', 'wav', 'pcm'], FORMAT_RULE).default('mp3'),
  stream_format: z.literal('audio', 'must be "audio": events are not streamed').exactOptional(),
  speed: speed.exactOptional(),
  /** ours, beside OpenAI's: how the text is read */
  ...readingSchema.shape,
});

/** @throws NarratorError request_invalid naming the first field that is wrong */
export function parseRequest<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const field = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])].join('.').slice(0, 200) || 'body';
  const limit = issue?.code === 'too_big' && typeof issue.maximum === 'number' ? { limit: issue.maximum } : {};
  const message =
    unknown === undefined ? `${field} ${issue?.message ?? 'is wrong'}.` : `${field} is not a field of this request.`;
  throw new NarratorError('request_invalid', message, { field, ...limit });
}
