/** The HTTP interface of a running service. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RateLimitRedis } from '../adapters/rate-limit-redis.ts';
import { type ApiDeps, createApp } from '../api/app.ts';
import type { TtsRequest } from '../api/speech-request.ts';
import { encodeMp3, prepareMp3Encoder } from '../audio/encode-mp3.ts';
import { estimate } from '../core/estimate.ts';
import { JobQueue } from '../core/list-jobs.ts';
import { resendEvents } from '../core/outbox.ts';
import { JobReader } from '../core/read-job.ts';
import { checkResultsPlace } from './allowed-buckets.ts';
import { closeServer, listen } from './http-server.ts';
import { sourceOpener } from './manifest-source.ts';
import { ServerKeys } from './server-keys.ts';
import type { Service } from './service.ts';
import { speechOptions } from './speech-options.ts';
import { checkSubscriptions } from './subscriptions.ts';
import { version } from './version.ts';

export interface RunningServer {
  readonly url: string;
  /** whether requests need a key */
  readonly asksForKeys: boolean;
  /** Ends streams of events, stops accepting, lets other answers finish within `graceMs`, then breaks them off. Idempotent. */
  close(graceMs: number): Promise<void>;
}

/** Texts spoken at once: a few fill the batches of any engine, more only wait. */
const SPEECHES_MAX = 32;
/** On loopback, where nobody else asks. */
const OPEN_REQUESTS_PER_MINUTE = 100_000;
/** Slow senders must not hold sockets: manifests of gigabytes need minutes, heads of requests do not. */
const TIMEOUTS = { requestTimeout: 900_000, headersTimeout: 15_000 };

/** @throws NarratorError config_invalid: a host that needs keys where there are none, a port that is taken */
export async function startServer(service: Service): Promise<RunningServer> {
  const { host, port, adminKey } = service.config.server;
  const { store } = service.shared;
  const keys = await ServerKeys.open(store, { host, adminKey });
  const closing = new AbortController();
  const limits = await rateLimits(service);
  await prepareMp3Encoder();
  const server = createServer(TIMEOUTS, createApp(apiDeps(service, { keys, limits, closing: closing.signal })));
  await listen(server, { host, port });
  keys.start();
  const address = server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  let closed: Promise<void> | undefined;
  return {
    url: `http://${shown}:${address.port}`,
    asksForKeys: keys.required,
    close: (graceMs) => (closed ??= end(graceMs)),
  };

  async function end(graceMs: number): Promise<void> {
    closing.abort();
    await service.health.close();
    await closeServer(server, graceMs);
    limits?.close();
    await keys.close();
  }
}

interface Gate {
  readonly keys: ServerKeys;
  readonly limits: RateLimitRedis | undefined;
  readonly closing: AbortSignal;
}

function apiDeps(service: Service, { keys, limits, closing }: Gate): ApiDeps {
  const { config, narrator, shared, planning, metrics, queue, log } = service;
  const { store, openResults, openPlace, downloadUrl } = shared;
  const { description, digest } = narrator.model;
  const now = () => new Date();
  const reader = new JobReader(store);
  return {
    ...{ store, openResults, downloadUrl, reader, now, log, keys, closing, metrics, version },
    newId: randomUUID,
    queue: new JobQueue({ store, reader, now }),
    model: { id: description.id, digest, languages: description.languages, licence: description.licence.name },
    notReady: () => service.health.reason,
    choices: (options) => narrator.choices(options),
    openSource: sourceOpener({ openPlace, allowHosts: config.allowHosts }),
    checkResults: (results) => checkResultsPlace(results, config),
    checkSubscriptions: (subscriptions) => checkSubscriptions(subscriptions, config),
    estimate: (request) => estimate(request, { planning, store, realTimeFactor: () => metrics.realTimeFactor }),
    resend: (jobId) => resendEvents(jobId, { store, now, subscriptions: service.subscriptions }),
    wake: () => service.wake(),
    voices: narrator.voices,
    speak: (request, signal) => speak(service, request, signal),
    speechesMax: SPEECHES_MAX,
    encodeMp3,
    bodyLimitBytes: config.server.bodyLimitBytes,
    requestsPerMinute: () => (keys.required ? config.server.rateLimit : OPEN_REQUESTS_PER_MINUTE),
    ...(limits !== undefined && { rateLimitStore: limits }),
    trustedProxies: config.server.trustedProxies,
    corsOrigins: config.server.corsOrigins,
    ...(queue !== undefined && { openBoardQueue: () => queue.openQueue() }),
  };
}

/** Replicas that share a queue share their limits. Undefined where there is none: one process counts for itself. */
async function rateLimits({ config, log }: Service): Promise<RateLimitRedis | undefined> {
  const { dispatch, queueName } = config;
  if (dispatch.kind !== 'bullmq') return undefined;
  const { RateLimitRedis } = await import('../adapters/rate-limit-redis.ts');
  return new RateLimitRedis({ redisUrl: dispatch.redisUrl, prefix: `${queueName}:requests:`, log });
}

/** Where the engine is in this process the text goes there, past the jobs; else through the queue, ahead of them. */
async function speak(service: Service, request: TtsRequest, signal: AbortSignal) {
  const { narrator, speechJobs, config } = service;
  const speaking = await speechOptions(request, { narrator, config, signal });
  const { text } = request;
  return speechJobs === undefined
    ? narrator.speakToMemory(text, { ...speaking, signal })
    : speechJobs.speak(text, speaking, signal);
}
