/**
 * Webhooks, signed as Standard Webhooks has it, without becoming a client's way into our own network.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
import { createHmac } from 'node:crypto';
import { Agent, request } from 'undici';
import { DeliveryError } from '../core/deliver-outbox.ts';
import { type JobEvent, payloadOf } from '../core/events.ts';
import { findCause, guardedLookup, isPrivateLiteral, PRIVATE_ADDRESS, PrivateAddressError } from './public-address.ts';

export interface WebhookSenderOptions {
  /** hosts that may be private and may be told without https, exactly as written in addresses */
  readonly allowHosts: readonly string[];
  /** for everything together: name, connection, answer. Default 15 s */
  readonly timeoutMs?: number;
  readonly now?: () => Date;
}

const TIMEOUT_MS = 15_000;
/** Nobody reads what a receiver answers; so much of it is taken to keep the connection. */
const ANSWER_BYTES_MAX = 16 * 1024;

const SECRET_PREFIX = 'whsec_';
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;

/** @returns the bytes of 'whsec_' and base64; undefined unless they are 24 to 64 */
export function webhookKey(secret: string): Buffer | undefined {
  if (!secret.startsWith(SECRET_PREFIX)) return undefined;
  const base64 = secret.slice(SECRET_PREFIX.length);
  const key = Buffer.from(base64, 'base64');
  // Node decodes whatever it is given; receivers' libraries do not.
  const isWhole = key.toString('base64') === base64;
  return isWhole && key.length >= SECRET_BYTES_MIN && key.length <= SECRET_BYTES_MAX ? key : undefined;
}

/** Why a webhook cannot be sent there, as the end of a sentence; undefined if it can, as far as its address tells. */
export function webhookUrlProblem(address: string, allowHosts: readonly string[]): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined) return 'it is not an address';
  const isAllowed = allowHosts.includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isAllowed)) return 'it does not begin with https:';
  if (url.username !== '' || url.password !== '') return 'it holds a user name or password';
  return isPrivateLiteral(url, allowHosts) ? PRIVATE_ADDRESS : undefined;
}

/** The headers that a receiver verifies. `at`: when it is sent, not when it happened. */
export function signatureHeaders(id: string, at: Date, payload: string, key: Uint8Array): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${payload}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

export class WebhookSender {
  readonly #allowHosts: readonly string[];
  readonly #timeoutMs: number;
  readonly #now: () => Date;
  readonly #agent: Agent;

  constructor({ allowHosts, timeoutMs = TIMEOUT_MS, now = () => new Date() }: WebhookSenderOptions) {
    this.#allowHosts = allowHosts;
    this.#timeoutMs = timeoutMs;
    this.#now = now;
    this.#agent = new Agent({ connect: { lookup: guardedLookup(allowHosts), timeout: timeoutMs }, pipelining: 0 });
  }

  /** @throws DeliveryError: not retryable for 410 and for what may not be told; with retryAfterMs where the receiver says it */
  async send(url: string, secret: string, event: JobEvent, signal: AbortSignal): Promise<void> {
    const problem = webhookUrlProblem(url, this.#allowHosts);
    if (problem !== undefined) throw refused(problem);
    const key = webhookKey(secret);
    if (key === undefined) throw new DeliveryError('The webhook has no usable secret.', { retryable: false });
    const payload = payloadOf(event);
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'f5-narrator',
      ...signatureHeaders(event.id, this.#now(), payload, key),
    };
    const ended = AbortSignal.any([signal, timeout]);
    try {
      // undici's request follows no redirects.
      const options = { dispatcher: this.#agent, method: 'POST', headers, body: payload, signal: ended } as const;
      const { statusCode, headers: answered, body } = await request(url, options);
      // What it says matters less than that it came: a broken body changes nothing.
      await body.dump({ limit: ANSWER_BYTES_MAX, signal: ended }).catch(() => undefined);
      if (statusCode < 200 || statusCode > 299) throw this.#refusal(statusCode, answered['retry-after']);
    } catch (thrown) {
      throw this.#translated(thrown, timeout.aborted);
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (!this.#agent.destroyed) await this.#agent.destroy();
  }

  #refusal(status: number, retryAfter: string | string[] | undefined): DeliveryError {
    const message = `The receiver answered with status ${status}.`;
    if (status === 410) {
      const hint = 'The receiver says that it is gone for good: take it out of the subscriptions.';
      return new DeliveryError(message, { retryable: false, hint });
    }
    const retryAfterMs = parseRetryAfter(retryAfter, this.#now());
    if (status >= 300 && status <= 399) {
      return new DeliveryError(`${message} Redirects are not followed.`, { hint: 'Subscribe the final address.' });
    }
    return new DeliveryError(message, retryAfterMs === undefined ? {} : { retryAfterMs });
  }

  /** The address is not repeated: it may hold a token. */
  #translated(thrown: unknown, isTimeout: boolean): DeliveryError {
    const known = findCause(thrown, DeliveryError);
    if (known !== undefined) return known;
    if (findCause(thrown, PrivateAddressError) !== undefined) return refused(PRIVATE_ADDRESS);
    const why = isTimeout ? `gave no answer within ${this.#timeoutMs} ms` : 'could not be reached';
    return new DeliveryError(`The receiver ${why}.`, {}, { cause: thrown });
  }
}

function refused(why: string): DeliveryError {
  const message = `The address of the webhook cannot be told: ${why}.`;
  const hint = 'Use a public https address, or have the operator list its host in NARRATOR_ALLOW_HOSTS.';
  return new DeliveryError(message, { retryable: false, hint });
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
export function parseRetryAfter(header: string | string[] | undefined, now: Date): number | undefined {
  const value = (Array.isArray(header) ? header[0] : header)?.trim() ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}
