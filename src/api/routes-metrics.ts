/** GET /metrics for Prometheus. */
import type { Express } from 'express';
import { requireScope } from './auth.ts';

export interface AnsweredRequest {
  readonly method: string;
  /** as it was declared, '/v1/jobs/:id'; undefined: no route was found, or none was reached */
  readonly route: string | undefined;
  readonly status: number;
  readonly seconds: number;
}

export interface MetricsDeps {
  /** absent: there is no such route */
  readonly metrics?: {
    readonly contentType: string;
    readonly render: () => Promise<string>;
    /** hears of every request, however it ended */
    readonly observeRequest: (request: AnsweredRequest) => void;
  };
}

export function addMetricsRoutes(app: Express, { metrics }: MetricsDeps): void {
  if (metrics === undefined) return;
  app.get('/metrics', requireScope('admin'), async (_request, response) => {
    const text = await metrics.render();
    response.setHeader('content-type', metrics.contentType);
    response.send(text);
  });
}
