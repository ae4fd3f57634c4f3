/** A server whose answers a test writes. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { ServerClient, type ServerClientOptions } from '../../../src/cli/client.ts';

export interface Asked {
  readonly request: IncomingMessage;
  readonly body: string;
}

/** @param answer is called for each request, with the number of requests before it */
export async function serving(
  t: TestContext,
  answer: (asked: Asked, response: ServerResponse, before: number) => void,
): Promise<{ url: string; asked: Asked[]; client: (more?: Partial<ServerClientOptions>) => ServerClient }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { request, body: Buffer.concat(chunks).toString() };
      asked.push(one);
      answer(one, response, asked.length - 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = (more: Partial<ServerClientOptions> = {}) => {
    const { signal } = new AbortController();
    return new ServerClient({ url, apiKey: 'the-key', signal, retryDelayMs: 1, ...more });
  };
  return { url, asked, client };
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(body));
}
