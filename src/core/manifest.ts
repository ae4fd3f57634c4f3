/** The manifest: what a client hands in. One schema for its items, whether they come as JSON Lines, CSV or inline. */
import { z } from 'zod';

export type ManifestFormat = 'jsonl' | 'csv';

export interface ManifestLimits {
  readonly itemsMax: number;
  /** characters (UTF-16 code units) of one item's text */
  readonly textCharactersMax: number;
  /** bytes of one line, or of one CSV record */
  readonly lineBytesMax: number;
}

export const MANIFEST_LIMITS: ManifestLimits = {
  itemsMax: 1_000_000,
  textCharactersMax: 1_000_000,
  lineBytesMax: 1024 * 1024,
};

/** Unsigned 64-bit integer; as a string where it passes what JSON numbers hold exactly. In decimal afterwards. */
const seed = z
  .union([z.number(), z.string()], 'must be a whole number')
  .transform((value) => String(value))
  .refine((value) => /^\d{1,20}$/.test(value) && BigInt(value) < 2n ** 64n, 'must be a whole number from 0 to 2^64 - 1')
  .transform((value) => BigInt(value).toString());

/** BCP 47, in its usual spelling afterwards: 'en', 'en-GB', 'zh-Hant-TW'. The region decides how numeric dates are read. */
const language = z
  .string('must be a language tag such as "en"')
  .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$/, 'must be a language tag such as "en" or "zh-CN"')
  .transform(usualSpelling);

function usualSpelling(tag: string): string {
  const [primary = '', ...subtags] = tag.toLowerCase().split('-');
  const spelled = subtags.map((subtag) => {
    if (/^[a-z]{2}$/.test(subtag)) return subtag.toUpperCase();
    return /^[a-z]{4}$/.test(subtag) ? subtag.charAt(0).toUpperCase() + subtag.slice(1) : subtag;
  });
  return [primary, ...spelled].join('-');
}

const voice = z
  .string('must be the name of a voice')
  .min(1, 'must be the name of a voice')
  .max(128, 'must be at most 128 characters');

export const SPEED_MIN = 0.5;
export const SPEED_MAX = 2;
const SPEED_RULE = `must be a number from ${SPEED_MIN} to ${SPEED_MAX}`;
const speed = z.number(SPEED_RULE).min(SPEED_MIN, SPEED_RULE).max(SPEED_MAX, SPEED_RULE);

const normalise = z.enum(['off', 'basic', 'full'], 'must be "off", "basic" or "full"');
const unsupported = z.enum(['error', 'drop'], 'must be "error" or "drop"');
/** What a text is written in: see text/markup-tags.ts, text/markdown.ts and text/ssml.ts. */
export const MARKUPS = ['none', 'tags', 'markdown', 'ssml'] as const;
export type Markup = (typeof MARKUPS)[number];
const markup = z.enum(MARKUPS, 'must be "none", "tags", "markdown" or "ssml"');
const emoji = z.enum(['drop', 'name'], 'must be "drop" or "name"');

/** How texts are read, of an item, a job or a text that is spoken at once: see text.md. */
export const readingSchema = z.object({
  normalise: normalise.exactOptional(),
  emoji: emoji.exactOptional(),
  unsupported: unsupported.exactOptional(),
  markup: markup.exactOptional(),
});

const METADATA_PAIRS_MAX = 16;
/** Of an item, or of a whole job: handed through. */
export const metadataSchema = z
  .record(
    z.string().min(1, 'needs names that are not empty').max(64, 'takes names of at most 64 characters'),
    z.string('takes strings only').max(512, 'takes values of at most 512 characters'),
    'must be an object of strings',
  )
  .refine((pairs) => Object.keys(pairs).length <= METADATA_PAIRS_MAX, `must hold at most ${METADATA_PAIRS_MAX} pairs`);

const ID_RULE =
  "must be 1 to 128 letters, digits, '.', '_' or '-', and not start with '.'; it becomes the name of the audio file";
/** Combining marks count as letters: many scripts need them. */
const id = z.string(ID_RULE).regex(/^[\p{L}\p{N}_-][\p{L}\p{M}\p{N}._-]{0,127}$/u, ID_RULE);

/** Bytes of one part of an output path: leaves room for the names that a file system takes (255) with '.json' behind. */
const OUTPUT_PART_BYTES_MAX = 200;
const OUTPUT_CHARACTERS_MAX = 512;

/** Why a path cannot be an item's output, or undefined. `path` is without its .wav. */
function outputProblem(path: string): string | undefined {
  if (path.length > OUTPUT_CHARACTERS_MAX) return `must be at most ${OUTPUT_CHARACTERS_MAX} characters`;
  if (/\p{Cs}/u.test(path)) return 'must be well-formed Unicode';
  if (/[\p{Cc}\p{Zl}\p{Zp}\\:*?"<>|]/u.test(path)) return 'must not hold control characters or any of \\ : * ? " < > |';
  // The job's own summary.json lies beside the items' <output>.json.
  if (path.toLowerCase() === 'summary') return "must not be 'summary': that name is kept for the job's summary.json";
  for (const part of path.split('/')) {
    if (part === '') return 'must be a relative path without empty parts';
    if (part.startsWith('.')) return "must not have a part that starts with '.'";
    if (/[ .]$/.test(part)) return 'must not have a part that ends in a space or a dot';
    if (Buffer.byteLength(part) > OUTPUT_PART_BYTES_MAX) {
      return `must have parts of at most ${OUTPUT_PART_BYTES_MAX} bytes in UTF-8`;
    }
  }
  // A folder must not have the name that another item's file has.
  if (/\.(wav|json|jsonl)\//i.test(path)) return 'must not have a folder whose name ends in .wav, .json or .jsonl';
  return undefined;
}

const output = z
  .string('must be a relative path')
  .transform((path) => path.replace(/\.wav$/i, ''))
  .superRefine((path, context) => {
    const problem = outputProblem(path);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .transform((path) => `${path}.wav`);

const textFile = z.string('must be a path').min(1, 'must be a path').max(1024, 'must be at most 1024 characters');

/** One entry of a manifest. `output` is afterwards always there and ends in .wav. */
export const manifestItemSchema = z
  .strictObject(
    {
      id,
      text: z.string('must be a string').exactOptional(),
      textFile: textFile.exactOptional(),
      voice: voice.exactOptional(),
      speed: speed.exactOptional(),
      seed: seed.exactOptional(),
      language: language.exactOptional(),
      ...readingSchema.shape,
      output: output.exactOptional(),
      metadata: metadataSchema.exactOptional(),
    },
    'must be an object',
  )
  .superRefine((item, context) => {
    if (item.text === undefined && item.textFile === undefined) {
      context.addIssue({ code: 'custom', path: ['text'], message: 'is missing: give text or textFile' });
    }
    if (item.text !== undefined && item.textFile !== undefined) {
      context.addIssue({ code: 'custom', path: ['textFile'], message: 'must not stand beside text: give one of them' });
    }
    if (item.output === undefined) {
      const problem = outputProblem(item.id);
      if (problem !== undefined) {
        context.addIssue({ code: 'custom', path: ['id'], message: `cannot be a file name: it ${problem}` });
      }
    }
  })
  .transform((item) => ({ ...item, output: item.output ?? `${item.id}.wav` }));

export type ManifestItem = z.output<typeof manifestItemSchema>;
/** An item as a client writes it. */
export type ManifestItemInput = z.input<typeof manifestItemSchema>;

export const MANIFEST_FIELDS = [
  'id',
  'text',
  'textFile',
  'voice',
  'speed',
  'seed',
  'language',
  'normalise',
  'emoji',
  'unsupported',
  'markup',
  'output',
  'metadata',
] as const satisfies (keyof ManifestItemInput)[];

/** What holds for every item that says nothing else. */
export const itemDefaultsSchema = z.strictObject({
  voice: voice.exactOptional(),
  speed: speed.exactOptional(),
  seed: seed.exactOptional(),
  language: language.exactOptional(),
  ...readingSchema.shape,
});

export type ItemDefaults = z.output<typeof itemDefaultsSchema>;
export type ItemDefaultsInput = z.input<typeof itemDefaultsSchema>;

/** Items given inline go the way of every manifest: as JSON Lines. */
export async function* itemsAsManifest(
  items: Iterable<ManifestItemInput> | AsyncIterable<ManifestItemInput>,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const item of items) yield encoder.encode(`${JSON.stringify(item)}\n`);
}
