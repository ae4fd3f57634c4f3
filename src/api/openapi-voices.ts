/** What is documented of routes-voices.ts. */
import { z } from 'zod';
import { documentRoutes } from './openapi.ts';
import { voiceFormSchema } from './routes-voices.ts';

const voice = {
  id: z.string(),
  language: z.string(),
  version: z.string().describe('digest of its audio and its words'),
  transcript: z.string().describe('what is said in its clip'),
  lexicon: z.string().describe('digest of the words that it says in a way of its own').exactOptional(),
  builtIn: z.boolean().describe('it belongs to the model'),
};
const voiceSchema = z.strictObject(voice);
const checks = {
  checks: z.strictObject({
    findings: z.array(
      z.strictObject({ check: z.string(), level: z.enum(['error', 'warning', 'note']), message: z.string() }),
    ),
    measures: z.looseObject({}),
  }),
  file: z.strictObject({ name: z.string(), bytes: z.int() }),
};

export const VOICE_ROUTES = documentRoutes([
  {
    method: 'get',
    path: '/v1/voices',
    tag: 'Voices',
    summary: 'All voices',
    scope: 'read',
    answers: {
      200: {
        description: 'Those of the model, and those that were added.',
        bodies: [
          { type: 'application/json', name: 'VoiceList', schema: z.strictObject({ data: z.array(voiceSchema) }) },
        ],
      },
    },
  },
  {
    method: 'post',
    path: '/v1/voices',
    tag: 'Voices',
    summary: 'Make a voice from a clip, or check one',
    description:
      'A clip of 3 to 12 seconds (WAV, MP3, FLAC, OGG; at most 8 MiB) and the words that are said in it; a lexicon (.json, .csv, .pls) if the voice says some words in a way of its own.',
    scope: 'admin',
    bodies: [
      {
        type: 'multipart/form-data',
        name: 'VoiceForm',
        schema: voiceFormSchema.safeExtend({
          audio: z.string().meta({ format: 'binary', description: 'the clip' }),
          lexicon: z
            .string()
            .meta({ format: 'binary', description: 'a file ending in .json, .csv or .pls' })
            .exactOptional(),
        }),
      },
    ],
    answers: {
      201: {
        description: 'The voice, and what its checks found.',
        headers: { location: 'the path of the voice' },
        bodies: [{ type: 'application/json', name: 'AddedVoice', schema: z.strictObject({ ...voice, ...checks }) }],
      },
      200: {
        description: 'What the checks found (`dryRun`).',
        bodies: [
          {
            type: 'application/json',
            name: 'CheckedClip',
            schema: z.strictObject({ usable: z.boolean(), ...checks }),
          },
        ],
      },
    },
    errors: ['voice_invalid', 'audio_undecodable'],
  },
  {
    method: 'get',
    path: '/v1/voices/{id}',
    tag: 'Voices',
    summary: 'One voice',
    scope: 'read',
    answers: {
      200: { description: 'The voice.', bodies: [{ type: 'application/json', name: 'Voice', schema: voiceSchema }] },
    },
    errors: ['voice_not_found'],
  },
  {
    method: 'delete',
    path: '/v1/voices/{id}',
    tag: 'Voices',
    summary: 'Delete a voice that was added',
    description: 'Jobs that were planned with it go on.',
    scope: 'admin',
    answers: { 204: { description: 'It is gone.' } },
    errors: ['voice_not_found', 'voice_invalid'],
  },
]);
