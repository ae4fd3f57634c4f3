/** A proxy in front of a server of this machine that answers as badly as a test wants. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ProxiedRequest {
  readonly method: string;
  /** path and query */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export type Fault =
  /** answered by the proxy, in S3's words */
  | { readonly kind: 'status'; readonly status: number; readonly code: string }
  /** the connection ends before the server hears of the request */
  | { readonly kind: 'drop-request' }
  /** the server does it, and the connection ends without an answer */
  | { readonly kind: 'drop-answer' }
  /** the answer breaks off after so many bytes of its body */
  | { readonly kind: 'break-answer'; readonly afterBytes: number }
  /** the server hears of it so much later */
  | { readonly kind: 'slow'; readonly afterMs: number }
  /** nothing ever comes */
  | { readonly kind: 'hang' };

export class UnreliableProxy {
  readonly #server: Server;
  readonly #target: URL;
  /** every request since the last reset */
  readonly requests: ProxiedRequest[] = [];
  #faults: (request: ProxiedRequest) => Fault | undefined = () => undefined;

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((incoming, response) => this.#answer(incoming, response));
  }

  static async start(target: string): Promise<UnreliableProxy> {
    const proxy = new UnreliableProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Forgets the requests so far, and breaks those to come as `faults` says. */
  reset(faults: (request: ProxiedRequest) => Fault | undefined = () => undefined): void {
    this.requests.length = 0;
    this.#faults = faults;
  }

  /** The first `times` requests for which `concerns` holds go wrong. */
  breakFirst(times: number, fault: Fault, concerns: (request: ProxiedRequest) => boolean = () => true): void {
    let left = times;
    this.reset((request) => (concerns(request) && left-- > 0 ? fault : undefined));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(incoming: IncomingMessage, response: ServerResponse): void {
    const { method = 'GET', url = '/', headers } = incoming;
    const seen = { method, url, headers };
    this.requests.push(seen);
    const fault = this.#faults(seen);
    switch (fault?.kind) {
      case 'drop-request':
        incoming.socket.destroy();
        return;
      case 'hang':
        incoming.resume();
        return;
      case 'status': {
        incoming.resume();
        const xml = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${fault.code}</Code><Message>no</Message></Error>`;
        // Answered once the request is heard out, so that the connection can serve the next.
        incoming.on('end', () => {
          response.writeHead(fault.status, { 'content-type': 'application/xml' }).end(method === 'HEAD' ? '' : xml);
        });
        return;
      }
      case 'slow':
        setTimeout(() => this.#forward(incoming, response, undefined), fault.afterMs).unref();
        return;
      case 'drop-answer':
      case 'break-answer':
      case undefined:
        this.#forward(incoming, response, fault);
    }
  }

  #forward(
    incoming: IncomingMessage,
    response: ServerResponse,
    fault: Extract<Fault, { kind: 'drop-answer' | 'break-answer' }> | undefined,
  ): void {
    const { hostname, port } = this.#target;
    const { method, url, headers } = incoming;
    const outgoing = request({ hostname, port, method, path: url, headers }, (answer) => {
      if (fault?.kind === 'drop-answer') {
        answer.resume().on('end', () => incoming.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (fault === undefined) answer.pipe(response);
      else void breakOff(answer, response, fault.afterBytes);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  }
}

async function breakOff(answer: IncomingMessage, response: ServerResponse, afterBytes: number): Promise<void> {
  let left = afterBytes;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    const piece = chunk.subarray(0, left);
    left -= piece.byteLength;
    await new Promise((resolve) => response.write(piece, resolve));
    if (left === 0) break;
  }
  response.socket?.end(() => response.destroy());
}
