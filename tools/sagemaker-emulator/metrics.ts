/** What the endpoint would publish to CloudWatch, under the same names (AWS/SageMaker). */

/** https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html, the three s of Processsed included */
const COUNTED = [
  'RequestDownloadFailures',
  'ResponseUploadFailures',
  'NotificationFailures',
  'ExpiredRequests',
  'InvocationFailures',
  'InvocationsProcesssed',
  'Invocation4XXErrors',
  'Invocation5XXErrors',
] as const;
type Counted = (typeof COUNTED)[number];

/** Averages since the start. Microseconds for the first three, milliseconds for the others. */
type Timed =
  | 'RequestDownloadLatency'
  | 'ResponseUploadLatency'
  | 'ModelLatency'
  | 'TimeInBacklog'
  | 'TotalProcessingTime';

export interface Gauges {
  readonly waiting: number;
  readonly inFlight: number;
  /** instances in service */
  readonly instances: number;
  /** of the invocation that waits longest, in the endpoint's seconds */
  readonly oldestSeconds: number;
}

export class Metrics {
  readonly #counts = new Map<Counted, number>(COUNTED.map((name) => [name, 0]));
  readonly #times = new Map<Timed, { total: number; count: number }>();

  count(name: Counted): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** @param value in the unit of the metric */
  time(name: Timed, value: number): void {
    const { total, count } = this.#times.get(name) ?? { total: 0, count: 0 };
    this.#times.set(name, { total: total + value, count: count + 1 });
  }

  /** A metric without a value is left out: at no instances there is no backlog per instance, and that is what scaling rules must bear. */
  read({ waiting, inFlight, instances, oldestSeconds }: Gauges): Record<string, number> {
    const backlog = waiting + inFlight;
    return {
      ApproximateBacklogSize: backlog,
      ...(instances > 0 && { ApproximateBacklogSizePerInstance: backlog / instances }),
      ApproximateAgeOfOldestRequest: oldestSeconds,
      HasBacklogWithoutCapacity: waiting > 0 && instances === 0 ? 1 : 0,
      ...Object.fromEntries(this.#counts),
      ...Object.fromEntries([...this.#times].map(([name, { total, count }]) => [name, total / count])),
    };
  }
}
