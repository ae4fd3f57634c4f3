/** What a client may not exceed, and what browsers may: rate limits, security headers, CORS. */
import type { RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit, type Store } from 'express-rate-limit';
import type { Client } from './auth.ts';
import { NarratorError } from '../core/errors.ts';

/** Where hits are counted: a store of express-rate-limit. Its `prefix` and window are its own matter. */
export type RateLimitStore = Store;

export interface LimitDeps {
  /** of one key; without keys, of one address. Asked for every request */
  readonly requestsPerMinute: () => number;
  /** shared by all replicas; in this process's memory if absent */
  readonly rateLimitStore?: RateLimitStore;
  /** proxies before this server: so many of the last addresses in X-Forwarded-For are theirs, and the one before is the client's */
  readonly trustedProxies: number;
  /** of web pages that may call the API: 'https://studio.example' */
  readonly corsOrigins: readonly string[];
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

const WINDOW_MS = 60_000;

/** Headers RateLimit and RateLimit-Policy as draft 8 of the IETF's httpapi group has them. */
export function limitRate({ requestsPerMinute, rateLimitStore, log }: LimitDeps): RequestHandler {
  return rateLimit({
    windowMs: WINDOW_MS,
    limit: () => requestsPerMinute(),
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    identifier: 'requests',
    keyGenerator: (request, response) => {
      const { keyId } = (response.locals['client'] ?? {}) as Partial<Client>;
      return keyId === undefined ? `address:${ipKeyGenerator(request.ip ?? '')}` : `key:${keyId}`;
    },
    // A counter that cannot be reached must not stop the work that it counts.
    passOnStoreError: true,
    logger: { error: (error) => report(log, error), warn: (error) => report(log, error) },
    // Whether they are believed is for whoever sets up the server to say: see trustedProxies.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    ...(rateLimitStore && { store: rateLimitStore }),
    handler: (_request, _response, next) => {
      const limit = requestsPerMinute();
      next(new NarratorError('too_many_requests', `More than ${limit} requests within a minute.`, { limit }));
    },
  });
}

function report(log: LimitDeps['log'], error: unknown): void {
  log('rate-limit.trouble', { error: error instanceof Error ? error.message : String(error) });
}

const EXPOSED_HEADERS = [
  'accept-ranges',
  'content-disposition',
  'content-range',
  'etag',
  'location',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'x-audio-seconds',
  'x-request-id',
].join(', ');
const ALLOWED_HEADERS = [
  'accept',
  'authorization',
  'content-type',
  'idempotency-key',
  'if-none-match',
  'if-range',
  'last-event-id',
  'narrator-webhook-secret',
  'range',
  'x-api-key',
].join(', ');

/** Web pages of the listed origins may call, with a key and without cookies. Preflights are answered here: they carry no key. */
export function allowOrigins({ corsOrigins }: LimitDeps): RequestHandler {
  const allowed = new Set(corsOrigins);
  return (request, response, next) => {
    if (allowed.size > 0) response.vary('origin');
    const { origin } = request.headers;
    if (origin === undefined || !allowed.has(origin)) return next();
    response.locals['originIsAllowed'] = true;
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', EXPOSED_HEADERS);
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return next();
    response
      .setHeader('access-control-allow-methods', 'GET, HEAD, POST, PUT, DELETE')
      .setHeader('access-control-allow-headers', ALLOWED_HEADERS)
      .setHeader('access-control-max-age', '600')
      .status(204)
      .end();
  };
}
