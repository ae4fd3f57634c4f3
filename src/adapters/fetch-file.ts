/**
 * Fetches one large file over HTTP(S) so that nothing that is on the disk already is fetched twice, and so that the file
 * appears under its own name only whole, with the right checksum. Proxies named in the environment are not used.
 */
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { NarratorError, type ErrorCode, type ErrorDetails } from '../core/errors.ts';
import { hashFile, onDisk, PartFile } from './part-file.ts';
import { parseContentRange, statedDigest, strongEtag } from './response-headers.ts';
import { Watchdog } from './watchdog.ts';

export interface FetchFileRequest {
  readonly url: string;
  readonly destination: string;
  /** hex; without it the checksum that the server itself states is taken, if it states one */
  readonly expectedSha256?: string;
  readonly expectedBytes?: number;
  /** more than this is refused before it is written */
  readonly maxBytes: number;
  /** sent as a bearer token by https (or to this machine), to the URL's own origin only; never in a message */
  readonly token?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: FetchProgress) => void;
  /** failures in a row, without a mebibyte gained in between, before it gives up; default 6 */
  readonly attempts?: number;
  /** wait after the first failure; it doubles with each, up to 30 s; default 1000 */
  readonly retryDelayMs?: number;
  /** until the response's headers are there; default 30 s */
  readonly connectTimeoutMs?: number;
  /** without a byte; default 60 s */
  readonly idleTimeoutMs?: number;
}

export interface FetchProgress {
  readonly receivedBytes: number;
  readonly totalBytes: number | undefined;
}

export interface FetchedFile {
  readonly bytes: number;
  readonly sha256: string;
  /** against what the checksum was verified: the caller's, the server's own, or nothing */
  readonly verifiedBy: 'caller' | 'server' | 'nothing';
}

const MAX_REDIRECTS = 5;
const LONGEST_DELAY_MS = 30_000;
const PROGRESS_THAT_COUNTS_BYTES = 1024 * 1024;

/**
 * Idempotent: a destination that is there with the expected checksum is left alone, without a request.
 * @throws NarratorError download_failed (network, HTTP status; retryable unless the server refused), checksum_mismatch,
 *   store_full, store_unavailable, cancelled
 */
export async function fetchFile(request: FetchFileRequest): Promise<FetchedFile> {
  const present = await existing(request);
  if (present !== undefined) return present;
  const url = parseUrl(request.url);
  const part = await PartFile.open(request.destination, request.url);
  try {
    return await new Download(request, url, part).run();
  } finally {
    await part.close();
  }
}

async function existing({ destination, expectedSha256 }: FetchFileRequest): Promise<FetchedFile | undefined> {
  if (expectedSha256 === undefined) return undefined;
  return onDisk(destination, async () => {
    const size = await stat(destination).then(
      (found) => found.size,
      (error: unknown) => (errorCode(error) === 'ENOENT' ? undefined : Promise.reject(error as Error)),
    );
    if (size === undefined) return undefined;
    const sha256 = (await hashFile(destination)).digest('hex');
    return sha256 === expectedSha256.toLowerCase() ? { bytes: size, sha256, verifiedBy: 'caller' } : undefined;
  });
}

/** One file on its way. */
class Download {
  readonly #request: FetchFileRequest;
  readonly #url: URL;
  readonly #part: PartFile;

  constructor(request: FetchFileRequest, url: URL, part: PartFile) {
    this.#request = request;
    this.#url = url;
    this.#part = part;
  }

  async run(): Promise<FetchedFile> {
    // bytes that an earlier call left may be what spoils the checksum: that is worth one fresh start
    for (let freshStarts = this.#part.bytes > 0 ? 1 : 0; ; freshStarts--) {
      await this.#receiveAll();
      const sha256 = this.#part.sha256();
      const stated = this.#part.note?.statedSha256;
      const expected = this.#request.expectedSha256?.toLowerCase() ?? stated;
      if (expected === undefined || sha256 === expected) {
        this.#refuseSize(this.#part.bytes);
        await this.#part.publish();
        const verifiedBy =
          this.#request.expectedSha256 !== undefined ? 'caller' : stated !== undefined ? 'server' : 'nothing';
        return { bytes: this.#part.bytes, sha256, verifiedBy };
      }
      if (freshStarts === 0) {
        await this.#part.discard();
        throw this.#error(
          'checksum_mismatch',
          `has the sha256 ${sha256}, but expected is ${expected}; it was deleted`,
          {
            hint: 'Fetch it again, or from another source: what was received is not the file that was meant.',
          },
        );
      }
      await this.#part.restart();
    }
  }

  /** Asks until everything is there. */
  async #receiveAll(): Promise<void> {
    const { attempts = 6, retryDelayMs = 1000 } = this.#request;
    for (let failures = 0; ; ) {
      const before = this.#part.bytes;
      try {
        if (await this.#receive()) return;
        throw this.#error('download_failed', `broke off after ${this.#part.bytes} bytes`);
      } catch (error) {
        if (!(error instanceof NarratorError) || error.code !== 'download_failed' || !error.retryable) throw error;
        failures = this.#part.bytes - before >= PROGRESS_THAT_COUNTS_BYTES ? 1 : failures + 1;
        if (failures >= attempts) throw error;
        const wished = error instanceof RetryLater ? error.waitMs : 0;
        const waitMs = Math.min(LONGEST_DELAY_MS, Math.max(wished, retryDelayMs * 2 ** (failures - 1)));
        await delay(waitMs, undefined, this.#request.signal && { signal: this.#request.signal }).catch(() => {
          throw this.#cancelled();
        });
      }
    }
  }

  /** One request. True if the file is whole now. */
  async #receive(): Promise<boolean> {
    const watchdog = new Watchdog(this.#request.signal);
    try {
      const { response, statedSha256 } = await this.#ask(watchdog);
      this.#refuseOtherContent(statedSha256);
      const total = await this.#place(response, statedSha256);
      if (response.status === 416) {
        await response.body?.cancel();
        return total !== undefined && total === this.#part.bytes;
      }
      await this.#append(response, total, watchdog);
      return total === undefined || this.#part.bytes === total;
    } catch (error) {
      if (error instanceof NarratorError) throw error;
      if (this.#request.signal?.aborted === true) throw this.#cancelled(error);
      const why = watchdog.expired ?? describeNetworkError(error);
      throw this.#error('download_failed', `failed after ${this.#part.bytes} bytes: ${why}`, {}, error);
    } finally {
      watchdog.stop();
    }
  }

  /** Follows redirects by hand: never from https to http, and the token stays with the origin that it was given for. */
  async #ask(watchdog: Watchdog): Promise<{ response: Response; statedSha256: string | undefined }> {
    let url = this.#url;
    let statedSha256: string | undefined;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const headers: Record<string, string> = { 'accept-encoding': 'identity' };
      if (this.#request.token !== undefined && url.origin === this.#url.origin && isPrivate(url)) {
        headers['authorization'] = `Bearer ${this.#request.token}`;
      }
      if (this.#part.bytes > 0) {
        headers['range'] = `bytes=${this.#part.bytes}-`;
        if (this.#part.note?.etag !== undefined) headers['if-range'] = this.#part.note.etag;
      }
      watchdog.expect('no answer', this.#request.connectTimeoutMs ?? 30_000);
      const response = await fetch(url, { headers, redirect: 'manual', signal: watchdog.signal });
      statedSha256 ??= statedDigest(response.headers);
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) return { response, statedSha256 };
      await response.body?.cancel();
      const next = new URL(location, url);
      if (url.protocol === 'https:' && next.protocol !== 'https:') {
        throw this.#error('download_failed', `redirects from https to ${next.protocol}//${next.host}`, {
          retryable: false,
        });
      }
      url = next;
    }
    throw this.#error('download_failed', `redirects more than ${MAX_REDIRECTS} times`, { retryable: false });
  }

  /** The server says that it has another file: better known before a gigabyte than after. */
  #refuseOtherContent(statedSha256: string | undefined): void {
    const expected = this.#request.expectedSha256?.toLowerCase();
    if (expected === undefined || statedSha256 === undefined || expected === statedSha256) return;
    throw this.#error(
      'checksum_mismatch',
      `has the sha256 ${statedSha256} by its server, but expected is ${expected}`,
      {
        hint: 'Choose another source, or check the checksum that you gave.',
      },
    );
  }

  /** Makes the part file ready for what the response brings; returns the whole file's size if it is known. */
  async #place(response: Response, statedSha256: string | undefined): Promise<number | undefined> {
    const range = parseContentRange(response.headers.get('content-range'));
    const etag = strongEtag(response.headers.get('etag'));
    if (response.status === 416) {
      if (range?.total !== this.#part.bytes) await this.#part.restart();
      return range?.total;
    }
    if (response.status !== 200 && response.status !== 206) throw await this.#refusal(response);
    if (!['', 'identity'].includes(response.headers.get('content-encoding') ?? '')) {
      throw this.#error('download_failed', 'is sent compressed, although it was asked for as it is', {
        retryable: false,
      });
    }
    if (response.status === 206 && (range?.start !== this.#part.bytes || this.#isOther(etag, statedSha256))) {
      await response.body?.cancel();
      await this.#part.restart();
      throw this.#error('download_failed', 'changed while it was fetched: starting again');
    }
    if (response.status === 200 && this.#part.bytes > 0) await this.#part.restart();

    const length = response.headers.get('content-length');
    const total = response.status === 206 ? range?.total : length === null ? undefined : Number(length);
    this.#refuseSize(total);
    await this.#part.describe({ url: this.#request.url, etag, statedSha256 });
    return total ?? this.#request.expectedBytes;
  }

  #isOther(etag: string | undefined, statedSha256: string | undefined): boolean {
    const differs = (before: string | undefined, now: string | undefined): boolean =>
      before !== undefined && now !== undefined && before !== now;
    // behind a stated checksum the ETag of one copy or another says nothing
    if (this.#part.note?.statedSha256 !== undefined && statedSha256 !== undefined)
      return this.#part.note.statedSha256 !== statedSha256;
    return differs(this.#part.note?.etag, etag);
  }

  #refuseSize(total: number | undefined): void {
    if (total === undefined) return;
    const { expectedBytes, maxBytes } = this.#request;
    if (expectedBytes !== undefined && total !== expectedBytes) {
      throw this.#error('checksum_mismatch', `has ${total} bytes, but expected are ${expectedBytes}`);
    }
    if (total > maxBytes) {
      throw this.#error('download_failed', `has ${total} bytes; at most ${maxBytes} are fetched`, {
        retryable: false,
        limit: maxBytes,
      });
    }
  }

  async #append(response: Response, total: number | undefined, watchdog: Watchdog): Promise<void> {
    const { maxBytes, onProgress, idleTimeoutMs = 60_000 } = this.#request;
    if (response.body === null) return;
    watchdog.expect('no data', idleTimeoutMs);
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      if (this.#part.bytes + chunk.length > Math.min(maxBytes, total ?? maxBytes)) {
        throw this.#error('download_failed', `sends more than ${total ?? maxBytes} bytes`, { retryable: false });
      }
      await this.#part.append(chunk);
      watchdog.expect('no data', idleTimeoutMs);
      onProgress?.({ receivedBytes: this.#part.bytes, totalBytes: total });
    }
  }

  async #refusal(response: Response): Promise<NarratorError> {
    await response.body?.cancel();
    const { status } = response;
    const message = `${this.#name}: the server answers ${status}`;
    if (status === 429 || status >= 500 || status === 408) {
      return new RetryLater(message, 1000 * (Number(response.headers.get('retry-after')) || 0));
    }
    const hint =
      status === 401 || status === 403
        ? 'Accept the licence on the model’s page and give an access token, or fetch from a mirror or a local folder.'
        : 'Check the address; --mirror and --from name other sources.';
    return new NarratorError('download_failed', message, { retryable: false, hint });
  }

  /** Without its query: that may be a signature. */
  get #name(): string {
    return `${this.#url.origin}${this.#url.pathname}`;
  }

  #error(code: ErrorCode, what: string, details: ErrorDetails = {}, cause?: unknown): NarratorError {
    return new NarratorError(code, `${this.#name} ${what}`, details, { cause });
  }

  #cancelled(cause?: unknown): NarratorError {
    return new NarratorError(
      'cancelled',
      `Fetching ${this.#name} was cancelled at ${this.#part.bytes} bytes`,
      {},
      { cause },
    );
  }
}

/** A failure after which the server said how long to wait. */
class RetryLater extends NarratorError {
  readonly waitMs: number;
  constructor(message: string, waitMs: number) {
    super('download_failed', message);
    this.waitMs = waitMs;
  }
}

/** A token in clear text on a network is everybody's. */
function isPrivate(url: URL): boolean {
  return url.protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    throw new NarratorError('usage', 'A download address must start with https:// or http://', { field: 'url' });
  }
  return url;
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** fetch() wraps the cause: 'fetch failed' alone helps nobody. */
function describeNetworkError(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return errorCode(cause) ?? (cause instanceof Error ? cause.message : 'unknown network error');
}
