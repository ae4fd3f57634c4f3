/**
 * Fetches what a client's address names, without becoming the client's way into our own network (SSRF): every address that
 * a host resolves to must be a public one, checked at the moment of connecting, for each redirect anew; the size
 * and the time are bounded.
 */
import { Agent, fetch, type Response } from 'undici';
import { NarratorError } from '../core/errors.ts';
import { findCause, guardedLookup, isPrivateLiteral, PRIVATE_ADDRESS, PrivateAddressError } from './public-address.ts';

export interface FetchUntrustedOptions {
  /** name of the field that the address came in, for messages */
  readonly field: string;
  readonly maxBytes: number;
  /** for everything together: names, redirects, body. Default 20 s */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** hosts that may be private, exactly as written in addresses; for deployments whose clips lie inside, and for tests */
  readonly allowHosts?: readonly string[];
}

const REDIRECTS_MAX = 3;
const DEFAULT_TIMEOUT_MS = 20_000;

/** @throws NarratorError fetch_refused (scheme, host, size), fetch_failed (network, status, time) */
export async function fetchUntrusted(address: string, options: FetchUntrustedOptions): Promise<Uint8Array> {
  const { field, maxBytes, timeoutMs = DEFAULT_TIMEOUT_MS, allowHosts = [] } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const agent = new Agent({ connect: { lookup: guardedLookup(allowHosts) }, connections: 1, pipelining: 0 });
  try {
    let url = checkedUrl(address, field, allowHosts);
    for (let redirects = 0; ; redirects++) {
      const response = await fetch(url, { dispatcher: agent, redirect: 'manual', signal, headers: { accept: '*/*' } });
      const location = response.headers.get('location');
      if (response.status < 300 || response.status > 399 || location === null)
        return await bodyOf(response, url, field, maxBytes);
      await response.body?.cancel();
      if (redirects >= REDIRECTS_MAX) throw refused(field, `${url.host} redirects more than ${REDIRECTS_MAX} times`);
      url = checkedUrl(new URL(location, url).href, field, allowHosts);
    }
  } catch (thrown) {
    throw translated(thrown, field, { timedOut: timeout.aborted, timeoutMs });
  } finally {
    await agent.destroy();
  }
}

function checkedUrl(address: string, field: string, allowHosts: readonly string[]): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined) throw refused(field, 'it is not an address');
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw refused(field, `its scheme is ${url.protocol} instead of https: or http:`);
  if (url.username !== '' || url.password !== '') throw refused(field, 'it holds a user name or password');
  if (isPrivateLiteral(url, allowHosts)) throw refused(field, PRIVATE_ADDRESS);
  return url;
}

async function bodyOf(response: Response, url: URL, field: string, maxBytes: number): Promise<Uint8Array> {
  if (!response.ok) {
    await response.body?.cancel();
    throw new NarratorError('fetch_failed', `${field}: ${url.host} answered with status ${response.status}.`, {
      field,
      retryable: response.status >= 500,
    });
  }
  const tooLarge = () => refused(field, `it is larger than ${maxBytes} bytes`, maxBytes);
  if (Number(response.headers.get('content-length') ?? 0) > maxBytes) {
    await response.body?.cancel();
    throw tooLarge();
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > maxBytes) throw tooLarge();
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}

function refused(field: string, why: string, limit?: number): NarratorError {
  return new NarratorError('fetch_refused', `The address in ${field} cannot be fetched: ${why}.`, {
    field,
    ...(limit !== undefined && { limit }),
  });
}

/** The address itself is not repeated: it may be signed. */
function translated(
  thrown: unknown,
  field: string,
  { timedOut, timeoutMs }: { timedOut: boolean; timeoutMs: number },
): NarratorError {
  const known = findCause(thrown, NarratorError);
  if (known !== undefined) return known;
  if (findCause(thrown, PrivateAddressError) !== undefined) return refused(field, PRIVATE_ADDRESS);
  const why = timedOut ? `no answer within ${timeoutMs} ms` : 'its host could not be reached';
  return new NarratorError('fetch_failed', `${field}: ${why}.`, { field }, { cause: thrown });
}
