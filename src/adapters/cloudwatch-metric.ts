/**
 * A number that CloudWatch is told once a minute, zero included: whoever scales by it sees work that SageMaker's own metrics may not
 * count, and a formula over several metrics is never without data while a server runs.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';

export interface CloudWatchMetricOptions {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly value: () => number;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
  /** default: what the AWS SDK finds */
  readonly region?: string;
  /** in place of AWS */
  readonly endpoint?: string;
  /** default: what the AWS SDK finds (variables, profile, role) */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Default 60 000 */
  readonly intervalMs?: number;
}

const INTERVAL_MS = 60_000;
const TIMEOUT_MS = 10_000;

export class CloudWatchMetric {
  readonly #options: CloudWatchMetricOptions;
  readonly #client: CloudWatchClient;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: CloudWatchMetricOptions) {
    const { region, endpoint, credentials } = options;
    this.#options = options;
    this.#client = new CloudWatchClient({
      ...(region !== undefined && { region }),
      ...(endpoint !== undefined && { endpoint }),
      ...(credentials !== undefined && { credentials }),
      requestHandler: { connectionTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS, throwOnRequestTimeout: true },
    });
  }

  /** Idempotent. Never fails: what cannot be told is logged. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#client.destroy();
  }

  async #run(): Promise<void> {
    const { value, intervalMs = INTERVAL_MS } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#publish(value());
      await delay(intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #publish(value: number): Promise<void> {
    const { namespace, name, dimensions, log } = this.#options;
    const command = new PutMetricDataCommand({
      Namespace: namespace,
      MetricData: [
        {
          MetricName: name,
          Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
          Timestamp: new Date(),
          Value: value,
          Unit: 'Count',
        },
      ],
    });
    try {
      await this.#client.send(command, { abortSignal: this.#stop.signal });
    } catch (thrown) {
      if (this.#stop.signal.aborted) return;
      log('metric.not-published', { metric: name, error: thrown instanceof Error ? thrown.name : 'unknown error' });
    }
  }
}
