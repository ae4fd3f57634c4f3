/** Jobs over HTTP: handed in, watched, cancelled, retried, deleted. What a job is and does is the core's matter. */
import { type Express, json, type Request, type Response } from 'express';
import { z } from 'zod';
import { cancelJob } from '../core/cancel-job.ts';
import { deleteJob } from '../core/delete-job.ts';
import { NarratorError } from '../core/errors.ts';
import type { EstimateReport, EstimateRequest } from '../core/estimate.ts';
import type { JobParameters, ResultsDestination } from '../core/job.ts';
import { resultsDestination } from '../core/job-options.ts';
import { readJobHead } from '../core/ledger.ts';
import { listJobs } from '../core/list-jobs.ts';
import type { ItemDefaults, ItemDefaultsInput } from '../core/manifest.ts';
import type { ArtifactStore } from '../core/ports.ts';
import { acceptedStatus, JOB_STATES, type JobReader } from '../core/read-job.ts';
import type { OpenResults } from '../core/results.ts';
import { retryJob } from '../core/retry-job.ts';
import { type SubmittedJob, submitJob } from '../core/submit-job.ts';
import type { Subscription } from '../core/subscription.ts';
import { atMost, hasLargeBody } from './at-most.ts';
import { clientOf, requireScope } from './auth.ts';
import { goneSignal, type IntakeDeps, type JobIntake, readIntake } from './job-intake.ts';
import { checkJobId, idempotentId, once, pageQuery, parseQuery, retryRequestSchema } from './job-request.ts';
import { type DownloadUrl, jobPath, type JobViewDeps, viewJob } from './job-view.ts';
import { parseRequest } from './speech-request.ts';
import { isVisible, requireVisibleJob } from './visible-job.ts';

export interface JobsDeps extends IntakeDeps, JobViewDeps {
  readonly store: ArtifactStore;
  readonly openResults: OpenResults;
  /** a fresh name: letters, digits and '-', unique for ever */
  readonly newId: () => string;
  readonly reader: JobReader;
  /** the one that jobs are planned for */
  readonly model: { readonly id: string; readonly digest: string };
  /** the caller's wishes over the model's defaults. @throws NarratorError usage */
  readonly choices: (options: ItemDefaultsInput & { readonly steps?: number; readonly cfg?: number }) => {
    readonly defaults: ItemDefaults;
    readonly parameters: JobParameters;
  };
  /** @throws NarratorError bucket_not_allowed */
  readonly checkResults: (results: ResultsDestination) => void;
  /** @throws NarratorError subscription_invalid */
  readonly checkSubscriptions: (subscriptions: readonly Subscription[]) => void;
  /** core/estimate.ts with the deployment's model and voices */
  readonly estimate: (request: EstimateRequest) => Promise<EstimateReport>;
  readonly downloadUrl: DownloadUrl;
  /** the controller should look at once */
  readonly wake: () => void;
}

/** Dry runs at once: they are work for this process, which has answers to give as well. */
const ESTIMATES_MAX = 2;
/** Large bodies of JSON that are held at once. Manifests are not held. */
const LARGE_BODIES_MAX = 4;

export const listQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(JOB_STATES, `must be one of ${JOB_STATES.join(', ')}`).exactOptional(),
  tenant: once.max(64).exactOptional(),
});

export function addJobsRoutes(app: Express, deps: JobsDeps): void {
  const { store, reader, now } = deps;
  const type = ['json', '+json'];
  const isLarge = (request: Request) => request.is(type) !== false && hasLargeBody(request);
  const fewLarge = atMost(LARGE_BODIES_MAX, 'large bodies of JSON', isLarge);
  const fewEstimates = atMost(ESTIMATES_MAX, 'estimates');
  const body = json({ limit: deps.bodyLimitBytes, type });
  const small = json({ limit: 1024 * 1024 });

  app.post('/v1/jobs', requireScope('submit'), fewLarge, body, async (request, response) => {
    const { tenant } = clientOf(response);
    const id = idempotentId(request, tenant) ?? deps.newId();
    const { job, created } = await accept(id, request, response, deps);
    await sendJob(response.status(created ? 202 : 200), job, created, deps);
  });

  app.put('/v1/jobs/:id', requireScope('submit'), fewLarge, body, async (request, response) => {
    const id = request.params['id'] as string;
    checkJobId(id);
    const { job, created } = await accept(id, request, response, deps);
    await sendJob(response.status(created ? 201 : 200), job, created, deps);
  });

  app.get('/v1/jobs', requireScope('read'), async (request, response) => {
    const { status, tenant, ...page } = parseQuery(listQuery, request);
    const client = clientOf(response);
    const mine = client.scopes.has('admin') ? tenant : (client.tenant ?? null);
    const query = {
      ...page,
      ...(status !== undefined && { state: status }),
      ...(mine !== undefined && { tenant: mine }),
    };
    const { entries, cursor } = await listJobs(query, { store, reader });
    const data = await Promise.all(entries.map((entry) => viewJob(entry, deps)));
    response.json({ data, ...(cursor !== undefined && { cursor }) });
  });

  app.get('/v1/jobs/:id', requireScope('read'), async (request, response) => {
    const head = await requireVisibleJob(request, response, deps);
    response.json(await viewJob(await reader.statusOf(head), deps));
  });

  app.post('/v1/jobs/:id/cancel', requireScope('submit'), async (request, response) => {
    const head = await requireVisibleJob(request, response, deps);
    const isCancelled = await cancelJob(head.id, { store, now });
    deps.wake();
    response.status(isCancelled ? 202 : 200).json(await viewJob(await reader.statusOf(head), deps));
  });

  app.post('/v1/jobs/:id/retry', requireScope('submit'), small, async (request, response) => {
    const head = await requireVisibleJob(request, response, deps);
    const { only } = parseRequest(retryRequestSchema, request.body ?? {});
    await retryJob(head.id, { only }, { store, now });
    deps.wake();
    response.status(202).json(await viewJob(await reader.statusOf(head), deps));
  });

  app.delete('/v1/jobs/:id', requireScope('admin'), async (request, response) => {
    const head = await requireVisibleJob(request, response, deps);
    await deleteJob(head.id, deps);
    response.status(204).end();
  });

  app.post('/v1/jobs\\:estimate', requireScope('read'), fewLarge, body, fewEstimates, async (request, response) => {
    const intake = await readIntake(request, response, deps);
    const { manifest, choices } = prepared(intake, deps);
    const {
      source,
      options: { reuse, shardSeconds, lexicon },
    } = intake;
    const report = await deps.estimate({
      manifest: { ...manifest, bytes: whileThere(manifest.bytes, goneSignal(response)) },
      ...choices,
      ...(reuse !== undefined && { reuse }),
      ...(shardSeconds !== undefined && { shardSeconds }),
      ...(source !== undefined && { source }),
      ...(lexicon !== undefined && { lexicon }),
    });
    response.json(report);
  });
}

/** Nobody waits for an estimate whose client has gone; a job is accepted all the same. @throws NarratorError cancelled */
async function* whileThere(bytes: AsyncIterable<Uint8Array>, gone: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    if (gone.aborted) throw new NarratorError('cancelled', 'The client has gone.');
    yield chunk;
  }
}

/** What a job is made of, besides its manifest. @throws NarratorError naming the field */
function prepared({ manifest, options }: JobIntake, deps: JobsDeps) {
  const results = resultsDestination(options);
  if (results !== undefined) deps.checkResults(results);
  if (options.notify !== undefined) deps.checkSubscriptions(options.notify);
  return { manifest, choices: deps.choices({ ...options.defaults, ...options.parameters }), results };
}

async function accept(id: string, request: Request, response: Response, deps: JobsDeps): Promise<SubmittedJob> {
  const intake = await readIntake(request, response, deps);
  const { choices, manifest, results } = prepared(intake, deps);
  const { defaults: _defaults, parameters: _parameters, results: _results, ...options } = intake.options;
  const client = clientOf(response);
  try {
    return await submitJob(
      {
        ...options,
        ...choices,
        id,
        manifest,
        model: { id: deps.model.id, digest: deps.model.digest },
        ...(results !== undefined && { results }),
        ...(client.tenant !== undefined && { tenant: client.tenant }),
        ...(intake.source !== undefined && { source: intake.source }),
      },
      deps,
    );
  } catch (thrown) {
    if (!(thrown instanceof NarratorError) || thrown.code !== 'job_conflict') throw thrown;
    const first = await readJobHead(deps.store, id);
    if (first === undefined || isVisible(first, client)) throw thrown;
    // Ids are one space over all tenants: that this one is taken is all that may be said.
    throw new NarratorError('job_conflict', `The job id ${id} cannot be used.`, {
      field: 'id',
      hint: 'Use another job id.',
    });
  }
}

async function sendJob(response: Response, job: SubmittedJob['job'], created: boolean, deps: JobsDeps): Promise<void> {
  if (created) deps.wake();
  const status = created ? acceptedStatus(job) : await deps.reader.statusOf(job);
  response.setHeader('location', jobPath(job.id));
  response.json(await viewJob(status, deps));
}
