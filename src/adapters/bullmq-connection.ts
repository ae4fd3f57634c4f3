/**
 * Connections to Redis as BullMQ wants them. Whoever hands out work fails at once when Redis is away, so that the caller can
 * say so; whoever does the work waits for ever.
 */
import { Redis, type RedisOptions } from 'ioredis';

export type QueueLog = (event: string, fields?: Record<string, unknown>) => void;

export interface QueueConnection {
  readonly client: Redis;
  /** The connection is up and answers. */
  readonly isReady: () => boolean;
  /** Ends it, and every connection that was made from it, also where Redis is away. */
  readonly end: () => void;
}

const CONNECT_TIMEOUT_MS = 5_000;
const COMMAND_TIMEOUT_MS = 5_000;
const RECONNECT_FIRST_MS = 50;
const RECONNECT_MAX_MS = 2_000;

/** For one command after another: rejects while Redis is away, and when it does not answer. */
export function connectProducer(url: string, log: QueueLog): QueueConnection {
  return connect(url, log, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: COMMAND_TIMEOUT_MS,
  });
}

/** For commands that block, or that must not get lost: they wait until Redis is back. */
export function connectConsumer(url: string, log: QueueLog): QueueConnection {
  return connect(url, log, { maxRetriesPerRequest: null });
}

type Patience = Pick<RedisOptions, 'enableOfflineQueue' | 'maxRetriesPerRequest' | 'commandTimeout'>;

function connect(url: string, log: QueueLog, patience: Patience): QueueConnection {
  let ended = false;
  const client = new Redis(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    // BullMQ duplicates connections that block: all of them stop trying once this one has ended.
    retryStrategy: (times) =>
      ended ? null : Math.min(RECONNECT_MAX_MS, RECONNECT_FIRST_MS * 2 ** Math.min(times, 10)),
    ...patience,
  });
  // One line when it goes and one when it is back, not one for each attempt in between.
  let away = false;
  client.on('error', (error: Error & { code?: string }) => {
    if (!away && !ended) log('queue.away', { error: error.code ?? error.message });
    away = true;
  });
  client.on('ready', () => {
    if (away) log('queue.back');
    away = false;
  });
  return {
    client,
    isReady: () => client.status === 'ready',
    end: () => {
      ended = true;
      client.disconnect();
    },
  };
}
