/** Requests that take memory or time of this process: so many at once, and the others come back later. */
import type { Request, RequestHandler } from 'express';
import { NarratorError } from '../core/errors.ts';

/** A body of JSON beyond this size: parsed, it is several times as large. */
const LARGE_BODY_BYTES = 1024 * 1024;

/** As far as can be known before it is read: what is compressed, or of unknown length, may be of any size. */
export function hasLargeBody(request: Request): boolean {
  const { 'content-length': length, 'content-encoding': encoding = 'identity' } = request.headers;
  return encoding.toLowerCase() !== 'identity' || !(Number(length) <= LARGE_BODY_BYTES);
}

/** @param what what there is too much of, for the message. `counts`: which requests; default all */
export function atMost(
  limit: number,
  what: string,
  counts: (request: Request) => boolean = () => true,
): RequestHandler {
  let running = 0;
  return (request, response, next) => {
    // Gone while its key was looked up: its end was told already, and would give no place back.
    if (response.destroyed || response.closed) return;
    if (!counts(request)) return next();
    if (running >= limit) {
      throw new NarratorError('too_many_requests', `${limit} ${what} are at work already; that is the limit.`, {
        limit,
      });
    }
    running += 1;
    // Comes once, however it ended.
    response.once('close', () => (running -= 1));
    next();
  };
}
