/** A hub on this machine that serves files as badly as a test wants. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Behaviour {
  /** ignore Range: answer 200 with everything */
  ignoreRange?: boolean;
  /** break the connection after so many bytes of a body, this many times */
  breakAfterBytes?: number;
  breaks?: number;
  /** answer with this status, this many times */
  status?: number;
  failures?: number;
  /** send these headers as well */
  headers?: Record<string, string>;
  /** no ETag */
  noEtag?: boolean;
  /** send the headers and so many bytes, then nothing for ever */
  stallAfterBytes?: number;
  /** redirect there, with the path behind it */
  redirectTo?: string;
  /** bytes a piece, with a pause between pieces */
  slowPieceBytes?: number;
}

export class UnreliableServer {
  readonly #server: Server;
  readonly #files: Map<string, Buffer>;
  behaviour: Behaviour = {};
  readonly requests: { path: string; range: string | undefined; authorization: string | undefined }[] = [];

  private constructor(files: ReadonlyMap<string, Buffer>) {
    this.#files = new Map(files);
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(files: ReadonlyMap<string, Buffer>): Promise<UnreliableServer> {
    const server = new UnreliableServer(files);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  replace(path: string, content: Buffer): void {
    this.#files.set(path, content);
  }

  reset(behaviour: Behaviour = {}): void {
    this.behaviour = behaviour;
    this.requests.length = 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '/').slice(1);
    const { range, authorization } = request.headers;
    this.requests.push({ path, range, authorization });
    const { behaviour } = this;
    if (behaviour.redirectTo !== undefined) {
      response.writeHead(302, { location: `${behaviour.redirectTo}/${path}`, ...behaviour.headers }).end();
      return;
    }
    if (behaviour.status !== undefined && (behaviour.failures ?? Infinity) > 0) {
      behaviour.failures = (behaviour.failures ?? Infinity) - 1;
      response.writeHead(behaviour.status, behaviour.headers).end('no');
      return;
    }
    const content = this.#files.get(path);
    if (content === undefined) {
      response.writeHead(404).end();
      return;
    }
    this.#send(request, response, content);
  }

  #send(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
    const { behaviour } = this;
    const etag = `"${content.length}-${content.subarray(0, 8).toString('hex')}"`;
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const ifRange = request.headers['if-range'];
    const partial = start > 0 && behaviour.ignoreRange !== true && (ifRange === undefined || ifRange === etag);
    const headers = { ...(behaviour.noEtag === true ? {} : { etag }), ...behaviour.headers };
    if (partial && start >= content.length) {
      response.writeHead(416, { ...headers, 'content-range': `bytes */${content.length}` }).end();
      return;
    }
    const body = partial ? content.subarray(start) : content;
    const contentRange = `bytes ${start}-${content.length - 1}/${content.length}`;
    response.writeHead(partial ? 206 : 200, {
      ...headers,
      'content-length': body.length,
      ...(partial ? { 'content-range': contentRange } : {}),
    });
    void this.#sendBody(response, body);
  }

  async #sendBody(response: ServerResponse, body: Buffer): Promise<void> {
    const { behaviour } = this;
    const breaking = behaviour.breakAfterBytes !== undefined && (behaviour.breaks ?? Infinity) > 0;
    if (breaking) behaviour.breaks = (behaviour.breaks ?? Infinity) - 1;
    const limit = Math.min(
      body.length,
      breaking ? (behaviour.breakAfterBytes ?? 0) : (behaviour.stallAfterBytes ?? Infinity),
    );
    const piece = behaviour.slowPieceBytes ?? limit;
    for (let at = 0; at < limit && !response.destroyed; at += piece) {
      const chunk = body.subarray(at, Math.min(limit, at + piece));
      await new Promise((resolve) => response.write(chunk, resolve));
      if (behaviour.slowPieceBytes !== undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (limit === body.length) response.end();
    else if (breaking) {
      await new Promise((resolve) => setTimeout(resolve, 20)); // what was written shall arrive
      response.destroy();
    }
  }
}
