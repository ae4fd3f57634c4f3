/** What a client may say of a whole job, in a request or in a file beside a manifest in S3: one schema for both. */
import { z } from 'zod';
import { NarratorError } from './errors.ts';
import { PRIORITY_MAX, PRIORITY_MIN, type ResultsDestination } from './job.ts';
import { checkKey } from './keys.ts';
import { requestLexiconSchema } from './lexicon.ts';
import { itemDefaultsSchema, metadataSchema } from './manifest.ts';
import { nearestName } from './nearest-name.ts';
import { SUBSCRIPTIONS_MAX, subscriptionSchema } from './subscription.ts';

const STEPS_RULE = 'must be a whole number from 1 to 256';
const CFG_RULE = 'must be a number from 0 to 20';
const SHARD_SECONDS_RULE = 'must be a number from 10 to 600';
const PRIORITY_RULE = `must be a whole number from ${PRIORITY_MIN} to ${PRIORITY_MAX}`;

/** What is left of S3's 1024 bytes for the items' own paths. */
export const RESULTS_PREFIX_BYTES_MAX = 400;

/** `prefix` is afterwards empty or ends in '/'. Whether the place may be used is for the caller to check. */
const results = z.strictObject({
  bucket: z.string('must be the name of a bucket').regex(/^[^/\s]{1,255}$/, 'must be the name of a bucket'),
  prefix: z
    .string('must be a prefix such as "books/emma/"')
    .transform((prefix) => prefix.replace(/\/$/, ''))
    .refine((prefix) => prefix === '' || isKey(prefix), 'must be a prefix such as "books/emma/"')
    .refine(
      (prefix) => Buffer.byteLength(prefix) <= RESULTS_PREFIX_BYTES_MAX,
      `must be at most ${RESULTS_PREFIX_BYTES_MAX} bytes`,
    )
    .transform((prefix) => (prefix === '' ? '' : `${prefix}/`))
    .default(''),
});

function isKey(text: string): boolean {
  try {
    checkKey(text);
    return true;
  } catch {
    return false;
  }
}

export const jobOptionsSchema = z.strictObject(
  {
    /** what holds for every item that says nothing else */
    defaults: itemDefaultsSchema.exactOptional(),
    parameters: z
      .strictObject(
        {
          steps: z.int(STEPS_RULE).min(1, STEPS_RULE).max(256, STEPS_RULE).exactOptional(),
          cfg: z.number(CFG_RULE).min(0, CFG_RULE).max(20, CFG_RULE).exactOptional(),
        },
        'must be an object',
      )
      .exactOptional(),
    format: z.enum(['int16', 'int24', 'float32'], 'must be int16, int24 or float32').exactOptional(),
    reuse: z.boolean('must be true or false').exactOptional(),
    shardSeconds: z.number(SHARD_SECONDS_RULE).min(10, SHARD_SECONDS_RULE).max(600, SHARD_SECONDS_RULE).exactOptional(),
    priority: z.int(PRIORITY_RULE).min(PRIORITY_MIN, PRIORITY_RULE).max(PRIORITY_MAX, PRIORITY_RULE).exactOptional(),
    /** words with a pronunciation of their own, for this job */
    lexicon: requestLexiconSchema.exactOptional(),
    metadata: metadataSchema.exactOptional(),
    notify: z
      .array(subscriptionSchema, 'must be a list of subscriptions')
      .max(SUBSCRIPTIONS_MAX, `must hold at most ${SUBSCRIPTIONS_MAX} subscriptions`)
      .exactOptional(),
    results: results.exactOptional(),
  },
  'must be an object',
);
export type JobOptions = z.output<typeof jobOptionsSchema>;

/** @param subject whose options these are, for the message: 'books/emma.options.json' @throws NarratorError request_invalid naming the field */
export function parseJobOptions(value: unknown, subject: string): JobOptions {
  const parsed = jobOptionsSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0]?.slice(0, 80) : undefined;
  const path = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])];
  const field = path.join('.');
  const similar = path.length === 1 ? nearestName(field, Object.keys(jobOptionsSchema.shape)) : '';
  const rule = unknown === undefined ? (issue?.message ?? 'is wrong') : `is no option${similar}`;
  throw new NarratorError('request_invalid', `${subject}: ${field === '' ? 'the content' : field} ${rule}.`, {
    ...(field !== '' && { field }),
  });
}

/** Where a job that names no place in S3 has its results is for the store to say: undefined. */
export function resultsDestination({ results: place }: JobOptions): ResultsDestination | undefined {
  return place === undefined ? undefined : { kind: 's3', bucket: place.bucket, prefix: place.prefix };
}
