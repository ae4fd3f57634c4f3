/** The HTTP interface: builds the app and never listens. Everything that it does is passed in. */
import express, { type Express } from 'express';
import helmet from 'helmet';
import { NarratorError } from '../core/errors.ts';
import { authenticate, type KeysDeps } from './auth.ts';
import { addDocsPage } from './docs-page.ts';
import { allowOrigins, type LimitDeps, limitRate } from './limits.ts';
import { openApiDocument } from './openapi.ts';
import { ITEM_ROUTES } from './openapi-items.ts';
import { JOB_ROUTES } from './openapi-jobs.ts';
import { SERVICE_ROUTES } from './openapi-service.ts';
import { VOICE_ROUTES } from './openapi-voices.ts';
import { answerAsOpenAi } from './problem.ts';
import { addBoardLogin, addQueueBoard, type BoardDeps } from './queue-board.ts';
import { logProblems, nameRequest, type RequestLogDeps } from './request-log.ts';
import { type AboutDeps, addHealthRoutes, addModelRoutes } from './routes-about.ts';
import { addEventsRoutes, type EventsDeps } from './routes-events.ts';
import { addItemsRoutes, type ItemsDeps } from './routes-items.ts';
import { addJobsRoutes, type JobsDeps } from './routes-jobs.ts';
import { addMetricsRoutes, type MetricsDeps } from './routes-metrics.ts';
import { addNotificationsRoutes, type NotificationsDeps } from './routes-notifications.ts';
import { addSpeechRoutes, type SpeechDeps } from './routes-speech.ts';
import { addVoicesRoutes, type VoicesDeps } from './routes-voices.ts';

/** Each file of routes says what it needs. */
export type ApiDeps = KeysDeps &
  LimitDeps &
  AboutDeps &
  SpeechDeps &
  MetricsDeps &
  BoardDeps &
  JobsDeps &
  ItemsDeps &
  EventsDeps &
  NotificationsDeps &
  VoicesDeps &
  RequestLogDeps;

/** Every route, as it is documented. */
export const ROUTES = [...JOB_ROUTES, ...ITEM_ROUTES, ...VOICE_ROUTES, ...SERVICE_ROUTES];

export function createApp(deps: ApiDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.set('trust proxy', deps.trustedProxies);
  app.use(nameRequest(deps), helmet(), allowOrigins(deps));
  addHealthRoutes(app, deps);
  addDocsPage(app, deps);
  const document = openApiDocument(ROUTES, deps);
  app.get('/openapi.json', (_request, response) => void response.json(document));
  addBoardLogin(app, deps);

  app.use('/v1/audio/speech', answerAsOpenAi);

  // Nothing below answers without a valid key.
  app.use(authenticate(deps, limitRate(deps)));
  addModelRoutes(app, deps);
  addJobsRoutes(app, deps);
  addItemsRoutes(app, deps);
  addEventsRoutes(app, deps);
  addNotificationsRoutes(app, deps);
  addVoicesRoutes(app, deps);
  addSpeechRoutes(app, deps);
  addMetricsRoutes(app, deps);
  addQueueBoard(app, deps);

  app.use((request) => {
    throw new NarratorError('route_not_found', `There is no ${request.method} at this path.`);
  });
  app.use(logProblems(deps));
  return app;
}
