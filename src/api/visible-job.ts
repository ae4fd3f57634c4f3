/** Who may see which job. A job of somebody else does not exist. */
import type { Request, Response } from 'express';
import { NarratorError } from '../core/errors.ts';
import type { JobHead } from '../core/job.ts';
import { readJobHead } from '../core/ledger.ts';
import type { ArtifactStore } from '../core/ports.ts';
import { type Client, clientOf } from './auth.ts';

/** Admins see the jobs of everybody. */
export function isVisible({ tenant }: Pick<JobHead, 'tenant'>, client: Client): boolean {
  return client.scopes.has('admin') || client.tenant === tenant;
}

/** The job that the path names as `:id`. @throws NarratorError job_not_found, also for a job that is not the client's */
export async function requireVisibleJob(
  request: Request,
  response: Response,
  { store }: { readonly store: ArtifactStore },
): Promise<JobHead> {
  const id = request.params['id'] as string;
  const head = await readJobHead(store, id);
  if (head === undefined || !isVisible(head, clientOf(response))) throw noSuchJob(id);
  return head;
}

function noSuchJob(id: string): NarratorError {
  return new NarratorError('job_not_found', `There is no job ${JSON.stringify(id.slice(0, 80))}.`, {
    hint: 'Check the job id, and that the API key is of the tenant that submitted it.',
  });
}
