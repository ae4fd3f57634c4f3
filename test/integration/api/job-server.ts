/** The routes of jobs and voices on a real HTTP server, over a store in a temporary folder, with a controller and an engine that is a stand-in. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import express, { type Express } from 'express';
import { InProcessDispatcher } from '../../../src/adapters/dispatch-in-process.ts';
import { openFilesystemStore } from '../../../src/adapters/store-filesystem.ts';
import { authenticate, type Client } from '../../../src/api/auth.ts';
import { problemHandler } from '../../../src/api/problem.ts';
import { addEventsRoutes, type EventsDeps } from '../../../src/api/routes-events.ts';
import { addItemsRoutes } from '../../../src/api/routes-items.ts';
import { addJobsRoutes, type JobsDeps } from '../../../src/api/routes-jobs.ts';
import { addNotificationsRoutes } from '../../../src/api/routes-notifications.ts';
import { Controller } from '../../../src/core/controller.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import { estimate } from '../../../src/core/estimate.ts';
import { JobQueue } from '../../../src/core/list-jobs.ts';
import { itemDefaultsSchema } from '../../../src/core/manifest.ts';
import { processShard } from '../../../src/core/process-shard.ts';
import { JobReader } from '../../../src/core/read-job.ts';
import { audio, FakeEngine, model, planning } from '../../unit/core/fakes.ts';

export const BODY_LIMIT_BYTES = 32 * 1024 * 1024;

/** Keys of the test's clients. */
export const KEYS = {
  anna: { keyId: 'k1', tenant: 'anna', scopes: new Set(['submit', 'read']) },
  bert: { keyId: 'k2', tenant: 'bert', scopes: new Set(['submit', 'read']) },
  reader: { keyId: 'k3', tenant: 'anna', scopes: new Set(['read']) },
  nobody: { keyId: 'k4', scopes: new Set(['submit', 'read']) },
  admin: { keyId: 'k5', scopes: new Set(['submit', 'read', 'admin']) },
} as const satisfies Record<string, Client>;

export interface Problem {
  status: number;
  code: string;
  field?: string;
  limit?: number;
  line?: number;
  retryable: boolean;
  hint: string;
  detail: string;
}

type Options = { key?: keyof typeof KEYS; headers?: Record<string, string>; signal?: AbortSignal; duplex?: 'half' };

/** Routes behind keys, on a free port. `failures` gets every error that was answered with. */
export async function listen(addRoutes: (app: Express) => void, failures: NarratorError[]) {
  const app = express();
  app.set('query parser', 'simple');
  app.use((_request, response, next) => {
    response.locals['requestId'] = 'request';
    next();
  });
  const verify = (key: string) => Promise.resolve((KEYS as Record<string, Client | undefined>)[key]);
  app.use(authenticate({ keys: { required: true, verify } }, (_request, _response, next) => next()));
  addRoutes(app);
  app.use(problemHandler((error) => void failures.push(error)));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const call = (
    method: string,
    path: string,
    body?: unknown,
    { key = 'anna', headers = {}, ...rest }: Options = {},
  ) => {
    const isForm = body instanceof FormData;
    const isRaw = isForm || typeof body === 'string' || body instanceof Uint8Array || body instanceof ReadableStream;
    return fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && !isForm && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: isRaw ? body : JSON.stringify(body) }),
      ...rest,
    });
  };
  return {
    url,
    call,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type JobServer = Awaited<ReturnType<typeof startJobServer>>;

export async function startJobServer(more: Partial<JobsDeps & EventsDeps> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'f5-narrator-api-'));
  const store = await openFilesystemStore({ root: folder });
  const engine = new FakeEngine();
  const now = () => new Date();
  const openResults: JobsDeps['openResults'] = async (results) => {
    if (results.kind === 'folder') throw new Error('no folders here');
    return { store, prefix: results.kind === 's3' ? `buckets/${results.bucket}/${results.prefix}` : results.prefix };
  };
  const reader = new JobReader(store);
  const dispatcher = new InProcessDispatcher({
    concurrency: 4,
    retryDelayMs: 1,
    handler: (message, run) =>
      processShard(message, run, { store, openResults, engine, modelDigest: model.digest, audio, now }),
    onSettled: (message, error) => controller.settled(message, error),
  });
  const problems: NarratorError[] = [];
  const controller = new Controller({
    store,
    openResults,
    audio,
    now,
    dispatcher,
    planning,
    intervalMs: 50,
    retryDelayMs: 50,
    cancelGraceMs: 500,
    sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
    onEvent: (event) => {
      if (event.type === 'problem') problems.push(event.error);
    },
  });

  const resent: string[] = [];
  const opened: string[] = [];
  const sources = new Map<string, string>();
  const deps: JobsDeps & EventsDeps = {
    store,
    openResults,
    now,
    newId: randomUUID,
    reader,
    queue: new JobQueue({ store, reader, now, maxAgeMs: 0 }),
    model: { id: model.id, digest: model.digest },
    choices: ({ steps = 4, cfg = 2, ...defaults }) => ({
      defaults: itemDefaultsSchema.parse({ voice: 'anna', ...defaults }),
      parameters: { steps, cfg, sway: -1 },
    }),
    openSource: async (address, { field }) => {
      opened.push(address);
      const text = sources.get(address);
      if (text === undefined)
        throw new NarratorError('manifest_not_found', `There is nothing at ${address}.`, { field });
      async function* bytes() {
        yield new TextEncoder().encode(text);
      }
      return { bytes: bytes() };
    },
    checkResults: (results) => {
      if (results.kind !== 's3' || results.bucket !== 'allowed') {
        throw new NarratorError('bucket_not_allowed', 'This bucket is not one that jobs may use.', {
          field: 'results.bucket',
        });
      }
    },
    checkSubscriptions: (subscriptions) => {
      for (const one of subscriptions) {
        if (one.kind === 'webhook' && !one.url.startsWith('https://'))
          throw new NarratorError('subscription_invalid', 'url must be an https address.', { field: 'notify.0.url' });
      }
    },
    estimate: (request) => estimate(request, { planning, store, realTimeFactor: () => 0.5 }),
    downloadUrl: async () => undefined,
    wake: () => controller.wake(),
    bodyLimitBytes: BODY_LIMIT_BYTES,
    log: () => undefined,
    eventStreams: { pollMs: 20, idleMs: 50 },
    ...more,
  };
  const failures: NarratorError[] = [];
  const http = await listen((app) => {
    addJobsRoutes(app, deps);
    addItemsRoutes(app, deps);
    addEventsRoutes(app, deps);
    addNotificationsRoutes(app, { store, resend: async (jobId) => resent.push(jobId) });
  }, failures);
  const stop = new AbortController();
  await dispatcher.start();
  const running = controller.run(stop.signal);

  const { url, call } = http;
  const get = (path: string, options?: Options) => call('GET', path, undefined, options);
  const post = (path: string, body?: unknown, options?: Options) => call('POST', path, body, options);
  return {
    url,
    store,
    engine,
    controller,
    deps,
    sources,
    opened,
    resent,
    failures,
    problems,
    call,
    get,
    post,
    put: (path: string, body?: unknown, options?: Options) => call('PUT', path, body, options),
    remove: (path: string, options?: Options) => call('DELETE', path, undefined, options),
    /** Submits, and waits for the end. */
    finish: async (jobId: string): Promise<JobAnswer> => {
      for (;;) {
        const job = await jsonOf<JobAnswer>(await get(`/v1/jobs/${jobId}`, { key: 'admin' }), 200);
        if (job.finishedAt !== undefined) return job;
        await delay(10);
      }
    },
    close: async () => {
      stop.abort();
      await dispatcher.close({ graceMs: 100 });
      await running;
      await http.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface JobAnswer {
  id: string;
  status: string;
  round?: number;
  finishedAt?: string;
  items: { total: number; succeeded: number; failed: number; pending: number };
  percent: number;
  queue?: { jobsBefore: number; audioSecondsBefore: number };
  summary?: Record<string, unknown>;
  links: Record<string, string>;
  [more: string]: unknown;
}

export async function jsonOf<T = Record<string, unknown>>(response: Response, status: number): Promise<T> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  return JSON.parse(text) as T;
}

export async function problemOf(response: Response, status: number): Promise<Problem> {
  const problem = await jsonOf<Problem>(response, status);
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.ok(problem.hint.length > 0);
  assert.doesNotMatch(JSON.stringify(problem), /node_modules|\/tmp\/|at .*\.ts:/);
  return problem;
}

export const lines = (count: number, prefix = 'i') =>
  Array.from(
    { length: count },
    (_, n) => `${JSON.stringify({ id: `${prefix}${n}`, text: `${prefix} number ${n}.` })}\n`,
  ).join('');

export const NDJSON = { 'content-type': 'application/x-ndjson' };
