/** Every request has a name, by which the client, the log and an error's `instance` speak of it. */
import { randomUUID } from 'node:crypto';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { problemHandler } from './problem.ts';
import type { MetricsDeps } from './routes-metrics.ts';

export interface RequestLogDeps extends Pick<MetricsDeps, 'metrics'> {
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

/** Gives every request a name, and tells the log and the metrics how it ended. */
export function nameRequest({ log, metrics }: RequestLogDeps): RequestHandler {
  return (request, response, next) => {
    const requestId = randomUUID();
    response.locals['requestId'] = requestId;
    response.setHeader('x-request-id', requestId);
    const startedAt = performance.now();
    // Once the connection is closed it has no address any more.
    const { method, ip: address } = request;
    // 'close' comes once, however it ended; the path of an unknown route could hold anything and is not logged.
    response.once('close', () => {
      const route = (request.route as { path?: string } | undefined)?.path;
      const ms = Math.round(performance.now() - startedAt);
      const status = response.statusCode;
      metrics?.observeRequest({ method, route, status, seconds: ms / 1000 });
      log('request', { requestId, address, method, route, status, ms, whole: response.writableFinished });
    });
    next();
  };
}

/** The last middleware: errors as problem documents, and in the log. */
export function logProblems({ log }: RequestLogDeps): ErrorRequestHandler {
  return problemHandler(({ code, message, cause }, requestId) => {
    log('request.failed', {
      requestId,
      error: message,
      code,
      ...(code === 'internal' && cause instanceof Error && { stack: cause.stack }),
    });
  });
}
