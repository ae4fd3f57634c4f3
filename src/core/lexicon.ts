/**
 * Lexicons as data: words with a pronunciation of their own, given by a job, kept beside a voice, or those of a deployment. How they
 * are found in a text is the text room's matter.
 */
import { z } from 'zod';
import { canonicalJson, sha256Hex } from './canonical-json.ts';
import { NarratorError } from './errors.ts';

export const LEXICON_LIMITS = { entriesMax: 100_000, writtenCharactersMax: 200, spokenCharactersMax: 1000 } as const;
/** Of a lexicon that is handed in with a request; larger ones belong to a voice, a deployment or a file. */
export const REQUEST_LEXICON_ENTRIES_MAX = 10_000;

const words = (max: number) =>
  z
    .string('must be a string')
    .transform((text) => text.normalize('NFC').replace(/\s+/g, ' ').trim())
    .superRefine((text, context) => {
      if (text.length <= max) return;
      context.addIssue({ code: 'custom', message: `has ${text.length} characters; the limit is ${max}` });
    });

const LANGUAGE_RULE = 'must be a tag such as "en"';
export const LEXICON_FIELDS = ['written', 'spoken', 'language', 'matchCase'] as const;

export const lexiconEntrySchema = z.strictObject(
  {
    /** as it stands in texts */
    written: words(LEXICON_LIMITS.writtenCharactersMax).refine((text) => text !== '', 'is empty'),
    spoken: words(LEXICON_LIMITS.spokenCharactersMax),
    /** 'en', 'zh', …; in every language if absent */
    language: z
      .string(LANGUAGE_RULE)
      .regex(/^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,8}$/, LANGUAGE_RULE)
      .transform((tag) => (tag.split('-', 1)[0] as string).toLowerCase())
      .exactOptional(),
    /** by default an entry in small letters matches in any case ('gif' 'GIF'), one with a capital only as it is ('Polish') */
    matchCase: z.boolean('must be true or false').exactOptional(),
  },
  'must be an object',
);
export type LexiconEntry = z.output<typeof lexiconEntrySchema>;
export type LexiconEntryInput = z.input<typeof lexiconEntrySchema>;

/** Of a request or of a job's options. */
export const requestLexiconSchema = z
  .array(lexiconEntrySchema, 'must be a list of entries')
  .max(REQUEST_LEXICON_ENTRIES_MAX, `must hold at most ${REQUEST_LEXICON_ENTRIES_MAX} entries`);

/** Entries and their name. A later entry replaces an earlier one of the same language, case and spelling. */
export interface LexiconSource {
  /** sha256 (hex) of the entries */
  readonly digest: string;
  readonly entries: readonly LexiconEntry[];
}

const entriesSchema = z
  .array(lexiconEntrySchema, 'must be a list of entries')
  .max(LEXICON_LIMITS.entriesMax, `must hold at most ${LEXICON_LIMITS.entriesMax} entries`);

/** Whoever made them: the same words have the same name. @throws NarratorError usage naming entry (from 0) and field */
export function lexiconSource(entries: readonly LexiconEntryInput[]): LexiconSource {
  const parsed = entriesSchema.safeParse(entries);
  if (parsed.success) return { digest: sha256Hex(canonicalJson(parsed.data)), entries: parsed.data };
  const [issue] = parsed.error.issues;
  const field = ['lexicon', ...(issue?.path ?? [])].join('.');
  throw new NarratorError('usage', `${field} ${issue?.message ?? 'is wrong'}.`, { field });
}

/** What job.json says of the lexicon that lies beside it. */
export const lexiconHeadSchema = z.strictObject({
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  entries: z.int().min(1),
});
export type LexiconHead = z.infer<typeof lexiconHeadSchema>;
