import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { NarratorError } from '../../../src/core/errors.ts';
import type { SynthesisedSpeech, SynthesisRequest } from '../../../src/core/ports.ts';
import { Batcher, type BatchResult } from '../../../src/engine/batcher.ts';
import type { BatchPolicyOptions } from '../../../src/engine/batch-policy.ts';
import { BATCH_PRESETS } from '../../../src/engine/presets.ts';

function request(key: string, fields: Partial<SynthesisRequest> = {}): SynthesisRequest {
  return {
    key,
    label: `segment ${key}`,
    text: key,
    voiceVersion: 'voice',
    promptSamples: 2560,
    frames: 100,
    seed: '1',
    parameters: { steps: 16, cfg: 2, sway: -1, speed: 1 },
    ...fields,
  };
}

function speech({ key }: SynthesisRequest): SynthesisedSpeech {
  return { samples: Float32Array.of(key.length), sampleRateHz: 24_000, warnings: [] };
}

type Answer = (batch: readonly SynthesisRequest[]) => (SynthesisedSpeech | NarratorError)[];

/** An engine that answers when it is told to, or at once; remembers what it was given. */
function fakeEngine(answer: Answer = (batch) => batch.map(speech), policy: Partial<BatchPolicyOptions> = {}) {
  const batches: string[][] = [];
  const gate = { isOpen: true, open: () => {} };
  const start = { error: undefined as NarratorError | undefined };
  const run = async (batch: readonly SynthesisRequest[]): Promise<BatchResult> => {
    batches.push(batch.map(({ key }) => key));
    if (!gate.isOpen) await new Promise<void>((resolve) => (gate.open = resolve));
    const size = batch.length;
    const statistics = { size, paddedFrames: 128 * size, realFrames: 110 * size, samplerMs: 5, vocoderMs: 1 };
    return { outcomes: answer(batch), statistics };
  };
  const ready = async (): Promise<void> => {
    if (start.error) throw start.error;
  };
  const limits = (): BatchPolicyOptions => ({ ...BATCH_PRESETS.cuda, lingerMs: 0, ...policy });
  return { batches, gate, start, batcher: new Batcher({ runner: { ready, run }, limits }) };
}

function fails(code: string): Answer {
  return () => {
    throw new NarratorError(code as 'internal', `made to fail with ${code}`);
  };
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: NarratorError) => error.code,
  );

describe('Batcher', () => {
  it('gathers what different callers ask for while the engine is busy', async () => {
    const { batcher, batches, gate } = fakeEngine();
    gate.isOpen = false;
    const first = batcher.synthesise(request('a'));
    await tick();
    const others = ['b', 'c', 'd'].map((key) => batcher.synthesise(request(key)));
    gate.isOpen = true;
    gate.open();
    await Promise.all([first, ...others]);
    assert.deepEqual(batches, [['a'], ['b', 'c', 'd']]);
  });

  it('lets an idle engine wait a moment for company, and no longer than a batch is full', async () => {
    const { batcher, batches } = fakeEngine(undefined, { lingerMs: 60_000, maxItems: 2 });
    const first = batcher.synthesise(request('a'));
    await tick();
    await Promise.all([first, batcher.synthesise(request('b'))]);
    assert.deepEqual(batches, [['a', 'b']]);
  });

  it('keeps different solver grids and guidance apart', async () => {
    const { batcher, batches } = fakeEngine();
    const grid = { steps: 16, cfg: 2, sway: -1, speed: 1 };
    const variants = [grid, { ...grid, cfg: 1 }, { ...grid, cfg: 0 }, { ...grid, steps: 7 }, { ...grid, sway: null }];
    await Promise.all(variants.map((parameters, index) => batcher.synthesise(request(`${index}`, { parameters }))));
    assert.deepEqual(batches, [['0', '1'], ['2'], ['3'], ['4']]);
  });

  it('synthesises equal keys once, and gives each caller samples of its own', async () => {
    const { batcher, batches } = fakeEngine();
    const [one, two] = await Promise.all([batcher.synthesise(request('a')), batcher.synthesise(request('a'))]);
    assert.deepEqual(batches, [['a']]);
    assert.deepEqual(one.samples, two.samples);
    assert.notEqual(one.samples.buffer, two.samples.buffer);
  });

  it('fails a failing segment alone', async () => {
    const { batcher } = fakeEngine((batch) =>
      batch.map((each) => (each.key === 'bad' ? new NarratorError('waveform_invalid', 'silence') : speech(each))),
    );
    const codes = await Promise.all(['a', 'bad', 'c'].map((key) => codeOf(batcher.synthesise(request(key)))));
    assert.deepEqual(codes, ['ok', 'waveform_invalid', 'ok']);
  });

  it('fails the whole batch with an error that is nobody’s own, and goes on', async () => {
    let broken = true;
    const { batcher } = fakeEngine((batch) => (broken ? fails('internal')(batch) : batch.map(speech)));
    const codes = await Promise.all(['a', 'b'].map((key) => codeOf(batcher.synthesise(request(key)))));
    assert.deepEqual(codes, ['internal', 'internal']);
    broken = false;
    assert.equal(await codeOf(batcher.synthesise(request('a'))), 'ok');
  });

  it('rejects a segment that the engine forgot', async () => {
    const { batcher } = fakeEngine(() => []);
    assert.equal(await codeOf(batcher.synthesise(request('a'))), 'internal');
  });

  it('refuses lengths that cannot be compared', async () => {
    const { batcher } = fakeEngine();
    for (const frames of [0, -1, Number.NaN, 1.5]) {
      assert.equal(await codeOf(batcher.synthesise(request('a', { frames }))), 'internal');
    }
    assert.equal(await codeOf(batcher.synthesise(request('a', { promptSamples: Number.NaN }))), 'internal');
  });

  it('rejects all that wait when the engine cannot be had, and asks again for the next', async () => {
    const { batcher, start } = fakeEngine();
    start.error = new NarratorError('model_invalid', 'broken');
    const codes = await Promise.all(['a', 'b'].map((key) => codeOf(batcher.synthesise(request(key)))));
    assert.deepEqual(codes, ['model_invalid', 'model_invalid']);
    start.error = undefined;
    assert.equal(await codeOf(batcher.synthesise(request('a'))), 'ok');
  });

  it('counts batches, frames, milliseconds, and what waits and runs', async () => {
    const { batcher, gate } = fakeEngine();
    gate.isOpen = false;
    const first = batcher.synthesise(request('a'));
    await tick();
    const second = batcher.synthesise(request('b'));
    const { waiting, running } = batcher.statistics;
    assert.deepEqual({ waiting, running }, { waiting: 1, running: 1 });
    gate.isOpen = true;
    gate.open();
    await Promise.all([first, second]);
    assert.deepEqual(batcher.statistics, {
      batches: 2,
      items: 2,
      paddedFrames: 256,
      realFrames: 220,
      samplerMs: 10,
      vocoderMs: 2,
      outOfMemory: 0,
      crashes: 0,
      waiting: 0,
      running: 0,
    });
  });
});

describe('Batcher, with priorities', () => {
  it('takes who is waited for before what came earlier, and bulk work in the order in which it came', async () => {
    const { batches, gate, batcher } = fakeEngine(undefined, { maxItems: 1 });
    gate.isOpen = false;
    const bulk = ['a', 'b', 'c'].map((key) => batcher.synthesise(request(key)));
    await tick();
    const urgent = batcher.synthesise(request('urgent', { priority: 10 }));
    const humble = batcher.synthesise(request('humble', { priority: -1 }));
    const later = batcher.synthesise(request('d'));
    gate.isOpen = true;
    gate.open();
    await Promise.all([...bulk, urgent, humble, later]);
    assert.deepEqual(batches.flat(), ['a', 'urgent', 'b', 'c', 'd', 'humble']);
  });
});

describe('Batcher, cancelled', () => {
  it('takes a waiting segment out of the queue at once', async () => {
    const { batcher, batches, gate } = fakeEngine();
    gate.isOpen = false;
    const first = batcher.synthesise(request('a'));
    await tick();
    const controller = new AbortController();
    const second = codeOf(batcher.synthesise(request('b'), controller.signal));
    controller.abort();
    assert.equal(await second, 'cancelled');
    assert.equal(batcher.statistics.waiting, 0);
    gate.open();
    await first;
    assert.deepEqual(batches, [['a']]);
  });

  it('rejects a running segment at once and drops what comes back', async () => {
    const { batcher, gate } = fakeEngine();
    gate.isOpen = false;
    const controller = new AbortController();
    const [cancelled, mate] = [batcher.synthesise(request('a'), controller.signal), batcher.synthesise(request('b'))];
    await tick();
    controller.abort();
    assert.equal(await codeOf(cancelled), 'cancelled');
    gate.open();
    assert.equal(await codeOf(mate), 'ok');
  });

  it('lets a caller join a running synthesis whose first caller left', async () => {
    const { batcher, batches, gate } = fakeEngine();
    gate.isOpen = false;
    const controller = new AbortController();
    const first = codeOf(batcher.synthesise(request('a'), controller.signal));
    await tick();
    controller.abort();
    const second = batcher.synthesise(request('a'));
    gate.open();
    assert.equal(await first, 'cancelled');
    assert.equal(await codeOf(second), 'ok');
    assert.deepEqual(batches, [['a']]);
  });

  it('keeps a shared synthesis for those who still want it', async () => {
    const { batcher } = fakeEngine(undefined, { lingerMs: 5 });
    const controller = new AbortController();
    const leaving = codeOf(batcher.synthesise(request('a'), controller.signal));
    const staying = codeOf(batcher.synthesise(request('a')));
    controller.abort();
    assert.deepEqual(await Promise.all([leaving, staying]), ['cancelled', 'ok']);
  });

  it('never asks the engine for a request whose signal was aborted before', async () => {
    const { batcher, batches } = fakeEngine();
    assert.equal(await codeOf(batcher.synthesise(request('a'), AbortSignal.abort())), 'cancelled');
    assert.deepEqual(batches, []);
  });

  it('serves hundreds of requests of one signal without a warning about leaking listeners', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): number => warnings.push(warning);
    process.on('warning', note);
    const { batcher } = fakeEngine();
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 300 }, (_, index) => batcher.synthesise(request(`${index}`), signal)));
    await tick();
    process.off('warning', note);
    assert.deepEqual(warnings, []);
  });
});

describe('Batcher, out of memory', () => {
  const fitsUpTo =
    (items: number): Answer =>
    (batch) =>
      batch.length > items ? fails('out_of_memory')(batch) : batch.map(speech);

  it('halves the batch until it fits', async () => {
    const { batcher, batches } = fakeEngine(fitsUpTo(2));
    const codes = await Promise.all([...'abcde'].map((key) => codeOf(batcher.synthesise(request(key)))));
    assert.deepEqual(codes, ['ok', 'ok', 'ok', 'ok', 'ok']);
    assert.deepEqual(batches, [[...'abcde'], [...'abc'], ['a', 'b'], ['c'], ['d', 'e']]);
    assert.equal(batcher.statistics.outOfMemory, 2);
  });

  it('fails only the single segment that does not fit alone', async () => {
    const { batcher } = fakeEngine((batch) =>
      batch.some(({ key }) => key === 'giant') ? fails('out_of_memory')(batch) : batch.map(speech),
    );
    const codes = await Promise.all(['a', 'giant', 'c'].map((key) => codeOf(batcher.synthesise(request(key)))));
    assert.deepEqual(codes, ['ok', 'out_of_memory', 'ok']);
  });

  it('does not try again what was cancelled meanwhile', async () => {
    const { batcher, batches, gate } = fakeEngine(fitsUpTo(1));
    gate.isOpen = false;
    const controller = new AbortController();
    const staying = batcher.synthesise(request('a'));
    const leaving = codeOf(batcher.synthesise(request('b'), controller.signal));
    await tick();
    controller.abort();
    gate.isOpen = true;
    gate.open();
    assert.deepEqual(await Promise.all([codeOf(staying), leaving]), ['ok', 'cancelled']);
    assert.deepEqual(batches, [['a', 'b'], ['a']]);
  });
});

describe('Batcher, when segments take the engine down', () => {
  const crashesWith =
    (culprit: string, code = 'engine_crashed'): Answer =>
    (batch) =>
      batch.some(({ key }) => key === culprit) ? fails(code)(batch) : batch.map(speech);
  const askAll = (batcher: Batcher, keys: string): Promise<string[]> =>
    Promise.all([...keys].map((key) => codeOf(batcher.synthesise(request(key)))));

  it('rejects the running batch as retryable, and leaves those who wait unharmed', async () => {
    const { batcher } = fakeEngine(crashesWith('x'), { maxItems: 2 });
    const codes = await askAll(batcher, 'axbc');
    assert.deepEqual(codes, ['engine_crashed', 'engine_crashed', 'ok', 'ok']);
  });

  for (const code of ['engine_crashed', 'engine_timeout']) {
    it(`finds the culprit after the third ${code}, and lets the innocent succeed`, async () => {
      const { batcher, batches } = fakeEngine(crashesWith('x', code));
      assert.deepEqual(await askAll(batcher, 'abxd'), [code, code, code, code]);
      assert.deepEqual(await askAll(batcher, 'abxd'), [code, code, code, code]);
      assert.deepEqual(await askAll(batcher, 'abxd'), ['ok', 'ok', 'segment_crashes_engine', 'ok']);
      assert.deepEqual(batches.slice(2), [[...'abxd'], ['a', 'b'], ['x', 'd'], ['x'], ['d']]);
    });
  }

  it('names the culprit', async () => {
    const { batcher } = fakeEngine(crashesWith('x'), { maxItems: 1 });
    await askAll(batcher, 'x');
    await askAll(batcher, 'x');
    await assert.rejects(batcher.synthesise(request('x')), { code: 'segment_crashes_engine', message: /segment x/ });
  });

  it('keeps a convicted segment away from others when it comes again', async () => {
    const { batcher, batches } = fakeEngine(crashesWith('x'), { maxItems: 2 });
    for (let attempt = 0; attempt < 3; attempt += 1) await askAll(batcher, 'x');
    assert.deepEqual(await askAll(batcher, 'axb'), ['ok', 'segment_crashes_engine', 'ok']);
    assert.deepEqual(batches.slice(3), [['a', 'b'], ['x']]);
  });

  it('forgets the crashes of a segment that went through', async () => {
    let isCrashing = true;
    const { batcher } = fakeEngine((batch) => (isCrashing ? fails('engine_crashed')(batch) : batch.map(speech)));
    await askAll(batcher, 'a');
    await askAll(batcher, 'a');
    isCrashing = false;
    assert.deepEqual(await askAll(batcher, 'a'), ['ok']);
    isCrashing = true;
    assert.deepEqual(await askAll(batcher, 'a'), ['engine_crashed']);
  });
});

describe('Batcher, stopped', () => {
  const stopped = new NarratorError('engine_stopped', 'closed');

  it('rejects what waits and what comes, and lets the running batch finish', async () => {
    const { batcher, gate } = fakeEngine();
    gate.isOpen = false;
    const running = codeOf(batcher.synthesise(request('a')));
    await tick();
    const waiting = codeOf(batcher.synthesise(request('b')));
    batcher.stop(stopped);
    batcher.stop(stopped);
    assert.equal(await waiting, 'engine_stopped');
    assert.equal(await codeOf(batcher.synthesise(request('c'))), 'engine_stopped');
    gate.open();
    assert.equal(await running, 'ok');
  });

  it('does not try halves of a failed batch any more', async () => {
    const { batcher, batches, gate } = fakeEngine(fails('out_of_memory'));
    gate.isOpen = false;
    const running = ['a', 'b'].map((key) => codeOf(batcher.synthesise(request(key))));
    await tick();
    batcher.stop(stopped);
    gate.open();
    assert.deepEqual(await Promise.all(running), ['engine_stopped', 'engine_stopped']);
    assert.equal(batches.length, 1);
  });

  it('rejects at once while it lingers for company', async () => {
    const { batcher } = fakeEngine(undefined, { lingerMs: 60_000 });
    const waiting = codeOf(batcher.synthesise(request('a')));
    await tick();
    batcher.stop(stopped);
    assert.equal(await waiting, 'engine_stopped');
  });
});
