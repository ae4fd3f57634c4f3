/** Voices over HTTP: what there is, and clips that become voices, or are only checked. */
import { type Express, type Request, type RequestHandler } from 'express';
import multer, { MulterError } from 'multer';
import { z } from 'zod';
import { NarratorError } from '../core/errors.ts';
import { VOICE_ID } from '../core/keys.ts';
import type { VoiceProfile } from '../core/voice.ts';
import { atMost } from './at-most.ts';
import { requireScope } from './auth.ts';
import { noQuerySchema, parseQuery } from './job-request.ts';
import { CLIP_BYTES_MAX, parseRequest } from './speech-request.ts';

/** What can be said about a clip before it is used. */
export interface ClipCheck {
  readonly findings: readonly {
    readonly check: string;
    /** an error makes the clip unusable */
    readonly level: 'error' | 'warning' | 'note';
    readonly message: string;
  }[];
  readonly measures: object;
}

export interface Clip {
  readonly audio: Uint8Array;
  readonly text: string;
  readonly language?: string;
  /** words that the voice says in a way of its own */
  readonly lexicon?: { readonly name: string; readonly bytes: Uint8Array };
}

export interface VoicesDeps {
  readonly voices: {
    list(): Promise<readonly VoiceProfile[]>;
    /** @throws NarratorError audio_undecodable; voice_invalid: an error of its checks, or the name of a built-in voice; request_invalid: the lexicon */
    add(id: string, clip: Clip): Promise<ClipCheck & { readonly profile: VoiceProfile }>;
    /** @throws NarratorError audio_undecodable, voice_invalid (no transcript) */
    check(clip: Clip): Promise<ClipCheck>;
    /** @returns false if there is no such voice @throws NarratorError voice_invalid for a built-in one */
    remove(id: string): Promise<boolean>;
    isBuiltIn(voice: VoiceProfile): boolean;
  };
}

/** Clips that are received and decoded at once: each is in memory as a whole. */
const UPLOADS_MAX = 4;

const ID_RULE = "must be 1 to 64 letters, digits, '-' or '_', and start with a letter or digit";
export const voiceFormSchema = z
  .strictObject({
    id: z.string('is missing').regex(VOICE_ID, ID_RULE).exactOptional(),
    text: z
      .string('is missing: give the words that are said in the clip')
      .max(2_000, 'must have at most 2000 characters'),
    language: z
      .string()
      .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$/, 'must be a language tag such as "en" or "zh-CN"')
      .transform((tag) => (tag.split('-')[0] as string).toLowerCase())
      .exactOptional(),
    dryRun: z
      .enum(['true', 'false'], 'must be true or false')
      .transform((text) => text === 'true')
      .default(false),
  })
  .refine(({ id, dryRun }) => id !== undefined || dryRun, { path: ['id'], message: ID_RULE });

export function addVoicesRoutes(app: Express, { voices }: VoicesDeps): void {
  const view = ({ id, language, version, transcript, ...profile }: VoiceProfile) => ({
    id,
    language,
    version,
    transcript: transcript.trim(),
    ...(profile.lexicon !== undefined && { lexicon: profile.lexicon }),
    builtIn: voices.isBuiltIn({ id, language, version, transcript, ...profile }),
  });
  const find = async (id: string) => {
    const found = (await voices.list()).find((voice) => voice.id === id);
    if (found !== undefined) return found;
    throw new NarratorError('voice_not_found', `There is no voice ${JSON.stringify(id.slice(0, 80))}.`, {
      hint: 'GET /v1/voices lists the voices.',
    });
  };

  app.get('/v1/voices', requireScope('read'), async (request, response) => {
    parseQuery(noQuerySchema, request);
    response.json({ data: (await voices.list()).map(view) });
  });

  app.get('/v1/voices/:id', requireScope('read'), async (request, response) => {
    response.json(view(await find(request.params['id'] as string)));
  });

  app.post(
    '/v1/voices',
    requireScope('admin'),
    atMost(UPLOADS_MAX, 'clips'),
    receiveClip(),
    async (request, response) => {
      const { id, dryRun, ...words } = parseRequest(voiceFormSchema, { ...(request.body as object) });
      const { audio, lexicon } = filesOf(request);
      const clip = {
        audio: audio.buffer,
        ...words,
        ...(lexicon !== undefined && { lexicon: { name: lexicon.originalname, bytes: lexicon.buffer } }),
      };
      const file = { name: audio.originalname, bytes: audio.size };
      if (dryRun || id === undefined) {
        const { findings, measures } = await voices.check(clip);
        return void response.json({
          usable: findings.every(({ level }) => level !== 'error'),
          checks: { findings, measures },
          file,
        });
      }
      const { profile, findings, measures } = await voices.add(id, clip);
      response.setHeader('location', `/v1/voices/${profile.id}`);
      response.status(201).json({ ...view(profile), checks: { findings, measures }, file });
    },
  );

  app.delete('/v1/voices/:id', requireScope('admin'), async (request, response) => {
    const { id } = await find(request.params['id'] as string);
    await voices.remove(id);
    response.status(204).end();
  });
}

function filesOf(request: Request): { audio: Express.Multer.File; lexicon: Express.Multer.File | undefined } {
  const files = (request.files ?? {}) as Readonly<Record<string, Express.Multer.File[] | undefined>>;
  const [audio] = files['audio'] ?? [];
  if (audio !== undefined) return { audio, lexicon: files['lexicon']?.[0] };
  throw new NarratorError('request_invalid', 'audio is missing: send the clip as a file of the form.', {
    field: 'audio',
  });
}

/** A clip, a lexicon perhaps, and a few short fields, in memory. @throws NarratorError request_invalid */
function receiveClip(): RequestHandler {
  const upload = multer({
    storage: multer.memoryStorage(),
    // Browsers and curl send names in UTF-8, without saying so.
    defParamCharset: 'utf8',
    limits: {
      fileSize: CLIP_BYTES_MAX,
      files: 2,
      fields: 8,
      parts: 10,
      fieldNameSize: 64,
      fieldSize: 16 * 1024,
      headerPairs: 64,
    },
  }).fields([
    { name: 'audio', maxCount: 1 },
    { name: 'lexicon', maxCount: 1 },
  ]);
  return (request, response, next) => {
    if (!request.is('multipart/form-data')) {
      throw new NarratorError('request_invalid', 'The content-type must be multipart/form-data.', {
        field: 'content-type',
      });
    }
    void upload(request, response, (thrown: unknown) => next(thrown === undefined ? undefined : formProblem(thrown)));
  };
}

function formProblem(thrown: unknown): NarratorError {
  if (!(thrown instanceof MulterError)) {
    return new NarratorError(
      'request_invalid',
      'The form cannot be read: it is malformed, or breaks off.',
      { field: 'body' },
      { cause: thrown },
    );
  }
  const field = thrown.field?.slice(0, 64) ?? 'body';
  if (thrown.code === 'LIMIT_FILE_SIZE') {
    const message = `The file is larger than ${CLIP_BYTES_MAX} bytes.`;
    return new NarratorError('request_invalid', message, {
      field: 'audio',
      limit: CLIP_BYTES_MAX,
      hint: 'Send a clip of 3 to 12 seconds.',
    });
  }
  if (thrown.code === 'LIMIT_UNEXPECTED_FILE') {
    return new NarratorError(
      'request_invalid',
      `${field} is not a file of this form: the clip is called audio, and a lexicon lexicon; each comes once.`,
      {
        field,
      },
    );
  }
  return new NarratorError(
    'request_invalid',
    `The form has too many fields, or one that is too long (${thrown.code}).`,
    { field },
  );
}
