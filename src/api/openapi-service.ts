/** What is documented of routes-about.ts, routes-speech.ts, routes-metrics.ts and of the documentation itself. */
import { z } from 'zod';
import { documentRoutes } from './openapi.ts';
import { openAiSpeechSchema, ttsRequestSchema } from './speech-request.ts';

const health = z.object({ status: z.literal('ok'), version: z.string() });
const ready = z.object({ status: z.literal('ready') });
const notReady = z.object({ status: z.literal('not ready'), reason: z.string() });
const models = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      id: z.string(),
      object: z.literal('model'),
      owned_by: z.string(),
      digest: z.string().describe('sha256 of what decides the sound'),
      languages: z.array(z.string()),
      licence: z.string(),
    }),
  ),
});
const spoken = z.object({
  audio: z.string().describe('base64 of a WAV file'),
  contentType: z.literal('audio/wav'),
  seconds: z.number(),
  sampleRateHz: z.int(),
  segments: z.array(
    z.object({ text: z.string(), start: z.number().describe('in seconds'), end: z.number().describe('in seconds') }),
  ),
});

const SPEECH_ERRORS = ['text_empty', 'text_unspeakable', 'voice_not_found', 'voice_invalid', 'engine_stopped'] as const;

export const SERVICE_ROUTES = documentRoutes([
  {
    method: 'get',
    path: '/healthz',
    tag: 'Service',
    summary: 'Is the process alive?',
    answers: { 200: { description: 'It is.', bodies: [{ type: 'application/json', schema: health }] } },
  },
  {
    method: 'get',
    path: '/readyz',
    tag: 'Service',
    summary: 'Can it take work?',
    answers: {
      200: { description: 'It can.', bodies: [{ type: 'application/json', schema: ready }] },
      503: { description: 'It cannot, for now.', bodies: [{ type: 'application/json', schema: notReady }] },
    },
  },
  {
    method: 'get',
    path: '/v1/models',
    tag: 'Service',
    summary: 'The model that this deployment speaks with',
    scope: 'read',
    answers: {
      200: { description: 'One model.', bodies: [{ type: 'application/json', name: 'Models', schema: models }] },
    },
  },
  {
    method: 'get',
    path: '/metrics',
    tag: 'Service',
    summary: "Metrics in Prometheus' text format",
    scope: 'admin',
    answers: { 200: { description: 'All metrics.', bodies: [{ type: 'text/plain', schema: z.string() }] } },
  },
  {
    method: 'get',
    path: '/openapi.json',
    tag: 'Service',
    summary: 'This document',
    answers: {
      200: { description: 'OpenAPI 3.1.', bodies: [{ type: 'application/json', schema: z.looseObject({}) }] },
    },
  },
  {
    method: 'get',
    path: '/docs',
    tag: 'Service',
    summary: 'This document as a page',
    answers: { 200: { description: 'A page.', bodies: [{ type: 'text/html', schema: z.string() }] } },
  },
  {
    method: 'post',
    path: '/tts',
    tag: 'Speech',
    summary: 'Speak a short text now',
    description: 'A client that closes its connection stops the work.',
    scope: 'submit',
    bodies: [
      {
        type: 'application/json',
        name: 'TtsRequest',
        schema: ttsRequestSchema,
        example: { text: 'Good morning.', voice: 'rms' },
      },
    ],
    answers: {
      200: {
        description: 'The speech: a WAV file, or JSON for who accepts only that.',
        headers: { 'x-audio-seconds': 'length of the speech in seconds' },
        bodies: [{ type: 'audio/wav' }, { type: 'application/json', name: 'Speech', schema: spoken }],
      },
    },
    errors: [...SPEECH_ERRORS, 'audio_undecodable', 'fetch_refused', 'fetch_failed'],
  },
  {
    method: 'post',
    path: '/v1/audio/speech',
    tag: 'Speech',
    summary: "Speak a short text now, as OpenAI's clients ask for it",
    scope: 'submit',
    bodies: [
      {
        type: 'application/json',
        name: 'OpenAiSpeechRequest',
        schema: openAiSpeechSchema,
        example: { model: 'tiny', voice: 'slt', input: 'Good morning.', response_format: 'mp3' },
      },
    ],
    answers: {
      200: {
        description: 'The speech in the format that was asked for.',
        bodies: [{ type: 'audio/mpeg' }, { type: 'audio/wav' }, { type: 'audio/pcm' }],
      },
    },
    errors: SPEECH_ERRORS,
    errorForm: 'openai',
  },
]);
