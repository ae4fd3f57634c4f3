/** Telling again what a job told: for receivers that were down for longer than we try. */
import type { Express } from 'express';
import type { ArtifactStore } from '../core/ports.ts';
import { requireScope } from './auth.ts';
import { requireVisibleJob } from './visible-job.ts';

export interface NotificationsDeps {
  readonly store: ArtifactStore;
  /** @returns how many events are told again */
  readonly resend: (jobId: string) => Promise<number>;
}

export function addNotificationsRoutes(app: Express, deps: NotificationsDeps): void {
  app.post('/v1/jobs/:id/notifications\\:resend', requireScope('submit'), async (request, response) => {
    const { id } = await requireVisibleJob(request, response, deps);
    response.status(202).json({ events: await deps.resend(id) });
  });
}
