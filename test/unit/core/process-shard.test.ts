import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cancelJob } from '../../../src/core/cancel-job.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import { defaultResultsPrefix, jobHeadKey, recordKey, shardKey, shardName } from '../../../src/core/keys.ts';
import { requireShard } from '../../../src/core/ledger.ts';
import { planJob } from '../../../src/core/planner.ts';
import type { SynthesisRequest } from '../../../src/core/ports.ts';
import { processShard, type ProcessShardDeps, type SegmentEvent } from '../../../src/core/process-shard.ts';
import type { ItemOutcome, ShardRecord } from '../../../src/core/record.ts';
import type { JobRequest } from '../../../src/core/submit-job.ts';
import { takeSeed } from '../../../src/core/seeds.ts';
import { audio, clock, FakeEngine, HOP, jsonLines, model, planning, RATE, submitted } from './fakes.ts';
import { MemoryStore } from './memory-store.ts';

const THREE = jsonLines(
  { id: 'a', text: 'First one. Second one.', metadata: { title: 'A' } },
  { id: 'b', text: 'Third.' },
  { id: 'c', text: 'Fourth. Second one.' },
);

async function bench(manifest = THREE, more: Partial<JobRequest> = {}) {
  const store = new MemoryStore();
  const results = new MemoryStore();
  const engine = new FakeEngine();
  const head = await submitted(store, manifest, more);
  await planJob(head, { ...planning, store });
  const events: SegmentEvent[] = [];
  const deps: ProcessShardDeps = {
    store,
    openResults: async () => ({ store: results, prefix: 'out/' }),
    engine,
    modelDigest: model.digest,
    audio,
    now: clock(),
    onSegment: (event) => events.push(event),
  };
  const run = (context: { signal?: AbortSignal; lastAttempt?: boolean; number?: number } = {}) =>
    processShard(
      { jobId: 'job', shardId: shardName(context.number ?? 1) },
      { signal: context.signal ?? new AbortController().signal, lastAttempt: context.lastAttempt ?? false },
      deps,
    );
  const record = (number = 1) => store.json(recordKey('job', shardName(number))) as ShardRecord;
  return { store, results, engine, deps, run, record, events, head };
}

const errorsOf = (items: ItemOutcome[]) =>
  items.flatMap((item) => (item.status === 'failed' ? [[item.item, item.error.code, item.error.retryable]] : []));
const on = (text: string, fail: () => void) => async (request: SynthesisRequest) => {
  if (request.text === text) fail();
};
const failWith =
  (...error: ConstructorParameters<typeof NarratorError>) =>
  () => {
    throw new NarratorError(...error);
  };

describe('processShard', () => {
  it('leaves nothing behind for a job that is deleted while it works, but segments, which others may share', async () => {
    const { store, engine, deps, head } = await bench();
    const prefix = defaultResultsPrefix('job');
    const late = { ...deps, openResults: async () => ({ store, prefix }) };
    const context = { signal: new AbortController().signal, lastAttempt: false };
    const before = store.keys('jobs/').filter((key) => key !== jobHeadKey('job'));
    const deletedBefore = (key: RegExp) => (put: string) => void (key.test(put) && store.delete(jobHeadKey('job')));
    for (const moment of [/^segments/, /results\/a\.wav/, /\/records\//]) {
      engine.before = async () => undefined;
      await store.put(jobHeadKey('job'), new TextEncoder().encode(JSON.stringify(head)));
      for (const key of store.keys('segments/')) await store.delete(key);
      store.beforePut = deletedBefore(moment);
      const message = { jobId: 'job', shardId: shardName(1) };
      await assert.rejects(processShard(message, context, late), { code: 'job_not_found' });
      store.beforePut = () => undefined;
      assert.deepEqual(store.keys('jobs/'), before, String(moment));
      assert.ok(store.keys('segments/').length > 0);
    }
  });

  it('writes nothing for another job by the name of the one that it was given', async () => {
    const { store, engine, deps, head, results } = await bench();
    engine.before = async () => {
      const other = { ...head, createdAt: '2030-01-01T00:00:00.000Z' };
      await store.put(jobHeadKey('job'), new TextEncoder().encode(JSON.stringify(other)));
    };
    const context = { signal: new AbortController().signal, lastAttempt: false };
    const message = { jobId: 'job', shardId: shardName(1) };
    await assert.rejects(processShard(message, context, deps), { code: 'job_not_found' });
    assert.deepEqual(store.keys('jobs/job/records/'), []);
    assert.ok(results.keys().length > 0);
  });

  it('renders every item, with a file beside it that says what is heard when', async () => {
    const { results, run, record, engine } = await bench();
    assert.equal(await run(), 'recorded');
    assert.deepEqual(results.keys(), ['out/a.json', 'out/a.wav', 'out/b.json', 'out/b.wav', 'out/c.json', 'out/c.wav']);
    const [first, second] = ['First one.', 'Second one.'].map((text) => text.length * HOP) as [number, number];
    const pause = 0.3 * RATE;
    assert.equal(results.text('out/a.wav').split('\n')[0], `int16 ${first + pause + second}`);
    const sidecar = results.json('out/a.json') as Record<string, unknown> & { segments: Record<string, unknown>[] };
    assert.equal(sidecar.seconds, (first + pause + second) / RATE);
    assert.deepEqual(sidecar.metadata, { title: 'A' });
    assert.deepEqual(sidecar.model, { id: 'fake', digest: model.digest });
    assert.deepEqual(
      sidecar.segments.map(({ text, spoken, start, end, take }) => ({ text, spoken, start, end, take })),
      [
        { text: 'First one. ', spoken: 'First one.', start: 0, end: first / RATE, take: 1 },
        {
          text: 'Second one.',
          spoken: 'Second one.',
          start: (first + pause) / RATE,
          end: (first + pause + second) / RATE,
          take: 1,
        },
      ],
    );
    assert.deepEqual(
      record().items.map(({ status, line }) => [status, line]),
      [
        ['done', 1],
        ['done', 2],
        ['done', 3],
      ],
    );
    assert.equal(engine.requests.length, 4, 'a sentence that stands twice is synthesised once');
    assert.equal(engine.requests[0]?.label, 'item a, segment 1');
  });

  it('takes the plan that came with the message, and does not read it', async () => {
    const { store, deps, record } = await bench();
    const shard = await requireShard(store, 'job', shardName(1));
    await store.delete(shardKey('job', shardName(1)));
    const context = { signal: new AbortController().signal, lastAttempt: false, shard };
    assert.equal(await processShard(shard, context, deps), 'recorded');
    assert.equal(record().items.length, 3);
    const other = { ...context, shard: { ...shard, shardId: shardName(2), modelDigest: 'another' } };
    await assert.rejects(processShard(other.shard, other, deps), { code: 'model_mismatch' });
  });

  it('asks the engine for everything at once', async () => {
    const { engine, run } = await bench();
    let waiting = 0;
    let release = () => {};
    const all = new Promise<void>((resolve) => (release = resolve));
    engine.before = () => (++waiting === 4 && release(), all);
    await run();
    assert.equal(waiting, 4);
  });

  it('does nothing when there is a record', async () => {
    const { run, engine, results } = await bench();
    await run();
    const [asked, text] = [engine.requests.length, results.text('out/a.json')];
    assert.equal(await run(), 'already-recorded');
    assert.equal(engine.requests.length, asked);
    assert.equal(results.text('out/a.json'), text);
  });

  it('takes stored segments, their warnings too, and says that they were reused', async () => {
    const first = await bench();
    first.engine.warnings = [{ check: 'clipping', message: 'It clips.' }];
    await first.run();
    await first.store.delete(recordKey('job', shardName(1)));
    const sidecar = first.results.text('out/a.json');
    await first.run();
    assert.equal(first.engine.requests.length, 4);
    assert.equal(first.results.text('out/a.json'), sidecar);
    assert.match(sidecar, /It clips/);
    const [item] = first.record().items;
    assert.ok(item?.status === 'done' && item.segments.every(({ reused }) => reused));
    assert.equal(first.events.filter(({ reused }) => reused).length, 4);
  });

  it('makes a stored segment again that is damaged', async () => {
    const { run, store, engine, results } = await bench();
    await run();
    const wav = results.text('out/b.wav');
    await store.delete(recordKey('job', shardName(1)));
    for (const key of store.keys('segments/').filter((name) => name.endsWith('.wav')))
      await store.put(key, new Uint8Array(3));
    await run();
    assert.equal(engine.requests.length, 8);
    assert.equal(results.text('out/b.wav'), wav);
  });

  it('neither takes nor stores segments when reuse is off', async () => {
    const { run, store, results } = await bench(THREE, { reuse: false });
    await run();
    assert.deepEqual(store.keys('segments/'), []);
    assert.equal(results.keys().length, 6);
  });

  it('lets a failing segment fail its item, by name, and no other', async () => {
    const { run, engine, results, record } = await bench();
    engine.before = on('First one.', failWith('segment_crashes_engine', 'It crashed.'));
    assert.equal(await run(), 'recorded');
    assert.deepEqual(errorsOf(record().items), [['a', 'segment_crashes_engine', false]]);
    const [failed] = record().items;
    assert.ok(failed?.status === 'failed');
    assert.equal(failed.error.message, 'Segment 1 of 2 ("First one. "): It crashed.');
    assert.equal(failed.error.line, 1);
    assert.deepEqual(
      results.keys().filter((key) => key.endsWith('.wav')),
      ['out/b.wav', 'out/c.wav'],
    );
  });

  it('throws what may pass, after the others were stored, and decides nothing', async () => {
    const { run, engine, store } = await bench();
    engine.before = on('Third.', failWith('engine_crashed', 'It died.'));
    await assert.rejects(
      run(),
      (error) => error instanceof NarratorError && error.retryable && error.message === 'It died.',
    );
    assert.deepEqual(store.keys('jobs/job/records/'), []);
    engine.before = async () => undefined;
    await run();
    assert.equal(engine.requests.length, 5, 'only the failed segment is asked for again');
  });

  it('records what may pass as the item’s error on the last attempt', async () => {
    const { run, engine, record } = await bench();
    engine.before = on('Third.', failWith('engine_timeout', 'It hung.'));
    await run({ lastAttempt: true });
    assert.deepEqual(errorsOf(record().items), [['b', 'engine_timeout', true]]);
  });

  it('never records a full disk or a shutdown as the fault of an item', async () => {
    for (const code of ['store_full', 'engine_stopped'] as const) {
      const { run, engine, store } = await bench();
      engine.before = on('Third.', failWith(code, 'x'));
      await assert.rejects(run({ lastAttempt: true }), { code });
      assert.deepEqual(store.keys('jobs/job/records/'), []);
    }
  });

  it('deletes the audio that an earlier attempt wrote of an item that fails in the end', async () => {
    const { run, engine, results, record } = await bench(THREE, { reuse: false });
    engine.before = on('Third.', failWith('engine_crashed', 'x'));
    await assert.rejects(run());
    assert.ok(results.keys().includes('out/a.wav'));
    engine.before = on('First one.', failWith('engine_crashed', 'x'));
    await run({ lastAttempt: true });
    assert.deepEqual(errorsOf(record().items), [['a', 'engine_crashed', true]]);
    assert.deepEqual(results.keys(), ['out/b.json', 'out/b.wav', 'out/c.json', 'out/c.wav']);
  });

  it('lets the record that was first count, and withdraws audio that contradicts it', async () => {
    const { run, engine, results, store, record } = await bench();
    const other = { ...(await winner()), startedAt: 'the other worker' };
    engine.before = async () => {
      await store.put(recordKey('job', shardName(1)), Buffer.from(JSON.stringify(other)), { ifAbsent: true });
    };
    assert.equal(await run(), 'already-recorded');
    assert.equal(record().startedAt, 'the other worker');
    assert.deepEqual(results.keys(), ['out/b.json', 'out/b.wav', 'out/c.json', 'out/c.wav']);
  });

  async function winner(): Promise<ShardRecord> {
    const other = await bench();
    other.engine.before = on('First one.', failWith('engine_timeout', 'x'));
    await other.run({ lastAttempt: true });
    return other.record();
  }

  it('takes a segment again with another seed when its waveform is invalid, and says which take is heard', async () => {
    const { run, engine, record, results, store } = await bench();
    const seeds: string[] = [];
    engine.before = async ({ text, seed }) => {
      if (text !== 'Third.') return;
      seeds.push(seed);
      if (seeds.length < 3) throw new NarratorError('waveform_invalid', 'Silence.');
    };
    await run();
    assert.deepEqual(seeds, [seeds[0], takeSeed(seeds[0] ?? '', 2), takeSeed(seeds[0] ?? '', 3)]);
    const b = record().items[1];
    assert.ok(b?.status === 'done');
    assert.equal(b.segments[0]?.take, 3);
    assert.equal(b.segments[0]?.seed, seeds[2]);
    assert.match(results.text('out/b.json'), /"take":3/);
    const planned = store.json(shardKey('job', shardName(1))) as { parts: { segments: { key: string }[] }[] };
    assert.notEqual(b.segments[0]?.key, planned.parts[1]?.segments[0]?.key, 'every take has a key of its own');
  });

  it('gives up after three takes', async () => {
    const { run, engine, record } = await bench();
    engine.before = on('Third.', failWith('waveform_invalid', 'Silence.'));
    await run();
    assert.deepEqual(errorsOf(record().items), [['b', 'waveform_invalid', false]]);
    assert.equal(engine.requests.filter(({ text }) => text === 'Third.').length, 3);
  });

  it('stores the parts of an item that spans shards, whatever the job says of reuse', async () => {
    const text = Array.from({ length: 4 }, (_, n) => `${String(n).repeat(59)}.`).join(' ');
    const { run, record, results, store } = await bench(jsonLines({ id: 'long', text }), {
      shardSeconds: 1.3,
      reuse: false,
    });
    await run();
    const [part] = record().items;
    assert.ok(part?.status === 'part');
    assert.equal(part.segments.length, 2);
    assert.equal(store.keys('segments/').length, 2);
    assert.deepEqual(results.keys(), []);
    await run({ number: 2 });
    const [second] = record(2).items;
    assert.ok(second?.status === 'part' && second.firstSegment === 2);
  });

  it('records rejected lines in their place', async () => {
    const { run, record } = await bench(
      `${jsonLines({ id: 'a', text: 'x' })}bad\n${jsonLines({ id: 'b', text: 'y' })}`,
    );
    await run();
    assert.deepEqual(
      record().items.map(({ status, line }) => [status, line]),
      [
        ['done', 1],
        ['failed', 2],
        ['done', 3],
      ],
    );
  });

  it('does nothing for a cancelled job but to record it', async () => {
    const { run, engine, record, store } = await bench();
    await cancelJob('job', { store, now: clock() });
    assert.equal(await run(), 'recorded');
    assert.equal(engine.requests.length, 0);
    assert.deepEqual(
      errorsOf(record().items).map(([, code]) => code),
      ['cancelled', 'cancelled', 'cancelled'],
    );
  });

  const hangOn = (engine: FakeEngine, text: string, onHang: () => void) => {
    engine.before = async (request, signal) => {
      if (request.text !== text) return;
      await new Promise<void>((resolve) => {
        signal?.addEventListener('abort', () => resolve());
        setImmediate(onHang);
      });
    };
  };

  it('keeps what is finished when it is cancelled in the middle', async () => {
    const { run, engine, record, store, results } = await bench();
    const stop = new AbortController();
    hangOn(engine, 'Third.', () => void cancelJob('job', { store, now: clock() }).then(() => stop.abort()));
    assert.equal(await run({ signal: stop.signal }), 'recorded');
    assert.deepEqual(errorsOf(record().items), [['b', 'cancelled', false]]);
    assert.deepEqual(
      results.keys().filter((key) => key.endsWith('.wav')),
      ['out/a.wav', 'out/c.wav'],
    );
  });

  it('decides nothing when its process shuts down', async () => {
    const { run, engine, store } = await bench();
    const stop = new AbortController();
    hangOn(engine, 'Third.', () => stop.abort());
    await assert.rejects(run({ signal: stop.signal, lastAttempt: true }), { code: 'engine_stopped', retryable: true });
    assert.deepEqual(store.keys('jobs/job/records/'), []);
  });

  it('refuses a shard that was planned for another model, and one of no job', async () => {
    const { deps, run } = await bench();
    const context = { signal: new AbortController().signal, lastAttempt: true };
    const message = { jobId: 'job', shardId: shardName(1) };
    await assert.rejects(processShard(message, context, { ...deps, modelDigest: 'other' }), { code: 'model_mismatch' });
    await assert.rejects(processShard({ ...message, jobId: 'nobody' }, context, deps), { code: 'job_not_found' });
    await assert.rejects(run({ number: 9 }), { code: 'ledger_corrupt' });
  });
});
