/** What becomes of a job's items: pages over them, their audio, and the lists of all results and errors. */
import type { Express, Request, Response } from 'express';
import { z } from 'zod';
import { NarratorError } from '../core/errors.ts';
import { ItemFinder } from '../core/find-item.ts';
import type { JobHead } from '../core/job.ts';
import { audioKey, errorsKey, resultsKey, sidecarKey } from '../core/keys.ts';
import type { ArtifactStore } from '../core/ports.ts';
import type { JobReader } from '../core/read-job.ts';
import { readItems } from '../core/read-items.ts';
import { readTimedItems, type TimedPage } from '../core/read-timed-items.ts';
import type { JobSummary } from '../core/record.ts';
import type { OpenResults } from '../core/results.ts';
import type { ItemStatus } from '../core/round-items.ts';
import { requireScope } from './auth.ts';
import { booleanQuery, noQuerySchema, pageQuery, parseQuery } from './job-request.ts';
import { type DownloadUrl, fileName, viewItem } from './job-view.ts';
import { sendObject, stream } from './send-object.ts';
import { requireVisibleJob } from './visible-job.ts';

export interface ItemsDeps {
  readonly store: ArtifactStore;
  readonly openResults: OpenResults;
  readonly reader: JobReader;
  readonly downloadUrl: DownloadUrl;
}

export const itemsQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(['pending', 'done', 'failed'], 'must be pending, done or failed').exactOptional(),
  timings: booleanQuery.default(false).describe('with the timings of each item that is done'),
});
export const listQuery = z.strictObject({ partial: booleanQuery.default(false) });

export function addItemsRoutes(app: Express, deps: ItemsDeps): void {
  const { store, openResults, downloadUrl } = deps;
  const finder = new ItemFinder(store);

  app.get('/v1/jobs/:id/items', requireScope('read'), async (request, response) => {
    const { timings: withTimings, ...query } = parseQuery(itemsQuery, request);
    const head = await requireVisibleJob(request, response, deps);
    const place = await openResults(head.results);
    const { entries, cursor, timings }: TimedPage = withTimings
      ? await readTimedItems(head.id, query, { store, results: place })
      : await readItems(head.id, query, deps);
    const { prefix } = place;
    const data = await Promise.all(
      entries.map(async (entry) => {
        const ofItem = timings?.get(entry.line);
        return {
          ...(await viewItem(entry, head, { prefix, downloadUrl })),
          ...(ofItem !== undefined && { timings: ofItem }),
        };
      }),
    );
    response.json({ data, ...(cursor !== undefined && { cursor }) });
  });

  /** One of the two files of an item. */
  const sendFile = async (
    request: Request,
    response: Response,
    file: { key: (prefix: string, output: string) => string; type: string; name: (output: string) => string },
  ) => {
    parseQuery(noQuerySchema, request);
    const head = await requireVisibleJob(request, response, deps);
    const id = request.params['item'] as string;
    const item = await finder.find(head.id, id);
    if (item?.status !== 'done' || item.output === undefined) throw noFile(id, item);
    const place = await openResults(head.results);
    response.attachment(file.name(fileName(item.output)));
    const key = file.key(place.prefix, item.output);
    if (await sendObject(request, response, { store: place.store, key, contentType: file.type })) return;
    response.removeHeader('content-disposition');
    throw new NarratorError(
      'job_not_found',
      `The audio of the item ${JSON.stringify(id)} is gone from the place of the results.`,
      {
        item: id,
        hint: 'Submit the item again: what is stored of its segments is used again.',
      },
    );
  };

  app.get('/v1/jobs/:id/items/:item/audio', requireScope('read'), (request, response) =>
    sendFile(request, response, { key: audioKey, type: 'audio/wav', name: (output) => output }),
  );
  app.get('/v1/jobs/:id/items/:item/timings', requireScope('read'), (request, response) =>
    sendFile(request, response, {
      key: sidecarKey,
      type: 'application/json; charset=utf-8',
      name: (output) => sidecarKey('', output),
    }),
  );

  app.get('/v1/jobs/:id/results', requireScope('read'), (request, response) =>
    sendList(request, response, deps, { key: resultsKey, status: 'done', line: resultLine }),
  );
  app.get('/v1/jobs/:id/errors', requireScope('read'), (request, response) =>
    sendList(request, response, deps, { key: errorsKey, status: 'failed', line: errorLine }),
  );
}

function noFile(id: string, item: ItemStatus | undefined): NarratorError {
  const name = JSON.stringify(id.slice(0, 128));
  if (item?.error !== undefined) {
    const message = `The item ${name} failed (${item.error.code}) and has no audio.`;
    return new NarratorError('job_not_found', message, { line: item.line, hint: item.error.hint });
  }
  if (item !== undefined) {
    const hint = 'Wait until the item is done; GET …/events says when.';
    return new NarratorError('job_not_found', `The item ${name} is not done yet.`, { line: item.line, hint });
  }
  return new NarratorError('job_not_found', `The job has no item ${name}, or it is not planned yet.`, {
    hint: 'Check the id of the item.',
  });
}

interface ItemList {
  /** of the file that finishing the job wrote */
  readonly key: (prefix: string) => string;
  readonly status: 'done' | 'failed';
  /** what stands there for an item */
  readonly line: (item: ItemStatus) => unknown;
}

async function sendList(request: Request, response: Response, deps: ItemsDeps, list: ItemList): Promise<void> {
  const { partial } = parseQuery(listQuery, request);
  const head = await requireVisibleJob(request, response, deps);
  const { summary } = await deps.reader.statusOf(head);
  if (summary === undefined && !partial) {
    throw new NarratorError('job_conflict', `The job ${head.id} is not finished.`, {
      retryable: true,
      hint: 'Wait until it is finished, or ask for what is there with ?partial=true.',
    });
  }
  const { store, prefix } = await deps.openResults(head.results);
  const contentType = 'application/x-ndjson; charset=utf-8';
  const key = list.key(prefix);
  if (summary !== undefined && (await sendObject(request, response, { store, key, contentType }))) return;
  // The job runs still, or its file was taken away: the records say the same.
  response.set({ 'content-type': contentType, 'cache-control': 'private, no-store' });
  if (request.method === 'HEAD') response.end();
  else await stream(linesOf(head, list, deps, summary), response);
}

const PAGE_ITEMS = 500;

async function* linesOf(
  head: JobHead,
  { status, line }: ItemList,
  deps: ItemsDeps,
  summary: JobSummary | undefined,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let cursor: string | undefined;
  do {
    const query = { limit: PAGE_ITEMS, status, ...(cursor !== undefined && { cursor }) };
    const page = await readItems(head.id, query, deps);
    const text = page.entries.map((item) => `${JSON.stringify(line(item))}\n`).join('');
    if (text !== '') yield encoder.encode(text);
    cursor = page.cursor;
  } while (cursor !== undefined);
  // Why the job as a whole failed stands behind the errors of its items.
  if (status === 'failed' && summary?.error !== undefined) yield encoder.encode(`${JSON.stringify(summary.error)}\n`);
}

/** As finishing a job writes them: see finish-job.ts. */
function resultLine({ status: _status, error: _error, ...result }: ItemStatus): unknown {
  const { line, item, output, seconds, samples, sampleRateHz, segments, reusedSegments, metadata } = result;
  return { line, item, output, seconds, samples, sampleRateHz, segments, reusedSegments, metadata };
}

function errorLine({ line, item, error }: ItemStatus): unknown {
  return { line, item, ...error };
}
