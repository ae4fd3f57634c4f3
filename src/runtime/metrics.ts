/**
 * What Prometheus is told; docs/metrics.md lists every name. Whoever wires the program hands events and logs to one Metrics;
 * labels come from fixed sets, never from ids, texts or addresses, so that the number of series stays small.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AnsweredRequest } from '../api/routes-metrics.ts';
import type { ControllerEvent } from '../core/controller.ts';
import { toNarratorError } from '../core/errors.ts';
import type { SynthesisEngine } from '../core/ports.ts';
import type { SegmentEvent } from '../core/process-shard.ts';
import type { JobSummary } from '../core/record.ts';
import type { EngineProcess } from '../engine/engine-process.ts';

type Log = (event: string, fields?: Record<string, unknown>) => void;

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'];
const MS = 1000;

export class Metrics {
  readonly #registry = new Registry();
  #audioSeconds = 0;
  #batchSeconds = 0;

  readonly #requests = this.#histogram({
    name: 'narrator_http_request_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
  });
  readonly #jobs = this.#counter('narrator_jobs_finished_total', 'Jobs that ended, once a round', ['outcome']);
  readonly #planned = this.#counter('narrator_jobs_planned_total', 'Jobs that were planned, once a round');
  readonly #jobSeconds = this.#histogram({
    name: 'narrator_job_seconds',
    help: 'Time from the acceptance of a job to its end',
    labelNames: ['outcome'],
    buckets: [1, 10, 60, 600, 3600, 6 * 3600, 24 * 3600],
  });
  readonly #items = this.#counter('narrator_items_total', 'Items of jobs that ended', ['outcome']);
  readonly #errors = this.#counter('narrator_errors_total', 'Errors by code', ['source', 'code']);
  readonly #segments = this.#counter('narrator_segments_total', 'Segments by what became of them', ['outcome']);
  readonly #audio = this.#counter('narrator_audio_seconds_total', 'Seconds of speech synthesised');
  readonly #segmentSeconds = this.#histogram({
    name: 'narrator_segment_seconds',
    help: 'Time from asking the engine for a segment to having it, waiting included',
    labelNames: [],
    buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300],
  });
  readonly #batches = this.#counter('narrator_batches_total', 'Batches by how they ended', ['outcome']);
  readonly #batchSize = this.#histogram({
    name: 'narrator_batch_segments',
    help: 'Segments in one batch',
    labelNames: [],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
  });
  readonly #batchFrames = this.#counter(
    'narrator_batch_frames_total',
    'Frames that the model computed: asked for, or padding',
    ['kind'],
  );
  readonly #stages = this.#histogram({
    name: 'narrator_batch_stage_seconds',
    help: 'Time of one batch in the sampler, in the vocoder, and in all',
    labelNames: ['stage'],
    buckets: [0.05, 0.2, 0.5, 1, 2, 5, 10, 30, 120],
  });
  readonly #deliveries = this.#counter('narrator_deliveries_total', 'Tries to deliver a notification', [
    'kind',
    'outcome',
  ]);

  constructor(about: { readonly version: string; readonly model: string }) {
    collectDefaultMetrics({ register: this.#registry });
    this.#gauge('narrator_info', 'Always 1: which version runs which model', ['version', 'model']).set(about, 1);
    this.#gauge(
      'narrator_padding_ratio',
      'Share of padding in all frames computed since the start',
      [],
      async (gauge) => {
        const { values } = await this.#batchFrames.get();
        const of = (kind: string) => values.find(({ labels }) => labels['kind'] === kind)?.value ?? 0;
        const all = of('real') + of('padding');
        if (all > 0) gauge.set(of('padding') / all);
      },
    );
    this.#gauge(
      'narrator_real_time_factor',
      'Seconds of work for each second of speech since the start',
      [],
      (gauge) => {
        if (this.realTimeFactor !== undefined) gauge.set(this.realTimeFactor);
      },
    );
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  render(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Seconds of work for each second of speech since the start; undefined until there is some, and where the engine is elsewhere. */
  get realTimeFactor(): number | undefined {
    return this.#audioSeconds > 0 ? this.#batchSeconds / this.#audioSeconds : undefined;
  }

  // ---------------------------------------------------------------- what is handed in

  readonly observeRequest = ({ method, route, status, seconds }: AnsweredRequest): void => {
    const labels = { method: METHODS.includes(method) ? method : 'other', route: route ?? 'none', status };
    this.#requests.observe(labels, seconds);
  };

  readonly observeController = (event: ControllerEvent): void => {
    if (event.type === 'planned') this.#planned.inc();
    else if (event.type === 'problem') this.#errors.inc({ source: 'job', code: event.error.code });
    else if (event.type === 'finished') this.#finished(event.summary);
  };

  #finished({ outcome, createdAt, finishedAt, succeeded, failed, errors }: JobSummary): void {
    this.#jobs.inc({ outcome });
    this.#jobSeconds.observe({ outcome }, (Date.parse(finishedAt) - Date.parse(createdAt)) / MS);
    this.#items.inc({ outcome: 'succeeded' }, succeeded);
    this.#items.inc({ outcome: 'failed' }, failed);
    for (const [code, count] of Object.entries(errors)) this.#errors.inc({ source: 'item', code }, count);
  }

  /** Of processShard. What was synthesised is counted where it is: by `measured`. */
  readonly observeSegment = ({ reused }: SegmentEvent): void => {
    if (reused) this.#segments.inc({ outcome: 'reused' });
  };

  observeDelivery(kind: 'webhook' | 'sqs' | 'sns', outcome: 'delivered' | 'failed' | 'given-up'): void {
    this.#deliveries.inc({ kind, outcome });
  }

  /** The log that the engine and the API are given: counts what goes through, and hands it on. */
  listening(log: Log): Log {
    return (event, fields = {}) => {
      if (event === 'batch_done') this.#batchDone(fields as unknown as BatchDone);
      else if (event === 'batch_failed') this.#batches.inc({ outcome: 'failed' });
      else if (event === 'request.failed') this.#errors.inc({ source: 'request', code: String(fields['code']) });
      log(event, fields);
    };
  }

  #batchDone({ size, paddedFrames, realFrames, samplerMs, vocoderMs, tookMs }: BatchDone): void {
    this.#batches.inc({ outcome: 'done' });
    this.#batchSize.observe(size);
    this.#batchFrames.inc({ kind: 'real' }, realFrames);
    this.#batchFrames.inc({ kind: 'padding' }, paddedFrames - realFrames);
    this.#stages.observe({ stage: 'sampler' }, samplerMs / MS);
    this.#stages.observe({ stage: 'vocoder' }, vocoderMs / MS);
    this.#stages.observe({ stage: 'all' }, tookMs / MS);
    this.#batchSeconds += tookMs / MS;
  }

  /** The same engine, with its segments counted. */
  measured(engine: SynthesisEngine): SynthesisEngine {
    return {
      start: () => engine.start(),
      close: (options) => engine.close(options),
      synthesise: async (request, options) => {
        const startedAt = performance.now();
        try {
          const speech = await engine.synthesise(request, options);
          const seconds = speech.samples.length / speech.sampleRateHz;
          this.#segments.inc({ outcome: 'synthesised' });
          this.#audio.inc(seconds);
          this.#audioSeconds += seconds;
          this.#segmentSeconds.observe((performance.now() - startedAt) / MS);
          return speech;
        } catch (thrown) {
          const { code } = toNarratorError(thrown);
          this.#segments.inc({ outcome: code === 'cancelled' ? 'cancelled' : 'failed' });
          this.#errors.inc({ source: 'segment', code });
          throw thrown;
        }
      },
    };
  }

  // ---------------------------------------------------------------- what is looked up when it is asked for

  watchEngine(statistics: () => EngineProcess['statistics']): void {
    this.#gauge('narrator_engine_segments', 'Segments at the engine now', ['state'], (gauge) => {
      const { waiting, running } = statistics();
      gauge.set({ state: 'waiting' }, waiting);
      gauge.set({ state: 'running' }, running);
    });
    const failures = this.#counter(
      'narrator_engine_failures_total',
      'Batches that ran out of memory or took the engine process down, and restarts of it',
      ['kind'],
      () => {
        const { outOfMemory, crashes, restarts } = statistics();
        failures.reset();
        failures.inc({ kind: 'out-of-memory' }, outOfMemory);
        failures.inc({ kind: 'crash' }, crashes);
        failures.inc({ kind: 'restart' }, restarts);
      },
    );
  }

  /** @param depth messages by state, such as waiting and active. Left out while it rejects. */
  watchQueue(depth: () => Promise<Readonly<Record<string, number>>>): void {
    this.#gauge('narrator_queue_messages', 'Messages in the queue now', ['state'], async (gauge) => {
      gauge.reset();
      const counts = await depth().catch(() => ({}));
      for (const [state, count] of Object.entries(counts)) gauge.set({ state }, count);
    });
  }

  /** @param count jobs that are not finished. Left out while it rejects. */
  watchOpenJobs(count: () => Promise<number>): void {
    this.#gauge('narrator_jobs_open', 'Jobs that are accepted and not finished', [], async (gauge) => {
      gauge.reset();
      const open = await count().catch(() => undefined);
      if (open === undefined) gauge.remove();
      else gauge.set(open);
    });
  }

  // ---------------------------------------------------------------- prom-client, with our registry

  #counter<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    collect?: () => void,
  ): Counter<L> {
    return new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      ...(collect && { collect }),
    });
  }

  #histogram<L extends string>(options: {
    name: string;
    help: string;
    labelNames: L[];
    buckets: number[];
  }): Histogram<L> {
    return new Histogram({ ...options, registers: [this.#registry] });
  }

  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L> {
    const gauge: Gauge<L> = new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      ...(collect && { collect: () => collect(gauge) }),
    });
    return gauge;
  }
}

/** Fields of the engine's event batch_done. */
interface BatchDone {
  readonly size: number;
  readonly paddedFrames: number;
  readonly realFrames: number;
  readonly samplerMs: number;
  readonly vocoderMs: number;
  readonly tookMs: number;
}
