/** A stored object as an HTTP answer: ETag, ranges, HEAD, and no more of it in memory than the client takes. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import type { ArtifactStore } from '../core/ports.ts';

/**
 * RFC 9110: If-None-Match, If-Range and a single range; several ranges are answered with the whole, as it allows.
 * @returns false if there is no such object: nothing is sent then, and no header set
 */
export async function sendObject(
  request: Request,
  response: Response,
  { store, key, contentType }: { readonly store: ArtifactStore; readonly key: string; readonly contentType: string },
): Promise<boolean> {
  const head = await store.head(key);
  if (head === undefined) return false;
  // What stands in a store's own tags (numbers of files) is nobody's matter.
  const etag = `"${createHash('sha256').update(head.etag).digest('hex').slice(0, 32)}"`;
  const headers = { etag, 'accept-ranges': 'bytes', 'cache-control': 'private, no-cache' };
  if (isKnown(request, etag)) {
    response.set(headers).status(304).end();
    return true;
  }
  const range = rangeOf(request, head.size, etag);
  if (range === 'unsatisfiable') {
    response.set({ ...headers, 'content-range': `bytes */${head.size}` });
    response.status(416).end();
    return true;
  }
  const { start, end } = range ?? { start: 0, end: head.size };
  const bytes = request.method === 'HEAD' ? nothing() : await store.read(key, { start, end });
  if (bytes === undefined) return false;
  response.set({ ...headers, 'content-type': contentType, 'content-length': String(end - start) });
  if (range !== undefined) response.status(206).set('content-range', `bytes ${start}-${end - 1}/${head.size}`);
  await stream(bytes, response);
  return true;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function isKnown(request: Request, etag: string): boolean {
  const known = request.headers['if-none-match'];
  if (known === undefined) return false;
  return known.trim() === '*' || known.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

type Range = { readonly start: number; readonly end: number };

/** `end` exclusive; undefined: the whole */
function rangeOf(request: Request, size: number, etag: string): Range | 'unsatisfiable' | undefined {
  const condition = request.headers['if-range'];
  if (condition !== undefined && condition !== etag) return undefined;
  const ranges = request.range(size);
  if (ranges === -1) return 'unsatisfiable';
  if (ranges === undefined || ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return undefined;
  const [range] = ranges;
  return range === undefined ? undefined : { start: range.start, end: range.end + 1 };
}

/** A client that takes nothing for so long is gone, or might as well be. Players pause, and ask again by ranges. */
const STALL_MS = 300_000;

/** Ends with the answer, or when the client goes away, which is no error of ours. @throws what `chunks` throws */
export async function stream(
  chunks: AsyncIterable<Uint8Array | string>,
  response: Response,
  { stallMs = STALL_MS }: { readonly stallMs?: number } = {},
): Promise<void> {
  response.setTimeout(stallMs, () => response.destroy());
  try {
    await pipeline(Readable.from(chunks, { objectMode: false }), response);
  } catch (thrown) {
    if ((thrown as { code?: unknown } | null)?.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw thrown;
  }
}
