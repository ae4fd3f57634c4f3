/** A job: one accepted manifest. Its head is written once, and says everything but the items. */
import { z } from 'zod';
import { JOB_ID } from './keys.ts';
import { lexiconHeadSchema } from './lexicon.ts';
import { itemDefaultsSchema } from './manifest.ts';
import { SUBSCRIPTIONS_MAX, subscriptionSchema } from './subscription.ts';

/** Where finished audio goes. An adapter behind `OpenResults` knows what each kind means. */
export const resultsDestinationSchema = z.discriminatedUnion('kind', [
  /** in the artifact store itself, below `prefix` (empty, or ending in '/') */
  z.strictObject({ kind: z.literal('store'), prefix: z.string() }),
  /** in a folder of the machine, by absolute path */
  z.strictObject({ kind: z.literal('folder'), path: z.string() }),
  /** in a bucket, below `prefix` (empty, or ending in '/') */
  z.strictObject({ kind: z.literal('s3'), bucket: z.string(), prefix: z.string() }),
]);
export type ResultsDestination = z.infer<typeof resultsDestinationSchema>;

/** Everything besides speed, which items choose for themselves. */
const jobParametersSchema = z.strictObject({
  steps: z.int().min(1).max(1000),
  cfg: z.number().min(0).max(100),
  sway: z.number().min(-1).max(2).nullable(),
});
export type JobParameters = z.infer<typeof jobParametersSchema>;

export const PRIORITY_MIN = -10;
export const PRIORITY_MAX = 10;

export const jobHeadSchema = z.strictObject({
  v: z.literal(1),
  id: z.string().regex(JOB_ID),
  /** ISO 8601, UTC */
  createdAt: z.string(),
  /** sha256 (hex) over everything that the client asked for: tells a repeated submission from a conflicting one */
  digest: z.string(),
  manifest: z.strictObject({
    format: z.enum(['jsonl', 'csv']),
    /** of the copy in the store */
    key: z.string(),
    sha256: z.string(),
    bytes: z.int(),
  }),
  model: z.strictObject({ id: z.string(), digest: z.string() }),
  defaults: itemDefaultsSchema,
  parameters: jobParametersSchema,
  format: z.enum(['int16', 'int24', 'float32']),
  results: resultsDestinationSchema,
  /** take segments that are stored already, and store new ones: what makes resuming and editing cheap */
  reuse: z.boolean(),
  /** predicted seconds of speech in one shard */
  shardSeconds: z.number(),
  /** words with a pronunciation of their own, in an object beside this one: it is read a lot, and they are needed to plan only */
  lexicon: lexiconHeadSchema.exactOptional(),
  metadata: z.record(z.string(), z.string()).exactOptional(),
  /** whose job it is: tenants share the workers evenly, whatever they submit */
  tenant: z.string().regex(JOB_ID).exactOptional(),
  /** among the jobs of its tenant, those with a higher one come first; 0 if absent */
  priority: z.int().min(PRIORITY_MIN).max(PRIORITY_MAX).exactOptional(),
  /** who is told of it, beside those whom the deployment tells of every job */
  notify: z.array(subscriptionSchema).max(SUBSCRIPTIONS_MAX).exactOptional(),
  /** only those of `notify` are told of it: somebody waits for its end anyway */
  quiet: z.literal(true).exactOptional(),
  /** where the manifest came from, for people: 's3://bucket/key' */
  source: z.string().max(2048).exactOptional(),
});
export type JobHead = z.infer<typeof jobHeadSchema>;
