/** The HTTP interface of a container behind SageMaker: builds the app and never listens. It asks for no keys: who reaches it may use it. */
import express, { type Express } from 'express';
import { NarratorError } from '../core/errors.ts';
import { logProblems, nameRequest, type RequestLogDeps } from './request-log.ts';
import { addInvocationRoutes, addPing, type InvocationsDeps } from './routes-invocations.ts';

export type ContainerDeps = InvocationsDeps & RequestLogDeps;

/** Few headers on purpose: SageMaker refuses answers whose headers have more than 4096 bytes together. */
export function createContainerApp(deps: ContainerDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  addPing(app, deps);
  app.use(nameRequest(deps));
  addInvocationRoutes(app, deps);
  app.use((request) => {
    throw new NarratorError('route_not_found', `There is no ${request.method} at this path.`, {
      hint: 'Check method and path; docs/container.md lists them.',
    });
  });
  app.use(logProblems(deps));
  return app;
}
