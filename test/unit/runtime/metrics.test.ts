import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { beforeEach, test } from 'node:test';
import { NarratorError } from '../../../src/core/errors.ts';
import type { SynthesisEngine, SynthesisRequest } from '../../../src/core/ports.ts';
import { Metrics } from '../../../src/runtime/metrics.ts';

const STATISTICS = {
  batches: 3,
  items: 12,
  paddedFrames: 100,
  realFrames: 80,
  samplerMs: 1,
  vocoderMs: 1,
  outOfMemory: 1,
  crashes: 2,
  waiting: 5,
  running: 4,
  restarts: 2,
};
const REQUEST = { key: 'k' } as SynthesisRequest;

let metrics: Metrics;
beforeEach(() => {
  metrics = new Metrics({ version: '1.2.3', model: 'tiny' });
});

/** Values by series, as Prometheus would read them. */
async function series(): Promise<Map<string, number>> {
  const lines = (await metrics.render()).split('\n').filter((line) => line.startsWith('narrator_'));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(/ (\S+)$/.exec(line)?.[1])]));
}

test('docs/metrics.md has every name with its type, and none besides', async () => {
  metrics.watchEngine(() => STATISTICS);
  metrics.watchQueue(() => Promise.resolve({ waiting: 1 }));
  metrics.watchOpenJobs(() => Promise.resolve(1));
  const page = await readFile(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `(narrator_\w+)` \| (\w+) \|/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  const registered = [...(await metrics.render()).matchAll(/^# TYPE (narrator_\w+ \w+)$/gm)].map(([, one]) => one);
  assert.deepEqual(documented.sort(), registered.sort());
});

test('batches give fill, padding and the real-time factor', async () => {
  const passedOn: string[] = [];
  const log = metrics.listening((event) => passedOn.push(event));
  log('batch_done', { size: 4, paddedFrames: 100, realFrames: 75, samplerMs: 900, vocoderMs: 80, tookMs: 1000 });
  log('batch_failed', { size: 4, code: 'engine_crashed' });
  const speech = { samples: new Float32Array(48_000), sampleRateHz: 24_000, warnings: [] };
  await metrics.measured(engine(() => Promise.resolve(speech))).synthesise(REQUEST);

  const values = await series();
  assert.equal(values.get('narrator_batch_frames_total{kind="padding"}'), 25);
  assert.equal(values.get('narrator_padding_ratio'), 0.25);
  assert.equal(values.get('narrator_batch_segments_sum'), 4);
  assert.equal(values.get('narrator_batch_stage_seconds_sum{stage="sampler"}'), 0.9);
  assert.equal(values.get('narrator_batches_total{outcome="failed"}'), 1);
  assert.equal(values.get('narrator_audio_seconds_total'), 2);
  assert.equal(values.get('narrator_real_time_factor'), 0.5);
  assert.equal(metrics.realTimeFactor, 0.5);
  assert.deepEqual(passedOn, ['batch_done', 'batch_failed']);
});

test('segments are counted by what became of them, and fail as before', async () => {
  const error = new NarratorError('waveform_invalid', 'silent');
  const measured = metrics.measured(engine(() => Promise.reject(error)));
  await assert.rejects(measured.synthesise(REQUEST), error);
  metrics.observeSegment({ jobId: 'j', shardId: 's', audioSeconds: 1, reused: true });
  metrics.observeSegment({ jobId: 'j', shardId: 's', audioSeconds: 1, reused: false });
  const values = await series();
  assert.equal(values.get('narrator_segments_total{outcome="failed"}'), 1);
  assert.equal(values.get('narrator_segments_total{outcome="reused"}'), 1);
  assert.equal(values.get('narrator_errors_total{source="segment",code="waveform_invalid"}'), 1);
});

test('a finished job counts with its items and their errors', async () => {
  const summary = {
    v: 1 as const,
    jobId: 'secret-name',
    outcome: 'partially_failed' as const,
    createdAt: '2026-01-01T00:00:00.000Z',
    finishedAt: '2026-01-01T00:00:30.000Z',
    items: 5,
    succeeded: 3,
    failed: 2,
    segments: 9,
    reusedSegments: 0,
    retakenSegments: 0,
    audioSeconds: 10,
    errors: { text_empty: 2 },
  };
  metrics.observeController({ type: 'finished', jobId: 'secret-name', summary });
  metrics.observeController({
    type: 'problem',
    jobId: 'secret-name',
    error: new NarratorError('store_unavailable', 'away'),
  });
  const values = await series();
  assert.equal(values.get('narrator_jobs_finished_total{outcome="partially_failed"}'), 1);
  assert.equal(values.get('narrator_job_seconds_sum{outcome="partially_failed"}'), 30);
  assert.equal(values.get('narrator_items_total{outcome="failed"}'), 2);
  assert.equal(values.get('narrator_errors_total{source="item",code="text_empty"}'), 2);
  assert.equal(values.get('narrator_errors_total{source="job",code="store_unavailable"}'), 1);
  assert.doesNotMatch(await metrics.render(), /secret-name/);
});

test('requests are counted by declared route and by known method only', async () => {
  metrics.observeRequest({ method: 'GET', route: '/v1/jobs/:id', status: 200, seconds: 0.25 });
  metrics.observeRequest({ method: 'BREW', route: undefined, status: 404, seconds: 0.25 });
  const values = await series();
  assert.equal(values.get('narrator_http_request_seconds_sum{method="GET",route="/v1/jobs/:id",status="200"}'), 0.25);
  assert.equal(values.get('narrator_http_request_seconds_count{method="other",route="none",status="404"}'), 1);
});

test('the engine and the queue are looked at when somebody asks; a queue that is away is left out', async () => {
  metrics.watchEngine(() => STATISTICS);
  let away = false;
  metrics.watchOpenJobs(() => (away ? Promise.reject(new Error('no store')) : Promise.resolve(3)));
  metrics.watchQueue(() => (away ? Promise.reject(new Error('no Redis')) : Promise.resolve({ waiting: 7, active: 2 })));
  for (let i = 0; i < 2; i++) {
    const values = await series();
    assert.equal(values.get('narrator_engine_segments{state="waiting"}'), 5);
    assert.equal(values.get('narrator_engine_failures_total{kind="crash"}'), 2);
    assert.equal(values.get('narrator_queue_messages{state="waiting"}'), 7);
    assert.equal(values.get('narrator_jobs_open'), 3);
  }
  away = true;
  const values = await series();
  assert.deepEqual(
    [values.get('narrator_queue_messages{state="waiting"}'), values.get('narrator_jobs_open')],
    [undefined, undefined],
  );
});

function engine(synthesise: SynthesisEngine['synthesise']): SynthesisEngine {
  return { start: () => Promise.reject(new Error('not here')), close: () => Promise.resolve(), synthesise };
}
