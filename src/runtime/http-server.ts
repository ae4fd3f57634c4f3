/** The beginning and the end of an HTTP server. */
import type { Server } from 'node:http';
import { NarratorError } from '../core/errors.ts';

/** @throws NarratorError config_invalid: the place cannot be listened on */
export function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new NarratorError(
          'config_invalid',
          `${host}:${port} cannot be listened on (${cause.code}).`,
          { field: 'port', hint: 'Choose another port.' },
          { cause },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
}

/** Stops accepting, lets answers finish within `graceMs`, then breaks them off. */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
