/** Hits of clients, counted in Redis, so that the replicas of an API share one limit. */
import { type RedisReply, RedisStore } from 'rate-limit-redis';
import { connectProducer, type QueueLog } from './bullmq-connection.ts';

export interface RateLimitRedisOptions {
  readonly redisUrl: string;
  /** of its keys: deployments that share a Redis must not share their limits */
  readonly prefix: string;
  readonly log: QueueLog;
}

type Hits = Awaited<ReturnType<RedisStore['increment']>>;

/** A store of express-rate-limit. While Redis is away every call rejects at once; the middleware lets requests pass then. */
export class RateLimitRedis {
  readonly #options: RateLimitRedisOptions;
  readonly #connection: ReturnType<typeof connectProducer>;
  #windowMs = 60_000;
  #opened: Promise<RedisStore> | undefined;

  constructor(options: RateLimitRedisOptions) {
    this.#options = options;
    this.#connection = connectProducer(options.redisUrl, options.log);
  }

  /** Called by the middleware. */
  init({ windowMs }: { readonly windowMs: number }): void {
    this.#windowMs = windowMs;
  }

  async increment(key: string): Promise<Hits> {
    return (await this.#open()).increment(key);
  }

  async decrement(key: string): Promise<void> {
    await (await this.#open()).decrement(key);
  }

  async resetKey(key: string): Promise<void> {
    await (await this.#open()).resetKey(key);
  }

  close(): void {
    this.#connection.end();
  }

  /** The package loads its scripts once, and would remember for ever that it could not. */
  #open(): Promise<RedisStore> {
    this.#opened ??= this.#load().catch((thrown: unknown) => {
      this.#opened = undefined;
      throw thrown;
    });
    return this.#opened;
  }

  async #load(): Promise<RedisStore> {
    const { client } = this.#connection;
    const store = new RedisStore({
      prefix: this.#options.prefix,
      sendCommand: (command: string, ...args: string[]) => client.call(command, ...args) as Promise<RedisReply>,
    });
    await store.init({ windowMs: this.#windowMs } as Parameters<RedisStore['init']>[0]);
    return store;
  }
}
