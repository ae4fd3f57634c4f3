/** Who is told of a job, and of what. The word for one told thing is event; see events.ts. */
import { z } from 'zod';

export const EVENT_TYPES = [
  'job.planned',
  'job.progress',
  'item.failed',
  'job.completed',
  'job.partially_failed',
  'job.failed',
  'job.cancelled',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** The ends of a job: what everybody wants to know who does not say. */
export const FINAL_EVENTS: readonly EventType[] = [
  'job.completed',
  'job.partially_failed',
  'job.failed',
  'job.cancelled',
];

export const SUBSCRIPTIONS_MAX = 5;

const events = z.array(z.enum(EVENT_TYPES)).min(1).max(EVENT_TYPES.length);

/** `events`: FINAL_EVENTS if absent. */
export const subscriptionSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('webhook'),
    url: z.string().max(2048),
    /** 'whsec_' and base64, as Standard Webhooks has it; the deployment's own if absent. Never shown again. */
    secret: z.string().max(200).exactOptional(),
    events: events.exactOptional(),
  }),
  z.strictObject({ kind: z.literal('sqs'), queueUrl: z.string().max(2048), events: events.exactOptional() }),
  z.strictObject({ kind: z.literal('sns'), topicArn: z.string().max(512), events: events.exactOptional() }),
]);
export type Subscription = z.infer<typeof subscriptionSchema>;
