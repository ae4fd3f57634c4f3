/** Is it alive, can it work, and with which model. */
import type { Express } from 'express';
import { requireScope } from './auth.ts';

export interface AboutDeps {
  readonly version: string;
  /** undefined when texts can be spoken, else why not */
  readonly notReady: () => string | undefined;
  readonly model: {
    readonly id: string;
    readonly digest: string;
    readonly languages: readonly string[];
    readonly licence: string;
  };
}

/** For load balancers and orchestrators, which have no key. */
export function addHealthRoutes(app: Express, { version, notReady }: AboutDeps): void {
  app.get('/healthz', (_request, response) => void response.json({ status: 'ok', version }));
  app.get('/readyz', (_request, response) => {
    const reason = notReady();
    if (reason === undefined) response.json({ status: 'ready' });
    else response.status(503).json({ status: 'not ready', reason });
  });
}

export function addModelRoutes(app: Express, { model }: AboutDeps): void {
  const { id, digest, languages, licence } = model;
  const list = {
    object: 'list',
    data: [{ id, object: 'model', owned_by: 'f5-narrator', digest, languages, licence }],
  };
  app.get('/v1/models', requireScope('read'), (_request, response) => void response.json(list));
}
