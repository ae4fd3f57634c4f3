/** Jobs and items as clients see them. */
import type { JobHead, ResultsDestination } from '../core/job.ts';
import { audioKey } from '../core/keys.ts';
import type { JobQueue } from '../core/list-jobs.ts';
import { etaSeconds, type JobStatus } from '../core/read-job.ts';
import type { ItemStatus } from '../core/round-items.ts';
import type { Subscription } from '../core/subscription.ts';

export interface JobViewDeps {
  readonly queue: JobQueue;
  readonly now: () => Date;
}

export const jobPath = (jobId: string) => `/v1/jobs/${encodeURIComponent(jobId)}`;
export const itemPath = (jobId: string, item: string) => `${jobPath(jobId)}/items/${encodeURIComponent(item)}`;

/** Everything in it may be seen by whoever may see the job. */
export async function viewJob(status: JobStatus, { queue, now }: JobViewDeps) {
  const { id, head, state, round, createdAt, plannedAt, startedAt, finishedAt, audioSeconds, error, summary } = status;
  const { model, tenant, priority, metadata, source, notify } = head;
  const isOpen = summary === undefined;
  const eta = etaSeconds(status, now());
  return {
    id,
    status: state,
    ...(round > 1 && { round }),
    createdAt,
    ...(plannedAt !== undefined && { plannedAt }),
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    items: status.items,
    shards: status.shards,
    audioSeconds: { predicted: audioSeconds.predicted, finished: audioSeconds.finished },
    percent: status.percent,
    ...(eta !== undefined && { etaSeconds: eta }),
    ...(isOpen && { queue: await queue.placeOf(status) }),
    model,
    ...(tenant !== undefined && { tenant }),
    ...(priority !== undefined && { priority }),
    ...(metadata !== undefined && { metadata }),
    ...(source !== undefined && { source }),
    ...viewResults(head.results),
    ...(notify !== undefined && { notify: notify.map(withoutSecret) }),
    ...(error !== undefined && { error }),
    ...(summary !== undefined && { summary: viewSummary(summary) }),
    links: linksOf(id),
  };
}

/** What it came to, without what the job says already. */
function viewSummary(summary: NonNullable<JobStatus['summary']>) {
  const { v: _v, jobId: _jobId, createdAt: _createdAt, startedAt: _startedAt, ...rest } = summary;
  return rest;
}

/** Only a place that the client named: the others are ours. */
function viewResults(results: ResultsDestination) {
  return results.kind === 's3' ? { results: { bucket: results.bucket, prefix: results.prefix } } : {};
}

function withoutSecret(subscription: Subscription): Subscription {
  if (subscription.kind !== 'webhook') return subscription;
  const { secret: _secret, ...rest } = subscription;
  return rest;
}

function linksOf(jobId: string) {
  const self = jobPath(jobId);
  const ways = ['items', 'results', 'errors', 'events', 'cancel', 'retry'] as const;
  return {
    self,
    ...(Object.fromEntries(ways.map((way) => [way, `${self}/${way}`])) as Record<(typeof ways)[number], string>),
  };
}

/** An address of a stored object that needs no key of ours, where the store has such. */
export type DownloadUrl = (
  results: ResultsDestination,
  key: string,
  options: { readonly expiresSeconds: number; readonly downloadName?: string },
) => Promise<string | undefined>;

/** How long a signed address of an audio file is good for. */
const DOWNLOAD_SECONDS = 3600;

export async function viewItem(
  { item, line, samples: _samples, sampleRateHz: _rate, ...rest }: ItemStatus,
  head: JobHead,
  place: { readonly prefix: string; readonly downloadUrl: DownloadUrl },
) {
  const { status, output } = rest;
  const isThere = status === 'done' && item !== undefined && output !== undefined;
  return {
    line,
    ...(item !== undefined && { id: item }),
    ...rest,
    ...(isThere && { url: (await signedUrl(output, head, place)) ?? `${itemPath(head.id, item)}/audio` }),
  };
}

function signedUrl(
  output: string,
  { results }: JobHead,
  { prefix, downloadUrl }: { readonly prefix: string; readonly downloadUrl: DownloadUrl },
): Promise<string | undefined> {
  const options = { expiresSeconds: DOWNLOAD_SECONDS, downloadName: fileName(output) };
  return downloadUrl(results, audioKey(prefix, output), options);
}

/** of a path below the results */
export const fileName = (output: string) => output.slice(output.lastIndexOf('/') + 1);
