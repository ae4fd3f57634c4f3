/** What is documented of routes-items.ts. */
import { z } from 'zod';
import { errorRecordSchema } from '../core/error-record.ts';
import { type Answer, documentRoutes } from './openapi.ts';
import { itemsQuery, listQuery } from './routes-items.ts';

const itemSchema = z.strictObject({
  line: z.int().describe('of the manifest, from 1'),
  id: z.string().exactOptional().describe('absent when the line has no usable one'),
  status: z.enum(['pending', 'done', 'failed']),
  output: z.string().exactOptional().describe('path of its audio below the results'),
  seconds: z.number().exactOptional().describe('of its audio, pauses included'),
  segments: z.int().exactOptional(),
  reusedSegments: z.int().exactOptional().describe('of these, those that were stored before'),
  error: errorRecordSchema.exactOptional(),
  metadata: z.record(z.string(), z.string()).exactOptional(),
  url: z.string().exactOptional().describe('of its audio: a signed address, or a path of this API'),
  timings: z.looseObject({}).exactOptional().describe('if asked for: the JSON that lies beside the audio'),
});
const itemListSchema = z.strictObject({ data: z.array(itemSchema), cursor: z.string().exactOptional() });

const lines = (description: string): Answer => ({ description, bodies: [{ type: 'application/x-ndjson' }] });
const RANGE = z.object({
  Range: z.string().optional().describe('`bytes=0-1023`'),
  'If-None-Match': z.string().optional(),
});
const file = (description: string, type: string): Record<number, Answer> => ({
  200: { description, headers: { etag: 'of the file' }, bodies: [{ type }] },
  206: { description: 'The part of it that was asked for.', bodies: [{ type }] },
  304: { description: 'The client has it already.' },
  416: { description: 'It is shorter than that.' },
});

export const ITEM_ROUTES = documentRoutes([
  {
    method: 'get',
    path: '/v1/jobs/{id}/items',
    tag: 'Items',
    summary: 'What became of the items of a job',
    scope: 'read',
    query: itemsQuery,
    answers: {
      200: {
        description: 'A page, in the order of the manifest.',
        bodies: [{ type: 'application/json', name: 'ItemList', schema: itemListSchema }],
      },
    },
    errors: ['job_not_found'],
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}/items/{item}/audio',
    tag: 'Items',
    summary: 'The WAV file of an item',
    scope: 'read',
    headers: RANGE,
    answers: file('The file.', 'audio/wav'),
    errors: ['job_not_found'],
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}/items/{item}/timings',
    tag: 'Items',
    summary: 'What is said when in an item',
    scope: 'read',
    headers: RANGE,
    answers: file('The JSON file that lies beside the audio.', 'application/json'),
    errors: ['job_not_found'],
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}/results',
    tag: 'Items',
    summary: 'All items that succeeded, one a line',
    scope: 'read',
    query: listQuery,
    answers: { 200: lines('JSON Lines, streamed.') },
    errors: ['job_not_found', 'job_conflict'],
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}/errors',
    tag: 'Items',
    summary: 'All items that failed, one a line',
    scope: 'read',
    query: listQuery,
    answers: { 200: lines('JSON Lines, streamed.') },
    errors: ['job_not_found', 'job_conflict'],
  },
]);
