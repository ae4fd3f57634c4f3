/** Somebody who receives webhooks, and answers as badly as the path that is asked for says. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export async function startUnrulyReceiver() {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      received.push({ path, headers: request.headers, body: Buffer.concat(chunks).toString() });
      const [, answer = ''] = /^\/([^/?]*)/.exec(path) ?? [];
      if (answer === 'hangs') return;
      if (answer === 'endless') {
        response.writeHead(200).write('x');
        const more = setInterval(() => response.write(Buffer.alloc(65_536)), 5);
        response.on('close', () => clearInterval(more));
        return;
      }
      if (answer === 'flaky')
        response.writeHead(received.filter((one) => one.path === path).length > 1 ? 204 : 500).end();
      else if (answer === 'redirects') response.writeHead(302, { location: '/200' }).end();
      else if (answer === 'later') response.writeHead(429, { 'retry-after': '3600' }).end('slow down');
      else response.writeHead(Number(answer)).end('whatever');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    received,
    url: (path: string) => `http://127.0.0.1:${port}${path}`,
    port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
