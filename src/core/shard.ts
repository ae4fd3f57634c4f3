/** What planning writes: shards, and the plan of a job over all of them. */
import { z } from 'zod';
import { errorRecordSchema } from './error-record.ts';
import type { PlannedSegment } from './segment.ts';

const parametersSchema = z.strictObject({
  steps: z.number(),
  cfg: z.number(),
  sway: z.number().nullable(),
  speed: z.number(),
});

const voiceSchema = z.strictObject({ id: z.string(), version: z.string(), promptSamples: z.int() });

/** PlannedSegment of segment.ts */
const segmentSchema = z.strictObject({
  key: z.string(),
  text: z.string(),
  written: z.string().exactOptional(),
  language: z.string(),
  frames: z.number(),
  seed: z.string(),
  pauseAfterMs: z.number(),
  silent: z.string().exactOptional(),
  voice: voiceSchema.exactOptional(),
  speed: z.number().exactOptional(),
});

/** The segments of one item that lie in one shard; nearly always all of them. */
const itemPartSchema = z.strictObject({
  line: z.int(),
  item: z.string(),
  /** relative path, ends in .wav */
  output: z.string(),
  voice: voiceSchema,
  parameters: parametersSchema,
  /** place in the item of the first segment here, from 0 */
  firstSegment: z.int(),
  /** segments of the whole item */
  totalSegments: z.int(),
  segments: z.array(segmentSchema),
  /** takes of a segment whose waveform fails its checks; absent in the first round: seeds.ts */
  takes: z.int().exactOptional(),
  metadata: z.record(z.string(), z.string()).exactOptional(),
  /** characters of the text that the model does not know, each once; they are not heard */
  unknownCharacters: z.array(z.string()).exactOptional(),
});
export type ItemPart = z.infer<typeof itemPartSchema>;

/** The voice and the parameters of one segment: the item's, but for what its text switches. */
export function mannerOf({ voice, parameters }: ItemPart, segment: Pick<PlannedSegment, 'voice' | 'speed'>) {
  const { speed = parameters.speed } = segment;
  return {
    voice: segment.voice ?? voice,
    parameters: speed === parameters.speed ? parameters : { ...parameters, speed },
  };
}

/** Predicted frames of speech. */
export const framesOf = (part: ItemPart) => part.segments.reduce((sum, segment) => sum + segment.frames, 0);
export const spansShards = (part: ItemPart) => part.segments.length !== part.totalSegments;

/** A line of the manifest that cannot be synthesised. It is part of a shard so that its outcome is recorded like any other. */
const rejectedItemSchema = z.strictObject({
  line: z.int(),
  item: z.string().exactOptional(),
  /** set when earlier shards hold parts of it: planning was interrupted inside the item, and it cannot go on as it began */
  isPart: z.literal(true).exactOptional(),
  error: errorRecordSchema,
});
export type RejectedItem = z.infer<typeof rejectedItemSchema>;

export const shardPlanSchema = z.strictObject({
  v: z.literal(1),
  jobId: z.string(),
  shardId: z.string(),
  modelDigest: z.string(),
  /** sha256 (hex) of the bytes of the shard before it: see shard-chain.ts */
  previous: z.string(),
  /** of the texts of the items that begin here */
  characters: z.int(),
  parts: z.array(itemPartSchema),
  rejected: z.array(rejectedItemSchema),
});
export type ShardPlan = z.infer<typeof shardPlanSchema>;
export type ShardContents = Pick<ShardPlan, 'parts' | 'rejected' | 'characters'>;

const planTotalsSchema = z.strictObject({
  /** lines that hold an item, good or bad */
  items: z.int(),
  rejected: z.int(),
  segments: z.int(),
  /** characters of the texts of the items that are not rejected */
  characters: z.int(),
  /** predicted frames of speech, without prompts */
  frames: z.int(),
  /** predicted seconds of audio, pauses included */
  audioSeconds: z.number(),
});
export type PlanTotals = z.infer<typeof planTotalsSchema>;

export const jobPlanSchema = z.strictObject({
  v: z.literal(1),
  jobId: z.string(),
  /** number of the last shard: in a further round, its shards follow those of the rounds before */
  shards: z.int(),
  /** of this round */
  totals: planTotalsSchema,
  /** sha256 (hex) of the last shard, which holds that of the one before it, and so on: it stands for all of them */
  digest: z.string(),
  /** why the lines behind the last shard (all of them, if there is none) cannot be done: an unusable manifest, or cancelled */
  error: errorRecordSchema.exactOptional(),
});
export type JobPlan = z.infer<typeof jobPlanSchema>;
