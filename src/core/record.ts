/** What became of a shard: written once, last. */
import { z } from 'zod';
import { errorRecordSchema } from './error-record.ts';

export const warningSchema = z.strictObject({
  check: z.enum(['clipping', 'cut-end', 'quiet', 'length']),
  message: z.string(),
});

/** A segment that is there. */
const segmentOutcomeSchema = z.strictObject({
  /** key of the take that is heard: differs from the planned one when take > 1 */
  key: z.string(),
  seed: z.string(),
  /** 1 unless the waveform of earlier takes failed its checks */
  take: z.int(),
  samples: z.int(),
  /** it was in the store already */
  reused: z.boolean(),
  warnings: z.array(warningSchema).exactOptional(),
});
export type SegmentOutcome = z.infer<typeof segmentOutcomeSchema>;

/** One audio file. */
const doneItemSchema = z.strictObject({
  status: z.literal('done'),
  line: z.int(),
  item: z.string(),
  output: z.string(),
  samples: z.int(),
  sampleRateHz: z.int(),
  segments: z.array(segmentOutcomeSchema),
  metadata: z.record(z.string(), z.string()).exactOptional(),
});
export type DoneItem = z.infer<typeof doneItemSchema>;

/** One named error. `item` is absent when the line has no usable id. */
const failedItemSchema = z.strictObject({
  status: z.literal('failed'),
  line: z.int(),
  item: z.string().exactOptional(),
  /** where its audio would be; absent for a line that was rejected */
  output: z.string().exactOptional(),
  /** set when this is one of several parts of an item that spans shards: the item counts once, see finish-job.ts */
  isPart: z.literal(true).exactOptional(),
  error: errorRecordSchema,
});
export type FailedItem = z.infer<typeof failedItemSchema>;

/** What an item came to in the end. */
export const finalOutcomeSchema = z.discriminatedUnion('status', [doneItemSchema, failedItemSchema]);
export type FinalOutcome = z.infer<typeof finalOutcomeSchema>;

/** A part of an item that spans shards, synthesised: finishing the job joins the parts. */
const partItemSchema = z.strictObject({
  status: z.literal('part'),
  line: z.int(),
  item: z.string(),
  firstSegment: z.int(),
  sampleRateHz: z.int(),
  segments: z.array(segmentOutcomeSchema),
});

const itemOutcomeSchema = z.discriminatedUnion('status', [doneItemSchema, failedItemSchema, partItemSchema]);
export type ItemOutcome = z.infer<typeof itemOutcomeSchema>;

export const shardRecordSchema = z.strictObject({
  v: z.literal(1),
  jobId: z.string(),
  shardId: z.string(),
  startedAt: z.string(),
  finishedAt: z.string(),
  /** frames of speech that were predicted for the shard: what it weighs in the job's progress */
  frames: z.number(),
  /** in the order of the manifest; one entry for every part and every rejected line of the shard */
  items: z.array(itemOutcomeSchema),
});
export type ShardRecord = z.infer<typeof shardRecordSchema>;

/** What a finished job came to. */
export const jobSummarySchema = z.strictObject({
  v: z.literal(1),
  jobId: z.string(),
  /** of retries: 2 for the first one */
  round: z.int().exactOptional(),
  outcome: z.enum(['completed', 'partially_failed', 'failed', 'cancelled']),
  createdAt: z.string(),
  /** when a worker took up the first of this round */
  startedAt: z.string().exactOptional(),
  finishedAt: z.string(),
  items: z.int(),
  succeeded: z.int(),
  failed: z.int(),
  segments: z.int(),
  /** segments that were stored already */
  reusedSegments: z.int(),
  /** segments whose first take failed its checks */
  retakenSegments: z.int(),
  audioSeconds: z.number(),
  /** failed items by code */
  errors: z.record(z.string(), z.int()),
  /** why the job as a whole failed */
  error: errorRecordSchema.exactOptional(),
});
export type JobSummary = z.infer<typeof jobSummarySchema>;
