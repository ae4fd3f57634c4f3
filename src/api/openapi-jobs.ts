/** What is documented of routes-jobs.ts, routes-events.ts and routes-notifications.ts. */
import { z } from 'zod';
import { errorRecordSchema } from '../core/error-record.ts';
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import { manifestItemSchema } from '../core/manifest.ts';
import { JOB_STATES } from '../core/read-job.ts';
import { jobSummarySchema } from '../core/record.ts';
import { subscriptionSchema } from '../core/subscription.ts';
import { jobRequestSchema, manifestQuerySchema, retryRequestSchema } from './job-request.ts';
import { type Answer, type Body, documentRoutes } from './openapi.ts';
import { eventsQuery } from './routes-events.ts';
import { listQuery } from './routes-jobs.ts';

const time = z.iso.datetime();
const seconds = z.number().nonnegative();

const jobSchema = z.strictObject({
  id: z.string(),
  status: z.enum(JOB_STATES),
  round: z.int().exactOptional().describe('2 for the first retry'),
  createdAt: time,
  plannedAt: time.exactOptional(),
  startedAt: time.exactOptional(),
  finishedAt: time.exactOptional(),
  items: z.strictObject({ total: z.int(), succeeded: z.int(), failed: z.int(), pending: z.int() }),
  shards: z.strictObject({ total: z.int(), recorded: z.int() }),
  audioSeconds: z.strictObject({ predicted: seconds, finished: seconds }),
  percent: z.number().min(0).max(100).describe('by predicted speech; 100 only when it is finished'),
  etaSeconds: seconds.exactOptional().describe('at the speed so far'),
  queue: z
    .strictObject({ jobsBefore: z.int(), audioSecondsBefore: seconds })
    .exactOptional()
    .describe('what was accepted earlier and is not finished'),
  model: z.strictObject({ id: z.string(), digest: z.string() }),
  tenant: z.string().exactOptional(),
  priority: z.int().exactOptional(),
  metadata: z.record(z.string(), z.string()).exactOptional(),
  source: z.string().exactOptional().describe('where the manifest came from'),
  results: z.strictObject({ bucket: z.string(), prefix: z.string() }).exactOptional(),
  notify: z.array(subscriptionSchema).exactOptional().describe('without secrets'),
  error: errorRecordSchema.exactOptional().describe('why the job as a whole failed'),
  summary: jobSummarySchema.omit({ v: true, jobId: true, createdAt: true, startedAt: true }).exactOptional(),
  links: z.strictObject({
    self: z.string(),
    items: z.string(),
    results: z.string(),
    errors: z.string(),
    events: z.string(),
    cancel: z.string(),
    retry: z.string(),
  }),
});

const jobListSchema = z.strictObject({
  data: z.array(jobSchema),
  cursor: z.string().exactOptional().describe('where the next page begins; absent on the last one'),
});

const estimateSchema = z.strictObject({
  items: z.int(),
  rejected: z
    .array(
      z.strictObject({
        line: z.int(),
        item: z.string().exactOptional(),
        code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
        field: z.string().exactOptional(),
        message: z.string(),
      }),
    )
    .describe('the first 100 bad lines'),
  rejectedItems: z.int(),
  characters: z.int(),
  segments: z.int(),
  audioSeconds: seconds.describe('predicted, pauses included'),
  shards: z.int(),
  reusableSegments: z.int().exactOptional().describe('segments that are stored already'),
  synthesisSeconds: seconds.exactOptional().describe('how long the rest would take, with nothing else to do'),
});

const JOB: Body = { type: 'application/json', name: 'Job', schema: jobSchema };
const accepted = (description: string): Answer => ({
  description,
  headers: { location: 'the path of the job' },
  bodies: [JOB],
});

const MANIFEST_BODIES: readonly Body[] = [
  {
    type: 'application/json',
    name: 'JobRequest',
    schema: jobRequestSchema,
    example: {
      items: [
        { id: 'greeting', text: 'Good morning.' },
        { id: 'farewell', text: 'Good night.', voice: 'slt' },
      ],
      defaults: { voice: 'rms' },
      notify: [{ kind: 'webhook', url: 'https://studio.example/hooks/narration' }],
    },
  },
  { type: 'application/x-ndjson', name: 'ManifestItem', schema: manifestItemSchema },
  { type: 'text/csv' },
];
const MANIFEST_TEXT = [
  'Exactly one of `items`, `text`, `textUrl` and `manifest` says what is spoken. An entry of `items` is what a line of a manifest is: see `ManifestItem`.',
  'As `application/x-ndjson` (a `ManifestItem` on each line) or `text/csv` the body is the manifest itself, of any length up to the limit, and the options stand in the query.',
];
const INTAKE_ERRORS: readonly ErrorCode[] = [
  'encoding_invalid',
  'text_empty',
  'text_too_long',
  'bucket_not_allowed',
  'manifest_not_found',
  'subscription_invalid',
  'fetch_refused',
  'fetch_failed',
  'store_unavailable',
];

const SIGNED = z.object({
  'Narrator-Webhook-Secret': z
    .string()
    .optional()
    .describe('signs the webhooks of `options`, which may hold no secrets'),
});

export const JOB_ROUTES = documentRoutes([
  {
    method: 'post',
    path: '/v1/jobs',
    tag: 'Jobs',
    summary: 'Hand in a job',
    description: [
      ...MANIFEST_TEXT,
      'With an `Idempotency-Key` the same request may be sent again: it gives the job that was made the first time.',
    ].join('\n\n'),
    scope: 'submit',
    query: manifestQuerySchema,
    headers: z.object({
      'Idempotency-Key': z
        .string()
        .regex(/^[\x21-\x7e]{1,255}$/)
        .optional()
        .describe('chosen by the client, one for each job'),
      ...SIGNED.shape,
    }),
    bodies: MANIFEST_BODIES,
    answers: {
      202: accepted('The job was accepted: everything else happens without the client.'),
      200: accepted('The same job was accepted before.'),
    },
    errors: [...INTAKE_ERRORS, 'job_conflict'],
  },
  {
    method: 'put',
    path: '/v1/jobs/{id}',
    tag: 'Jobs',
    summary: 'Hand in a job under an id of your own',
    description: [...MANIFEST_TEXT, 'Handing in the same again changes nothing.'].join('\n\n'),
    scope: 'submit',
    query: manifestQuerySchema,
    headers: SIGNED,
    bodies: MANIFEST_BODIES,
    answers: { 201: accepted('The job was accepted.'), 200: accepted('The same job was accepted before.') },
    errors: [...INTAKE_ERRORS, 'job_conflict'],
  },
  {
    method: 'get',
    path: '/v1/jobs',
    tag: 'Jobs',
    summary: 'All jobs, newest first',
    description: "Of the key's tenant; with the scope `admin` of all tenants, or of one.",
    scope: 'read',
    query: listQuery,
    answers: {
      200: {
        description: 'A page. It may hold fewer jobs than its limit and still have a cursor.',
        bodies: [{ type: 'application/json', name: 'JobList', schema: jobListSchema }],
      },
    },
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}',
    tag: 'Jobs',
    summary: 'How far a job is',
    scope: 'read',
    answers: { 200: { description: 'The job.', bodies: [JOB] } },
    errors: ['job_not_found'],
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}/events',
    tag: 'Jobs',
    summary: 'A job as it goes on: server-sent events',
    description:
      '`progress` (a `Job`), `item` (an `Item`, once each), and at the end `done` (a `Job`). A stream that broke off goes on behind `Last-Event-ID`, without repeats.',
    scope: 'read',
    query: eventsQuery,
    headers: z.object({ 'Last-Event-ID': z.string().optional().describe('of the last event that was seen') }),
    answers: {
      200: { description: 'The stream.', bodies: [{ type: 'text/event-stream', schema: z.string() }] },
      204: { description: 'The stream that is asked to go on has ended: there is nothing more.' },
    },
    errors: ['job_not_found'],
  },
  {
    method: 'post',
    path: '/v1/jobs/{id}/cancel',
    tag: 'Jobs',
    summary: 'Stop a job',
    description: 'What is finished is kept; the rest ends as `cancelled` within seconds.',
    scope: 'submit',
    answers: {
      202: { description: 'It is being stopped.', bodies: [JOB] },
      200: { description: 'It was finished already.', bodies: [JOB] },
    },
    errors: ['job_not_found'],
  },
  {
    method: 'post',
    path: '/v1/jobs/{id}/retry',
    tag: 'Jobs',
    summary: 'Try items again that failed',
    scope: 'submit',
    bodies: [
      {
        type: 'application/json',
        name: 'RetryRequest',
        schema: retryRequestSchema,
        example: { only: ['greeting'] },
      },
    ],
    answers: { 202: { description: 'The job is open again.', bodies: [JOB] } },
    errors: ['job_not_found', 'job_conflict'],
  },
  {
    method: 'delete',
    path: '/v1/jobs/{id}',
    tag: 'Jobs',
    summary: 'Delete a finished job and what is stored of it',
    scope: 'admin',
    answers: { 204: { description: 'It is gone.' } },
    errors: ['job_not_found', 'job_conflict'],
  },
  {
    method: 'post',
    path: '/v1/jobs/{id}/notifications:resend',
    tag: 'Jobs',
    summary: 'Tell all receivers again what a job told',
    scope: 'submit',
    answers: {
      202: {
        description: 'How many events are told again.',
        bodies: [{ type: 'application/json', schema: z.strictObject({ events: z.int() }) }],
      },
    },
    errors: ['job_not_found'],
  },
  {
    method: 'post',
    path: '/v1/jobs:estimate',
    tag: 'Jobs',
    summary: 'What a job would come to, without doing it',
    description: MANIFEST_TEXT.join('\n\n'),
    scope: 'read',
    query: manifestQuerySchema,
    bodies: MANIFEST_BODIES,
    answers: {
      200: {
        description: 'The estimate, with the lines that would be rejected.',
        bodies: [{ type: 'application/json', name: 'Estimate', schema: estimateSchema }],
      },
    },
    errors: [...INTAKE_ERRORS, 'manifest_invalid', 'manifest_too_large'],
  },
]);
