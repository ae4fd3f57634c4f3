/**
 * The server as the command line calls it: one request and its answer, tried again where that can help. Every request may be
 * repeated: those that make something carry a name of their own (Idempotency-Key) or are idempotent by themselves.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { errorRecordSchema } from '../core/error-record.ts';
import { NarratorError } from '../core/errors.ts';
import type { ServerJob } from './client-job.ts';

export interface ServerClientOptions {
  /** http(s)://host[:port][/path before /v1] */
  readonly url: string;
  readonly apiKey: string | undefined;
  /** ends every request and every pause: the command was interrupted */
  readonly signal: AbortSignal;
  /** hears why a request is tried again */
  readonly onRetry?: (error: NarratorError) => void;
  /** tries of one request, the first included. Default 6: some 15 s */
  readonly attempts?: number;
  /** before the second try; doubled before each further one, with jitter. Default 500 */
  readonly retryDelayMs?: number;
}

export interface ServerRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly json?: unknown;
  /** opened again for every try */
  readonly upload?: { readonly contentType: string; readonly open: () => AsyncIterable<Uint8Array> };
  readonly headers?: Readonly<Record<string, string>>;
  /** until the answer begins; default 30 s, for uploads 15 minutes */
  readonly timeoutMs?: number;
  /** gives the answer whatever its status is */
  readonly takesAnyStatus?: boolean;
}

const TIMEOUT_MS = 30_000;
const UPLOAD_TIMEOUT_MS = 900_000;
const RETRY_DELAY_MAX_MS = 10_000;
/** A server that asks for more patience is not waited for. */
const RETRY_AFTER_MAX_MS = 120_000;
/** Answers of proxies and load balancers in front of a server that is being restarted. */
const PASSING_STATUSES = [429, 502, 503, 504];

export class ServerClient {
  readonly #options: ServerClientOptions & { readonly attempts: number; readonly retryDelayMs: number };

  constructor(options: ServerClientOptions) {
    this.#options = { attempts: 6, retryDelayMs: 500, ...options };
  }

  /** @throws NarratorError job_not_found, and as send */
  job(jobId: string): Promise<ServerJob> {
    return this.json<ServerJob>(jobPath(jobId));
  }

  /** @throws NarratorError as send */
  async json<T>(path: string, request: ServerRequest = {}): Promise<T> {
    return (await (await this.send(path, request)).json()) as T;
  }

  /**
   * @param path from the root of the server, or a whole address of another one, which gets no key of ours
   * @throws NarratorError what the server says is wrong; server_unreachable; cancelled once the signal aborts
   */
  async send(path: string, request: ServerRequest = {}): Promise<Response> {
    const { attempts, signal, onRetry } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#try(path, request);
      if (!(outcome instanceof Failure)) return outcome;
      const waitMs = outcome.retryAfterMs ?? this.#delayMs(attempt);
      if (!outcome.error.retryable || attempt >= attempts || waitMs > RETRY_AFTER_MAX_MS) throw outcome.error;
      onRetry?.(outcome.error);
      await delay(waitMs, undefined, { signal }).catch(() => Promise.reject(interrupted()));
    }
  }

  async #try(path: string, request: ServerRequest): Promise<Response | Failure> {
    const { url, apiKey, signal } = this.#options;
    const { method = 'GET', query = {}, json, upload, takesAnyStatus = false } = request;
    const address = new URL(/^https?:/i.test(path) ? path : `${url.replace(/\/+$/, '')}${path}`);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) address.searchParams.set(name, value);
    const isOurs = address.origin === new URL(url).origin;
    const contentType = upload?.contentType ?? (json === undefined ? undefined : 'application/json');
    const timeout = new AbortController();
    const timeoutMs = request.timeoutMs ?? (upload === undefined ? TIMEOUT_MS : UPLOAD_TIMEOUT_MS);
    const timer = setTimeout(() => timeout.abort(), timeoutMs);
    try {
      const response = await fetch(address, {
        method,
        headers: {
          ...request.headers,
          ...(contentType !== undefined && { 'content-type': contentType }),
          ...(isOurs && apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
        },
        ...(json !== undefined && { body: JSON.stringify(json) }),
        ...(upload !== undefined && { body: ReadableStream.from(upload.open()), duplex: 'half' }),
        // A key must not follow where somebody else points.
        redirect: isOurs ? 'error' : 'follow',
        signal: AbortSignal.any([signal, timeout.signal]),
      });
      return response.ok || takesAnyStatus ? response : await failureOf(response, address);
    } catch (thrown) {
      if (signal.aborted) throw interrupted();
      const why = timeout.signal.aborted ? `it did not answer within ${timeoutMs / 1000} s` : reasonOf(thrown);
      const message = `${address.origin} cannot be reached: ${why}.`;
      return new Failure(new NarratorError('server_unreachable', message, {}, { cause: thrown }));
    } finally {
      clearTimeout(timer);
    }
  }

  #delayMs(attempt: number): number {
    return Math.min(RETRY_DELAY_MAX_MS, this.#options.retryDelayMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
  }
}

export const jobPath = (jobId: string, ...rest: readonly string[]) =>
  ['/v1/jobs', jobId, ...rest].map((part, index) => (index === 0 ? part : encodeURIComponent(part))).join('/');

class Failure {
  readonly error: NarratorError;
  readonly retryAfterMs: number | undefined;

  constructor(error: NarratorError, retryAfterMs?: number) {
    this.error = error;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The server's problem document is the error that was thrown there. */
async function failureOf(response: Response, { origin }: URL): Promise<Failure> {
  const { status, headers } = response;
  const text = await response.text().catch(() => '');
  return new Failure(problemIn(text) ?? strange(), retryAfterMs(headers.get('retry-after')));

  function strange(): NarratorError {
    return new NarratorError(
      'server_unreachable',
      `${origin} answered with ${status}, and not in the form of f5-narrator.`,
      {
        retryable: PASSING_STATUSES.includes(status),
        hint: 'Check that NARRATOR_URL is the address of an f5-narrator server.',
      },
    );
  }
}

function problemIn(text: string): NarratorError | undefined {
  try {
    const { code, detail, hint, retryable, line, item, field, limit } = JSON.parse(text) as Record<string, unknown>;
    const place = Object.entries({ line, item, field, limit }).filter(([, value]) => value !== undefined);
    const record = { code, message: detail, hint, retryable, ...Object.fromEntries(place) };
    return NarratorError.fromRecord(errorRecordSchema.parse(record));
  } catch {
    return undefined;
  }
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function retryAfterMs(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,6}$/.test(value)) return Number(value) * 1000;
  const ms = Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function reasonOf(thrown: unknown): string {
  const { message, cause } = thrown as Error & { cause?: Error & { code?: string } };
  return cause?.code ?? cause?.message ?? message;
}

export const interrupted = () => new NarratorError('cancelled', 'The command was interrupted.');
