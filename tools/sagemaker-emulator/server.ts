/** The addresses of both services, and those of the emulator itself below /_emulator. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ControlPlane } from './control-plane.ts';
import type { Endpoint } from './endpoint.ts';
import { BODY_BYTES_MAX, readInvocation } from './read-invocation.ts';
import { sendError, ServiceError, validationError } from './service-error.ts';
import { readKnobs } from './settings.ts';

const ACCOUNT = '000000000000';
const OWN_BODY_BYTES_MAX = 1_000_000;

export function createEmulatorServer(endpoint: Endpoint): Server {
  const routes = new Routes(endpoint);
  return createServer((request, response) => {
    routes.answer(request, response).catch((thrown: unknown) => {
      if (response.headersSent || response.destroyed) return response.destroy();
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      return sendError(
        response,
        thrown instanceof ServiceError ? thrown : new ServiceError('InternalFailure', 500, message),
      );
    });
  });
}

class Routes {
  readonly #endpoint: Endpoint;
  readonly #controlPlane: ControlPlane;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#controlPlane = new ControlPlane(endpoint);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = request;
    const { pathname, searchParams } = new URL(url, 'http://emulator');
    const [, name, kind] =
      /^\/endpoints\/([^/]+)\/(async-invocations|invocations|invocations-response-stream)$/.exec(pathname) ?? [];
    if (method === 'POST' && name !== undefined) {
      if (kind === 'async-invocations') return this.#invoke(decodeURIComponent(name), request, response);
      throw validationError(`Endpoint ${name} has an asynchronous configuration: it takes InvokeEndpointAsync only.`);
    }
    const target = headers['x-amz-target']?.toString();
    if (method === 'POST' && pathname === '/' && target !== undefined) {
      const action = target.replace(/^SageMaker\./, '');
      const answer = await this.#controlPlane.answer(action, parseJson(await readBody(request, OWN_BODY_BYTES_MAX)));
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answer));
      return;
    }
    const answer = await this.#own(`${method} ${pathname}`, searchParams, request);
    if (answer === undefined)
      throw new ServiceError('UnknownOperationException', 404, `There is no ${method} ${pathname}.`);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  async #invoke(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { options, knobs } = this.#endpoint;
    const { chance } = options;
    const body = await readBody(request, BODY_BYTES_MAX + 1);
    if (chance.happens('throttle', knobs.throttleRate)) {
      this.#endpoint.account.note('throttled');
      throw new ServiceError('ThrottlingException', 400, 'Rate exceeded');
    }
    if (chance.happens('unavailable', knobs.unavailableRate)) {
      this.#endpoint.account.note('unavailable');
      throw new ServiceError('ServiceUnavailable', 503, 'The service is unavailable. Try your call again.');
    }
    if (name !== options.name) throw validationError(`Endpoint ${name} of account ${ACCOUNT} not found.`);
    if (knobs.status !== 'InService') {
      throw validationError(`Endpoint ${name} of account ${ACCOUNT} is ${knobs.status}, not InService.`);
    }
    const invocation = readInvocation(request.headers, body, options);
    this.#endpoint.accept(invocation);
    if (chance.happens('lose-acceptance', knobs.loseAcceptances)) {
      this.#endpoint.account.note('acceptancesLost');
      request.socket.destroy();
      return;
    }
    const { inferenceId, outputLocation, failureLocation } = invocation;
    response
      .writeHead(202, {
        'content-type': 'application/json',
        'x-amzn-sagemaker-outputlocation': outputLocation,
        ...(failureLocation !== undefined && { 'x-amzn-sagemaker-failurelocation': failureLocation }),
      })
      .end(JSON.stringify({ InferenceId: inferenceId }));
  }

  /** @returns undefined if there is no such address */
  async #own(route: string, query: URLSearchParams, request: IncomingMessage): Promise<unknown> {
    const { fleet, account, knobs } = this.#endpoint;
    const [, index] = /^POST \/_emulator\/instances\/(\d+)\/kill$/.exec(route) ?? [];
    if (index !== undefined) return this.#kill(Number(index), query.get('signal') ?? 'SIGKILL');
    switch (route) {
      // Every service of AWS answers it.
      case 'GET /ping':
      case 'GET /_emulator/health':
        return { status: knobs.status };
      case 'GET /_emulator/metrics':
        return this.#endpoint.metrics();
      case 'GET /_emulator/instances':
        return fleet.views;
      case 'GET /_emulator/invocations':
        return account.invocations;
      case 'GET /_emulator/account':
        return account.faults;
      case 'GET /_emulator/knobs':
        return knobs;
      case 'POST /_emulator/knobs': {
        const given = parseJson(await readBody(request, OWN_BODY_BYTES_MAX));
        return Object.assign(
          knobs,
          refusing(() => readKnobs(given)),
        );
      }
      default:
        return undefined;
    }
  }

  async #kill(index: number, signal: string): Promise<unknown> {
    if (signal !== 'SIGKILL' && signal !== 'SIGTERM')
      throw validationError(`${signal} is neither SIGKILL nor SIGTERM.`);
    const { fleet } = this.#endpoint;
    if (index >= fleet.views.length) throw validationError(`There is no instance ${index} of ${fleet.views.length}.`);
    await fleet.kill(index, signal);
    return fleet.views;
  }
}

/** The first `bytesMax` bytes; the rest is read and forgotten, so that there can be an answer. */
async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let left = bytesMax;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (left > 0) chunks.push(chunk.subarray(0, left));
    left -= chunk.length;
  }
  return Buffer.concat(chunks);
}

function parseJson(body: Buffer): Readonly<Record<string, unknown>> {
  const value = refusing((): unknown => JSON.parse(body.toString()));
  if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  throw new ServiceError('SerializationException', 400, 'The body is no JSON object.');
}

/** What is wrong with a request is its sender's fault. */
function refusing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw validationError(error instanceof Error ? error.message : String(error));
  }
}
