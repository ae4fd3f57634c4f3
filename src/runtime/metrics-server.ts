/** GET /metrics of a process that answers nothing else there: a worker, the container. It has no keys: keep it inside. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NarratorError } from '../core/errors.ts';
import type { Config } from './config.ts';
import { Metrics } from './metrics.ts';
import { version } from './version.ts';

export interface MetricsServer {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Undefined where none are asked for. */
export function openMetrics({ metricsPort, model = '' }: Partial<Pick<Config, 'metricsPort' | 'model'>>) {
  return metricsPort === undefined ? undefined : new Metrics({ version, model });
}

/** @param port 0: any free one @throws NarratorError config_invalid: it is taken */
export async function serveMetrics(
  metrics: Pick<Metrics, 'render' | 'contentType'>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') return void response.writeHead(404).end();
    void metrics.render().then(
      (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new NarratorError(
      'config_invalid',
      `The metrics cannot be served on ${host}:${port} (${code}).`,
      { field: 'NARRATOR_METRICS_PORT', hint: 'Choose another port: each worker of a machine needs its own.' },
      { cause },
    );
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
