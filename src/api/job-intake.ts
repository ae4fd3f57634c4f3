/** From a request to a manifest and its options. Manifests pass through as they come, and are never held. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { NarratorError } from '../core/errors.ts';
import type { JobOptions } from '../core/job-options.ts';
import { MANIFEST_LIMITS, type ManifestFormat, manifestItemSchema } from '../core/manifest.ts';
import type { ManifestSource } from '../core/plan-items.ts';
import { type JobBody, jobRequestSchema, noQuerySchema, optionsOfQuery, parseQuery } from './job-request.ts';
import { parseRequest } from './speech-request.ts';

export interface IntakeDeps {
  /**
   * Opens what a client names: 's3://bucket/key', or an http(s) address.
   * @throws NarratorError bucket_not_allowed, manifest_not_found, fetch_refused, fetch_failed
   */
  readonly openSource: (
    address: string,
    options: { readonly field: string; readonly maxBytes: number; readonly signal?: AbortSignal },
  ) => Promise<{ readonly bytes: AsyncIterable<Uint8Array>; readonly etag?: string }>;
  readonly bodyLimitBytes: number;
}

export interface JobIntake {
  readonly manifest: ManifestSource;
  readonly options: JobOptions;
  /** where the manifest came from, for people */
  readonly source?: string;
}

/** In S3, where it is read as a stream: a million lines of a kilobyte. */
const MANIFEST_BYTES_MAX = 1024 ** 3;
/** UTF-8 of the longest text of one item. */
const TEXT_BYTES_MAX = 3 * MANIFEST_LIMITS.textCharactersMax;

const BODY_FORMATS: readonly [type: string, format: ManifestFormat][] = [
  ['application/x-ndjson', 'jsonl'],
  ['application/jsonl', 'jsonl'],
  ['text/csv', 'csv'],
];

/**
 * Reads nothing of a body that is the manifest itself: who iterates its bytes does, and is told when the client goes away.
 * @throws NarratorError request_invalid naming the field; text_empty, text_too_long, encoding_invalid; as openSource
 */
export async function readIntake(request: Request, response: Response, deps: IntakeDeps): Promise<JobIntake> {
  if (request.is('json') || request.is('+json')) {
    parseQuery(noQuerySchema, request);
    return fromJson(parseRequest(jobRequestSchema, request.body), deps, goneSignal(response));
  }
  const [, format] = BODY_FORMATS.find(([type]) => request.is(type)) ?? [];
  if (format === undefined) throw unknownType(request);
  checkEncoding(request);
  const options = optionsOfQuery(request);
  return { manifest: { format, bytes: bodyOf(request, deps.bodyLimitBytes) }, options };
}

/** Aborts when the client goes away before its answer. */
export function goneSignal(response: Response): AbortSignal {
  const gone = new AbortController();
  if (response.destroyed) gone.abort();
  else response.once('close', () => gone.abort());
  return gone.signal;
}

function unknownType(request: Request): NarratorError {
  const types = ['application/json', ...BODY_FORMATS.map(([type]) => type)].join(', ');
  const found = request.headers['content-type'];
  const message = `The content-type must be one of ${types}, not ${found === undefined ? 'none' : JSON.stringify(found.slice(0, 80))}.`;
  return new NarratorError('request_invalid', message, { field: 'content-type' });
}

function checkEncoding(request: Request): void {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new NarratorError('request_invalid', 'A manifest must be sent as it is, without a content-encoding.', {
      field: 'content-encoding',
    });
  }
  const charset = /;\s*charset="?([^\s;"]+)/i.exec(request.headers['content-type'] ?? '')?.[1]?.toLowerCase();
  if (charset !== undefined && !['utf-8', 'utf8', 'us-ascii'].includes(charset)) {
    throw new NarratorError('encoding_invalid', 'A manifest must be sent in UTF-8.', { field: 'content-type' });
  }
}

/** @throws NarratorError while it is read: request_invalid when it is too long, or breaks off */
async function* bodyOf(request: Request, limitBytes: number): AsyncGenerator<Uint8Array> {
  const tooLong = () => {
    const message = `The body is larger than ${limitBytes} bytes.`;
    const hint = 'Split the manifest into several jobs, or put it into S3 and name it.';
    return new NarratorError('request_invalid', message, { field: 'body', limit: limitBytes, hint });
  };
  let bytes = 0;
  try {
    if (Number(request.headers['content-length']) > limitBytes) throw tooLong();
    // Leaving early must not close the connection: the answer still has to go out on it.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > limitBytes) throw tooLong();
      yield chunk;
    }
  } catch (thrown) {
    if (thrown instanceof NarratorError) throw thrown;
    throw new NarratorError(
      'request_invalid',
      'The body broke off before its end.',
      { field: 'body' },
      { cause: thrown },
    );
  } finally {
    // What is left of a body that nobody reads would stand in the way of the next request.
    request.resume();
  }
}

async function fromJson(body: JobBody, deps: IntakeDeps, signal: AbortSignal): Promise<JobIntake> {
  const { items, text, textUrl, manifest, itemId, ...options } = body;
  if (items !== undefined) return { manifest: { format: 'jsonl', bytes: linesOf(items) }, options };
  if (text !== undefined) return { manifest: oneItem(text, itemId, 'text'), options };
  if (textUrl !== undefined) {
    const found = await textAt(textUrl, deps, signal);
    return { manifest: oneItem(found, itemId, 'textUrl'), options, source: shown(textUrl) };
  }
  // The schema sees to it that one of them is there.
  const address = manifest as string;
  const format = formatOf(address);
  const maxBytes = /^s3:/i.test(address) ? MANIFEST_BYTES_MAX : deps.bodyLimitBytes;
  const { bytes } = await deps.openSource(address, { field: 'manifest', maxBytes, signal });
  return { manifest: { format, bytes }, options, source: shown(address) };
}

/** Items written in one piece; between two of them others have their turn: 100,000 take a while. */
const ITEMS_AT_ONCE = 100;

async function* linesOf(items: readonly unknown[]): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for (let from = 0; from < items.length; from += ITEMS_AT_ONCE) {
    const lines = items.slice(from, from + ITEMS_AT_ONCE).map((item, at) => `${jsonOf(item, from + at)}\n`);
    yield encoder.encode(lines.join(''));
    await turn();
  }
}

function jsonOf(item: unknown, at: number): string {
  try {
    return JSON.stringify(item);
  } catch {
    // Parsing takes any depth, writing does not.
    throw new NarratorError('request_invalid', `items.${at} is nested too deeply.`, { field: `items.${at}` });
  }
}

/** A text as a manifest of one line. @throws NarratorError text_empty, text_too_long, request_invalid (an unusable itemId) */
function oneItem(text: string, itemId: string | undefined, field: string): ManifestSource {
  if (text.trim() === '') throw new NarratorError('text_empty', `${field} holds nothing but white space.`, { field });
  const item = { id: itemId ?? 'text', text };
  const problem = manifestItemSchema.safeParse(item).error?.issues[0];
  if (problem !== undefined) {
    throw new NarratorError('request_invalid', `itemId ${problem.message}.`, { field: 'itemId' });
  }
  const line = new TextEncoder().encode(`${JSON.stringify(item)}\n`);
  const { textCharactersMax, lineBytesMax } = MANIFEST_LIMITS;
  if (text.length > textCharactersMax) {
    const message = `${field} has ${text.length} characters, the limit is ${textCharactersMax}.`;
    throw new NarratorError('text_too_long', message, { field, limit: textCharactersMax });
  }
  if (line.byteLength > lineBytesMax) {
    const message = `${field} is a line of ${line.byteLength} bytes in a manifest, the limit is ${lineBytesMax} bytes.`;
    throw new NarratorError('text_too_long', message, { field, limit: lineBytesMax });
  }
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield line;
  }
  return { format: 'jsonl', bytes: bytes() };
}

async function textAt(address: string, { openSource }: IntakeDeps, signal: AbortSignal): Promise<string> {
  const field = 'textUrl';
  const { bytes } = await openSource(address, { field, maxBytes: TEXT_BYTES_MAX, signal });
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new NarratorError('encoding_invalid', 'What textUrl names is not valid UTF-8.', { field });
  }
}

function formatOf(address: string): ManifestFormat {
  const path = /^s3:/i.test(address) ? address : new URL(address).pathname;
  if (/\.(jsonl|ndjson)$/i.test(path)) return 'jsonl';
  if (/\.csv$/i.test(path)) return 'csv';
  throw new NarratorError('request_invalid', 'manifest must end in .jsonl, .ndjson or .csv.', { field: 'manifest' });
}

/** Without what may be a secret: a signature, a password. */
function shown(address: string): string {
  if (/^s3:/i.test(address)) return address;
  const { origin, pathname } = new URL(address);
  return `${origin}${pathname}`;
}
