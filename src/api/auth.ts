/** Who asks, and whether they may: API keys as `Authorization: Bearer KEY` or `x-api-key: KEY`. */
import { isIP } from 'node:net';
import type { Request, RequestHandler, Response } from 'express';
import { type Client, type Scope, SCOPES } from '../core/api-keys.ts';
import { NarratorError } from '../core/errors.ts';

export type { Client, Scope };

export interface KeysDeps {
  readonly keys: {
    /** false: whoever reaches the server may do everything. For loopback only. */
    readonly required: boolean;
    /** @returns undefined: not a valid key. @throws NarratorError store_unavailable */
    readonly verify: (key: string) => Promise<Client | undefined>;
  };
}

const EVERYBODY: Client = { scopes: new Set(SCOPES) };
/** Longer ones are not looked at: ours have 84 characters. */
const KEY_CHARACTERS_MAX = 512;

/**
 * Sets the client of every request, or answers 401. `limit` sees all of them, those without a valid key as well: it counts
 * by key, or else by address.
 */
export function authenticate({ keys }: KeysDeps, limit: RequestHandler): RequestHandler {
  return async (request, response, next) => {
    const client = await identify(request, response, keys);
    if (!(client instanceof NarratorError)) {
      response.locals['client'] = client;
      return void limit(request, response, next);
    }
    void limit(request, response, (thrown?: unknown) => {
      if (thrown === undefined) response.setHeader('www-authenticate', challenge(client, response));
      next(thrown ?? client);
    });
  };
}

async function identify(request: Request, response: Response, keys: KeysDeps['keys']): Promise<Client | NarratorError> {
  if (!keys.required) {
    if (!isForeignPage(request, response)) return EVERYBODY;
    return new NarratorError(
      'api_key_missing',
      'Without API keys only programs on this machine may ask, no web pages of others.',
      { hint: 'Make a key with `narrator keys create`, or list the origin of the page in NARRATOR_CORS_ORIGINS.' },
    );
  }
  const key = keyOf(request);
  if (key === undefined) return new NarratorError('api_key_missing', 'This request needs an API key.');
  const client = key.length <= KEY_CHARACTERS_MAX ? await keys.verify(key) : undefined;
  return client ?? new NarratorError('api_key_invalid', 'The API key is not valid.');
}

/**
 * Every page that is open in a browser of this machine reaches its loopback: one of another site, or one whose own name was made
 * to lead here (DNS rebinding). Addresses and localhost cannot be made to.
 */
function isForeignPage({ headers }: Request, { locals }: Response): boolean {
  if (locals['originIsAllowed'] === true) return false;
  const { origin, 'sec-fetch-site': site } = headers;
  if (site === 'cross-site' || site === 'same-site') return true;
  if (origin !== undefined && origin !== `http://${headers.host}`) return true;
  // Of the request itself: a page may say what it likes in X-Forwarded-Host.
  const host = headers.host?.replace(/:\d*$/, '').replace(/^\[|\]$/g, '');
  return host !== undefined && host !== 'localhost' && isIP(host) === 0;
}

function keyOf(request: Request): string | undefined {
  const [, bearer] = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  const header = request.headers['x-api-key'];
  return bearer ?? (typeof header === 'string' && header !== '' ? header : undefined);
}

/** RFC 6750, section 3: no error code for who sent no key. Routes for browsers have a challenge of their own. */
function challenge({ code }: NarratorError, { locals }: Response): string {
  if (typeof locals['challenge'] === 'string') return locals['challenge'];
  return code === 'api_key_missing'
    ? 'Bearer realm="f5-narrator"'
    : 'Bearer realm="f5-narrator", error="invalid_token"';
}

/** The client of this request: there on every route behind `authenticate`. */
export function clientOf(response: Response): Client {
  const client = response.locals['client'] as Client | undefined;
  if (client === undefined) throw new NarratorError('internal', 'This route does not stand behind authenticate().');
  return client;
}

/** Lets through who has the scope. submit: what makes work; read: what looks; admin: what concerns everybody. */
export function requireScope(scope: Scope): RequestHandler {
  return (_request, response, next) => {
    if (!clientOf(response).scopes.has(scope)) {
      throw new NarratorError('scope_missing', `This request needs an API key with the scope "${scope}".`, {
        field: scope,
      });
    }
    next();
  };
}
