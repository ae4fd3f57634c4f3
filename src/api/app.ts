/** The HTTP interface: builds the app and never listens. Everything that it does is passed in. */
import { randomUUID } from 'node:crypto';
import express, { type Express } from 'express';
import helmet from 'helmet';
import { NarratorError } from '../core/errors.ts';
import type { VoiceProfile } from '../core/voice.ts';
import { problemHandler } from './problem.ts';
import { addSpeechRoutes, type Speak } from './routes-speech.ts';

export interface ApiDeps {
  readonly speak: Speak;
  readonly listVoices: () => Promise<readonly VoiceProfile[]>;
  readonly model: {
    readonly id: string;
    readonly digest: string;
    readonly languages: readonly string[];
    readonly licence: string;
  };
  /** undefined when texts can be spoken, else why not */
  readonly notReady: () => string | undefined;
  readonly version: string;
  /** requests that are spoken at once; more are refused with 429 */
  readonly speechesMax: number;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

export function createApp(deps: ApiDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.use(helmet());
  app.use((request, response, next) => {
    const requestId = randomUUID();
    response.locals['requestId'] = requestId;
    response.setHeader('x-request-id', requestId);
    const startedAt = performance.now();
    // 'close' comes once, however it ended; the path of an unknown route could hold anything and is not logged.
    response.once('close', () => {
      const route = (request.route as { path?: string } | undefined)?.path;
      deps.log('request', {
        requestId,
        method: request.method,
        route,
        status: response.statusCode,
        ms: Math.round(performance.now() - startedAt),
        whole: response.writableFinished,
      });
    });
    next();
  });

  app.get('/healthz', (_request, response) => void response.json({ status: 'ok', version: deps.version }));
  app.get('/readyz', (_request, response) => {
    const reason = deps.notReady();
    response
      .status(reason === undefined ? 200 : 503)
      .json(reason === undefined ? { status: 'ready' } : { status: 'not ready', reason });
  });
  app.get('/v1/voices', async (_request, response) => {
    const voices = await deps.listVoices();
    response.json({
      data: voices.map(({ id, language, version, transcript }) => ({
        id,
        language,
        version,
        transcript: transcript.trim(),
      })),
    });
  });
  app.get('/v1/models', (_request, response) => {
    const { id, digest, languages, licence } = deps.model;
    response.json({
      object: 'list',
      data: [{ id, object: 'model', owned_by: 'f5-narrator', digest, languages, licence }],
    });
  });
  addSpeechRoutes(app, deps);

  app.use((request) => {
    throw new NarratorError('route_not_found', `There is no ${request.method} at this path.`);
  });
  app.use(
    problemHandler((error, requestId) => {
      const { code, message, cause } = error;
      deps.log('request.failed', {
        requestId,
        error: message,
        code,
        ...(code === 'internal' && cause instanceof Error && { stack: cause.stack }),
      });
    }),
  );
  return app;
}
