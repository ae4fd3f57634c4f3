/** Requests that take memory or time of this process: so many at once, and the others come back later. */
import type { Request, RequestHandler } from 'express';
import { NarratorError } from '../core/errors.ts';

/** @param what what there is too much of, for the message. `counts`: which requests; default all */
export function atMost(
  limit: number,
  what: string,
  counts: (request: Request) => boolean = () => true,
): RequestHandler {
  let running = 0;
  return (request, response, next) => {
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
