/**
 * The form of `model.json`, format 1. Keys of `architecture`, `vocoder` and `audio` are upstream's own (F5-TTS's
 * `F5TTS_*.yaml` and the arguments of its `DiT`; Vocos' `config.yaml`), so that a published configuration can be copied
 * in as it is. Everything else is ours and camel case.
 */
import { z } from 'zod';
import { parseArchitecture, type Architecture } from '../graph/architecture.ts';

const count = z.int().positive();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in 64 lower-case hexadecimal digits');

/** A path inside the model directory: relative, '/' between names, no way out of it. */
const innerPath = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/, 'must be a relative path of letters, digits, ".", "_" and "-"')
  .refine((path) => !path.split('/').some((name) => /^\.+$/.test(name)), 'must not leave the model directory');

const modelFile = z.strictObject({ path: innerPath, bytes: z.int().nonnegative(), sha256 });

/** Arguments of upstream's DiT, completed with upstream's defaults; see graph/architecture.ts. */
const architecture = z.looseObject({ backbone: z.literal('DiT') }).transform((written, context): Architecture => {
  try {
    return parseArchitecture(written);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});

const vocoder = z.strictObject({
  type: z.literal('vocos'),
  dim: count,
  intermediate_dim: count,
  num_layers: count,
});

/** What the mel and vocoder graphs compute. Fixed for every F5-TTS with Vocos; another value is another front end. */
const audio = z.strictObject({
  mel_spec_type: z.literal('vocos'),
  target_sample_rate: z.literal(24_000),
  n_mel_channels: z.literal(100),
  hop_length: z.literal(256),
  win_length: z.literal(1024),
  n_fft: z.literal(1024),
});

const language = z.string().regex(/^[a-z]{2,3}$/, 'must be a BCP-47 primary tag such as "en" or "zh"');

const voice = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be 1 to 64 letters, digits, "_" and "-"'),
  description: z.string().max(500).default(''),
  ...modelFile.shape,
  /** what is said in the clip, word for word */
  transcript: z.string().min(1).max(2000),
  language,
  default: z.boolean().default(false),
});

export const modelDescriptionSchema = z
  .strictObject({
    format: z.literal(1),
    id: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, 'must be 1 to 64 lower-case letters, digits, "." and "-"'),
    name: z.string().min(1).max(100),
    description: z.string().max(2000),
    licence: z.strictObject({
      /** SPDX identifier where there is one, else the licence's name */
      name: z.string().min(1).max(100),
      note: z.string().max(2000).default(''),
      commercialUse: z.boolean(),
    }),
    architecture,
    vocoder,
    audio,
    tokenizer: z.strictObject({ kind: z.enum(['characters', 'pinyin']) }),
    sampling: z.strictObject({
      steps: z.int().min(1).max(256),
      cfg: z.number().min(0).max(20),
      sway: z.number().min(-1).max(2).nullable(),
      /** use the EPSS time grids for the numbers of steps that have one */
      epss: z.boolean(),
    }),
    limits: z.strictObject({
      /** prompt and speech of one pass, in frames: the longest that the model saw in training */
      maxFrames: count,
      /** prompt and speech that a planned segment fills at most: `maxFrames` less what the model needs as a margin */
      planFrames: count,
    }),
    languages: z.array(language).min(1),
    files: z.strictObject({
      weights: modelFile,
      vocoder: modelFile,
      vocabulary: modelFile,
      /** the network's weights in float16, for GPUs; made by `models build` where wanted */
      weightsF16: modelFile.optional(),
    }),
    voices: z.array(voice).default([]),
  })
  .superRefine((model, context) => {
    const { voices, limits } = model;
    const complain = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    if (limits.planFrames > limits.maxFrames) {
      complain(['limits', 'planFrames'], `must not exceed limits.maxFrames (${limits.maxFrames} frames)`);
    }
    for (const [index, { id }] of voices.entries()) {
      if (voices.findIndex((other) => other.id === id) < index)
        complain(['voices', index, 'id'], `"${id}" occurs twice`);
    }
    if (voices.length > 0 && voices.filter((each) => each.default).length !== 1) {
      complain(['voices'], 'exactly one voice must have "default": true');
    }
  });

/** A parsed `model.json`. */
export type ModelDescription = z.infer<typeof modelDescriptionSchema>;
/** A `model.json` as it may be written, defaults left out. */
export type ModelDescriptionInput = z.input<typeof modelDescriptionSchema>;
export type ModelFile = z.infer<typeof modelFile>;
