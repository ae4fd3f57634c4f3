/** What clients may send to have a job made: the form of the body, and of the query where the body is the manifest itself. */
import type { Request } from 'express';
import { z } from 'zod';
import { canonicalJson, sha256Hex } from '../core/canonical-json.ts';
import { NarratorError } from '../core/errors.ts';
import { type JobOptions, jobOptionsSchema } from '../core/job-options.ts';
import { JOB_ID } from '../core/keys.ts';
import { readingSchema } from '../core/manifest.ts';
import { RETRIED_ITEMS_MAX } from '../core/retry-job.ts';
import { parseRequest } from './speech-request.ts';

/** Longer lists are handed in as a manifest, which is read as a stream. */
export const ITEMS_MAX = 100_000;

const ADDRESS_RULE = 'must be an address: s3://bucket/key, http:// or https://';
const address = z
  .string(ADDRESS_RULE)
  .max(2048, 'must have at most 2048 characters')
  .regex(/^(s3|https?):\/\/[^/]/i, ADDRESS_RULE)
  .refine((text) => /^s3:/i.test(text) || URL.canParse(text), ADDRESS_RULE);

const SOURCES = ['items', 'text', 'textUrl', 'manifest'] as const;

export const jobRequestSchema = jobOptionsSchema
  .extend({
    /** judged one by one when the job is planned, like the lines of every manifest */
    items: z
      .array(z.unknown(), 'must be a list of items')
      .min(1, 'is empty')
      .max(ITEMS_MAX, `must hold at most ${ITEMS_MAX} items; hand in more as a manifest`)
      .exactOptional(),
    text: z.string('must be a string').exactOptional(),
    textUrl: address.exactOptional(),
    manifest: address.exactOptional(),
    /** of the one item that text or textUrl become */
    itemId: z.string('must be a string').exactOptional(),
  })
  .superRefine((request, context) => {
    const given = SOURCES.filter((name) => request[name] !== undefined);
    const [first, second] = given;
    if (first === undefined) {
      context.addIssue({ code: 'custom', path: ['items'], message: `is missing: give one of ${SOURCES.join(', ')}` });
    } else if (second !== undefined) {
      context.addIssue({ code: 'custom', path: [second], message: `must not stand beside ${first}: give one of them` });
    } else if (request.itemId !== undefined && first !== 'text' && first !== 'textUrl') {
      context.addIssue({ code: 'custom', path: ['itemId'], message: 'is for text and textUrl only' });
    }
  });
export type JobBody = z.output<typeof jobRequestSchema>;

export const once = z.string('must be given once');
const numeric = once.regex(/^[+-]?(\d+\.?\d*|\.\d+)$/, 'must be a number').transform(Number);

/** Options of a job whose body is the manifest. What they mean is checked where all options are. */
export const manifestQuerySchema = z.strictObject({
  voice: once.exactOptional(),
  speed: numeric.exactOptional(),
  seed: once.exactOptional(),
  language: once.exactOptional(),
  ...readingSchema.shape,
  steps: numeric.exactOptional(),
  cfg: numeric.exactOptional(),
  format: once.exactOptional(),
  priority: numeric.exactOptional(),
  reuse: once
    .regex(/^(true|false)$/, 'must be true or false')
    .transform((text) => text === 'true')
    .exactOptional(),
  /** what a body in JSON could say besides: notify, metadata, results and the like */
  options: once.transform(fromJson).exactOptional(),
});

function fromJson(text: string, context: z.core.$RefinementCtx<string>): unknown {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON' });
    return z.NEVER;
  }
}

/** In the place of a webhook's `secret` in `options`: addresses stand in the logs of every proxy, headers do not. */
const SECRET_HEADER = 'narrator-webhook-secret';

/** A parameter of its own wins over the same in `options`. @throws NarratorError request_invalid naming the parameter */
export function optionsOfQuery({ query, headers }: Pick<Request, 'query' | 'headers'>): JobOptions {
  const {
    voice,
    speed,
    seed,
    language,
    normalise,
    emoji,
    unsupported,
    markup,
    steps,
    cfg,
    options = {},
    ...rest
  } = parseRequest(manifestQuerySchema, {
    ...query,
  });
  const { defaults = {}, parameters = {}, ...more } = parseRequest(jobOptionsSchema, options);
  const notify = more.notify?.map((subscription, index) => signedBy(headers[SECRET_HEADER], subscription, index));
  return parseRequest(jobOptionsSchema, {
    ...more,
    ...(notify !== undefined && { notify }),
    ...rest,
    defaults: { ...defaults, ...given({ voice, speed, seed, language, normalise, emoji, unsupported, markup }) },
    parameters: { ...parameters, ...given({ steps, cfg }) },
  });
}

type Subscription = NonNullable<JobOptions['notify']>[number];

function signedBy(secret: unknown, subscription: Subscription, index: number): unknown {
  if (subscription.kind !== 'webhook') return subscription;
  if (subscription.secret === undefined) return secret === undefined ? subscription : { ...subscription, secret };
  const field = `options.notify.${index}.secret`;
  throw new NarratorError('request_invalid', `${field} must not be sent in an address, which logs keep.`, {
    field,
    hint: `Send it as the header ${SECRET_HEADER}, or leave it out: then the server's NARRATOR_WEBHOOK_SECRET signs.`,
  });
}

const given = (fields: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** Parameters that a query may have, each once, and no others. @throws NarratorError request_invalid */
export function parseQuery<S extends z.ZodType>(schema: S, request: Request): z.output<S> {
  return parseRequest(schema, { ...request.query });
}

export const noQuerySchema = z.strictObject({});

export const retryRequestSchema = z.strictObject(
  {
    /** all items that failed, or those of them with these ids */
    only: z
      .union(
        [z.literal('failed'), z.array(z.string().max(512)).min(1).max(RETRIED_ITEMS_MAX)],
        `must be "failed" or a list of 1 to ${RETRIED_ITEMS_MAX} ids of items`,
      )
      .default('failed'),
  },
  'must be an object',
);

/** A page of anything. */
export const pageQuery = {
  cursor: once.max(200, 'is none that a page ended with').exactOptional(),
  limit: once
    .regex(/^\d{1,4}$/, 'must be a whole number from 1 to 500')
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= 500, 'must be a whole number from 1 to 500')
    .default(50),
};

export const booleanQuery = once.regex(/^(true|false)$/, 'must be true or false').transform((text) => text === 'true');

/**
 * The id of the job that a client asks for once and only once, whatever its network does: the ledger itself remembers it.
 * @returns undefined without such a header @throws NarratorError request_invalid
 */
export function idempotentId(request: Request, tenant: string | undefined): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  // Sent twice, the header arrives as one, with a comma and a blank.
  if (typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)) {
    return `idem-${sha256Hex(canonicalJson({ tenant, key })).slice(0, 32)}`;
  }
  throw new NarratorError(
    'request_invalid',
    'Idempotency-Key must be 1 to 255 visible ASCII characters without blanks.',
    {
      field: 'Idempotency-Key',
      limit: 255,
    },
  );
}

/** @throws NarratorError request_invalid */
export function checkJobId(id: string): void {
  if (JOB_ID.test(id)) return;
  const rule = "1 to 64 letters, digits, '.', '_' or '-', and start with a letter or digit";
  throw new NarratorError(
    'request_invalid',
    `The job id ${JSON.stringify(id.slice(0, 80))} cannot be used: it must be ${rule}.`,
    {
      field: 'id',
      limit: 64,
    },
  );
}
