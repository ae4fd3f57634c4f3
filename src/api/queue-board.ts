/** The operators' view of the queue at /admin/queues: bull-board, behind the scope admin. */
import type { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Express, RequestHandler } from 'express';
import helmet from 'helmet';
import { NarratorError } from '../core/errors.ts';
import { requireScope } from './auth.ts';

/** A queue of BullMQ. */
export type BoardQueue = ConstructorParameters<typeof BullMQAdapter>[0];

export interface BoardDeps {
  /** asked until it gives one; absent: there is no such page. @throws NarratorError queue_unavailable */
  readonly openBoardQueue?: () => BoardQueue;
}

const PATH = '/admin/queues';

/** Its page has styles of its own in line, and asks for a font elsewhere, which it does not get. */
const CONTENT_POLICY = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    'default-src': ["'none'"],
    'base-uri': ["'self'"],
    'connect-src': ["'self'"],
    'font-src': ["'self'"],
    'form-action': ["'none'"],
    'frame-ancestors': ["'none'"],
    'img-src': ["'self'", 'data:'],
    'script-src': ["'self'"],
    'style-src': ["'self'", "'unsafe-inline'"],
  },
});

/** Browsers ask for a password: an API key is one, whatever the user's name. Stands before authenticate(). */
export function addBoardLogin(app: Express, { openBoardQueue }: BoardDeps): void {
  if (openBoardQueue === undefined) return;
  app.use(PATH, (request, response, next) => {
    response.locals['challenge'] = 'Basic realm="f5-narrator: any name, an admin key as the password", charset="UTF-8"';
    const [, encoded] = /^basic +([A-Za-z0-9+/=]+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (encoded !== undefined) {
      const login = Buffer.from(encoded, 'base64').toString('utf8');
      request.headers.authorization = `Bearer ${login.slice(login.indexOf(':') + 1)}`;
    }
    next();
  });
}

export function addQueueBoard(app: Express, { openBoardQueue }: BoardDeps): void {
  if (openBoardQueue === undefined) return;
  let board: RequestHandler | undefined;
  app.use(PATH, requireScope('admin'), refuseOtherSites, CONTENT_POLICY, async (request, response, next) => {
    board ??= await boardOf(openBoardQueue());
    await board(request, response, next);
  });
}

/** Browsers send a login along with whatever any page asks for: what changes something must come from the board itself. */
const refuseOtherSites: RequestHandler = (request, _response, next) => {
  const site = request.headers['sec-fetch-site'];
  if (request.method !== 'GET' && request.method !== 'HEAD' && site !== undefined && site !== 'same-origin') {
    throw new NarratorError('request_invalid', 'The board takes no orders from other sites.');
  }
  next();
};

/** Its packages are large, and loaded when somebody looks. */
async function boardOf(queue: BoardQueue): Promise<RequestHandler> {
  const [{ createBullBoard }, { BullMQAdapter }, { ExpressAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/express'),
  ]);
  const serverAdapter = new ExpressAdapter().setBasePath(PATH);
  createBullBoard({
    queues: [new BullMQAdapter(queue)],
    serverAdapter,
    options: { uiConfig: { boardTitle: 'f5-narrator', hideDocsLink: true } },
  });
  return serverAdapter.getRouter() as RequestHandler;
}
