/** A job as a stream of server-sent events: progress, items as they are done, the end. https://html.spec.whatwg.org/multipage/server-sent-events.html */
import type { Express } from 'express';
import { z } from 'zod';
import { NarratorError } from '../core/errors.ts';
import type { JobHead } from '../core/job.ts';
import { clientOf, requireScope } from './auth.ts';
import { EventCursor } from './event-cursor.ts';
import { type FeedDeps, type JobFeed, JobFeeds } from './job-feed.ts';
import { goneSignal } from './job-intake.ts';
import { booleanQuery, parseQuery } from './job-request.ts';
import { viewItem } from './job-view.ts';
import { stream } from './send-object.ts';
import { requireVisibleJob } from './visible-job.ts';

export interface EventsDeps extends FeedDeps {
  /** ends all streams: the server is about to stop, and clients come back to another one */
  readonly closing?: AbortSignal;
  /** default: TIMES and LIMITS */
  readonly eventStreams?: Partial<typeof TIMES & typeof LIMITS>;
}

const TIMES = {
  pollMs: 1_000,
  idleMs: 5_000,
  /** proxies cut what is silent for 30 or 60 seconds */
  heartbeatMs: 15_000,
  /** a client that takes nothing for so long is gone, or might as well be */
  stallMs: 60_000,
};

const LIMITS = {
  /** streams at once, in this process */
  streamsMax: 500,
  streamsPerKeyMax: 50,
};

/** What a browser waits before it comes back. */
const RETRY_MS = 3_000;
/** Events that are written in one piece. */
const EVENTS_AT_ONCE = 100;

/** `items=false`: only progress and the end. */
export const eventsQuery = z.strictObject({ items: booleanQuery.default(true) });

export function addEventsRoutes(app: Express, deps: EventsDeps): void {
  const settings = { ...TIMES, ...LIMITS, ...deps.eventStreams };
  const feeds = new JobFeeds(deps, settings);
  const streams = new OpenStreams(settings);

  app.get('/v1/jobs/:id/events', requireScope('read'), async (request, response) => {
    const { items } = parseQuery(eventsQuery, request);
    const cursor = cursorOf(request.headers['last-event-id']);
    const head = await requireVisibleJob(request, response, deps);
    const free = streams.take(clientOf(response).keyId);
    const gone = goneSignal(response);
    const signal = deps.closing === undefined ? gone : AbortSignal.any([gone, deps.closing]);
    try {
      const feed = await feeds.join(head);
      try {
        if (cursor.ended !== undefined && cursor.ended === feed.finishedRound) {
          // Tells a browser not to come back.
          return void response.status(204).end();
        }
        response.set({
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store, no-transform',
          'x-accel-buffering': 'no',
        });
        if (request.method === 'HEAD') return void response.end();
        response.flushHeaders();
        await stream(eventsOf(head, feed, cursor, { ...settings, items, signal }), response, settings);
      } finally {
        feed.leave();
      }
    } finally {
      free();
    }
  });
}

function cursorOf(header: string | string[] | undefined): EventCursor {
  const cursor = header === undefined || header === '' ? new EventCursor() : EventCursor.parse(String(header));
  if (cursor !== undefined) return cursor;
  throw new NarratorError('request_invalid', 'Last-Event-ID is none that a stream of events ended with.', {
    field: 'Last-Event-ID',
    hint: 'Leave it out to have all events.',
  });
}

class OpenStreams {
  readonly #limits: typeof LIMITS;
  readonly #byKey = new Map<string, number>();
  #all = 0;

  constructor(limits: typeof LIMITS) {
    this.#limits = limits;
  }

  /** @returns what gives it back @throws NarratorError too_many_requests */
  take(keyId: string | undefined): () => void {
    const { streamsMax, streamsPerKeyMax } = this.#limits;
    const ofKey = keyId === undefined ? 0 : (this.#byKey.get(keyId) ?? 0);
    const limit = this.#all >= streamsMax ? streamsMax : ofKey >= streamsPerKeyMax ? streamsPerKeyMax : undefined;
    if (limit !== undefined) {
      throw new NarratorError('too_many_requests', `${limit} streams of events are open already; that is the limit.`, {
        limit,
      });
    }
    this.#count(keyId, 1);
    return () => this.#count(keyId, -1);
  }

  #count(keyId: string | undefined, change: number): void {
    this.#all += change;
    if (keyId === undefined) return;
    const ofKey = (this.#byKey.get(keyId) ?? 0) + change;
    if (ofKey === 0) this.#byKey.delete(keyId);
    else this.#byKey.set(keyId, ofKey);
  }
}

interface WatchOptions {
  readonly items: boolean;
  readonly heartbeatMs: number;
  readonly signal: AbortSignal;
}

/** Goes on only when the client has taken what came before: a slow one falls behind, and nothing piles up for it. */
async function* eventsOf(
  head: JobHead,
  feed: JobFeed,
  cursor: EventCursor,
  options: WatchOptions,
): AsyncGenerator<string> {
  const { signal } = options;
  let told: string | undefined;
  yield `retry: ${RETRY_MS}\n\n`;
  while (!signal.aborted && !feed.isGone) {
    const { version, mark, finishedRound } = feed;
    if (mark !== told) {
      told = mark;
      yield event('progress', feed.view);
      continue;
    }
    const section = options.items ? cursor.next(feed.recorded, feed.joinedRounds) : undefined;
    if (section !== undefined) {
      yield* itemEvents(head, feed, cursor, section);
    } else if (finishedRound !== undefined) {
      cursor.end(finishedRound);
      yield event('done', feed.view, cursor.toString());
      return;
    } else {
      await feed.newer(version, options.heartbeatMs, signal);
      // Something must be written from time to time, for whatever stands between us and the client.
      if (feed.version === version && !signal.aborted) yield ':\n\n';
    }
  }
}

async function* itemEvents(
  head: JobHead,
  feed: JobFeed,
  cursor: EventCursor,
  section: NonNullable<ReturnType<EventCursor['next']>>,
): AsyncGenerator<string> {
  const sent = cursor.lineIn(section);
  const items = (await feed.items(section)).filter(({ line }) => line > sent);
  // A signed address would be old before it is used, and costs as much as all the rest.
  const place = { prefix: '', downloadUrl: () => Promise.resolve(undefined) };
  for (let from = 0; from < items.length; from += EVENTS_AT_ONCE) {
    let text = '';
    for (const [at, item] of items.slice(from, from + EVENTS_AT_ONCE).entries()) {
      if (from + at + 1 < items.length) cursor.reach(section, item.line);
      else cursor.complete(section);
      text += event('item', JSON.stringify(await viewItem(item, head, place)), cursor.toString());
    }
    yield text;
  }
  if (items.length === 0) cursor.complete(section);
}

/** `data` has no line breaks: it is JSON. */
function event(name: string, data: string, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${data}\n\n`;
}
