import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cancelJob } from '../../../src/core/cancel-job.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import { finishedKey } from '../../../src/core/keys.ts';
import { JobReader } from '../../../src/core/read-job.ts';
import type { JobSummary } from '../../../src/core/record.ts';
import { retryJob } from '../../../src/core/retry-job.ts';
import { jsonLines, planning, voices } from './fakes.ts';
import { house, lines, linesOf } from './house.ts';

type House = ReturnType<typeof house>;

async function worked({ controller, workAll }: House): Promise<void> {
  await controller.pass();
  await workAll();
  await controller.pass();
}

const failing = (engine: House['engine'], pattern: RegExp, code: 'engine_crashed' | 'waveform_invalid') => {
  engine.before = async ({ text }) => {
    if (pattern.test(text)) throw new NarratorError(code, 'x');
  };
};

describe('retrying a job', () => {
  it('makes what failed, leaves what is done, and writes the results anew', async () => {
    const one = house();
    const { submit, engine, common, store, results } = one;
    await submit('job', lines(6));
    failing(engine, /[14]/, 'engine_crashed');
    await worked(one);
    const first = store.text(finishedKey('job'));
    const records = store.keys('jobs/job/records/').map((key) => [key, store.text(key)]);
    failing(engine, /nothing/, 'engine_crashed');
    engine.requests.length = 0;
    const written: string[] = [];
    results.beforePut = (key) => written.push(key);

    assert.equal(await retryJob('job', { only: 'failed' }, common), 2);
    const reader = new JobReader(store);
    assert.equal((await reader.read('job'))?.state, 'planning');
    await one.controller.pass();
    assert.deepEqual((await reader.read('job'))?.items, { total: 6, succeeded: 4, failed: 0, pending: 2 });
    await worked(one);

    assert.deepEqual(engine.requests.map(({ text }) => text).sort(), ['i number 1.', 'i number 4.']);
    assert.deepEqual(written.filter((key) => key.endsWith('.wav')).sort(), ['i1.wav', 'i4.wav']);
    assert.deepEqual(
      linesOf(results.text('results.jsonl')).map(({ line }) => line),
      [1, 2, 3, 4, 5, 6],
    );
    assert.equal(results.text('errors.jsonl'), '');
    const summary = results.json('summary.json') as JobSummary;
    assert.deepEqual([summary.outcome, summary.round, summary.succeeded], ['completed', 2, 6]);
    assert.equal(store.text(finishedKey('job')), first, 'the first round stays as it was');
    for (const [key, text] of records) assert.equal(store.text(key ?? ''), text, key);
    assert.deepEqual([(await reader.read('job'))?.state, store.keys('open/')], ['completed', []]);
  });

  it('takes the items that are named, round after round', async () => {
    const one = house();
    await one.submit('job', lines(4));
    failing(one.engine, /[123]/, 'engine_crashed');
    await worked(one);
    failing(one.engine, /3/, 'engine_crashed');
    assert.equal(await retryJob('job', { only: ['i3', 'i1'] }, one.common), 2);
    await worked(one);
    assert.deepEqual(
      linesOf(one.results.text('errors.jsonl')).map(({ item }) => item),
      ['i2', 'i3'],
    );
    assert.deepEqual(
      one.results.keys().filter((key) => key.endsWith('.wav')),
      ['i0.wav', 'i1.wav'],
    );
    failing(one.engine, /nothing/, 'engine_crashed');
    assert.equal(await retryJob('job', { only: 'failed' }, one.common), 3);
    await worked(one);
    assert.deepEqual((one.results.json('summary.json') as JobSummary).succeeded, 4);
  });

  it('begins with the same seeds, and gives a waveform that failed its checks further takes', async () => {
    const one = house();
    await one.submit('job', jsonLines({ id: 'a', text: 'Bad. Good.' }));
    failing(one.engine, /Bad/, 'waveform_invalid');
    await worked(one);
    const seeds = () => one.engine.requests.filter(({ text }) => text === 'Bad.').map(({ seed }) => seed);
    const before = seeds();
    assert.equal(before.length, 3);
    one.engine.requests.length = 0;
    one.engine.before = async ({ text }) => {
      if (text === 'Bad.' && seeds().length < 5) throw new NarratorError('waveform_invalid', 'x');
    };
    await retryJob('job', { only: 'failed' }, one.common);
    await worked(one);
    assert.deepEqual(seeds().slice(0, 3), before);
    assert.equal(new Set(seeds()).size, 5);
    assert.equal((one.results.json('summary.json') as JobSummary).outcome, 'completed');
  });

  it('tries again what planning rejected, and items that span shards; joined ones stay, though their segments are gone', async () => {
    const known = new Set(['anna']);
    const find = async (id: string) => (known.has(id) ? voices.find('anna') : undefined);
    const one = house({ planning: { ...planning, voices: { ...voices, find } } });
    const text = (name: string) => Array.from({ length: 7 }, (_, n) => `${name} ${n} of a long item.`).join(' ');
    await one.submit(
      'job',
      jsonLines(
        { id: 'long', text: text('Fine') },
        { id: 'broken', text: text('Broken') },
        { id: 'new', text: 'x', voice: 'ben' },
      ),
    );
    failing(one.engine, /Broken [25]/, 'engine_crashed');
    await worked(one);
    assert.deepEqual((one.results.json('summary.json') as JobSummary).errors, {
      engine_crashed: 1,
      voice_not_found: 1,
    });
    for (const key of one.store.keys('segments/')) await one.store.delete(key);
    known.add('ben');
    failing(one.engine, /nothing/, 'engine_crashed');
    await retryJob('job', { only: 'failed' }, one.common);
    await worked(one);
    const summary = one.results.json('summary.json') as JobSummary;
    assert.deepEqual([summary.outcome, summary.items, summary.succeeded], ['completed', 3, 3]);
    assert.deepEqual(one.results.keys().filter((key) => key.endsWith('.wav')).length, 3);
  });

  it('loses nothing when it is asked for while the round before is leaving the list of open jobs', async () => {
    const one = house();
    await one.submit('job', lines(1));
    failing(one.engine, /0/, 'engine_crashed');
    const remove = one.store.delete.bind(one.store);
    one.store.delete = async (key) => {
      if (key === 'open/job') await retryJob('job', { only: 'failed' }, one.common);
      one.store.delete = remove;
      return remove(key);
    };
    await one.controller.pass();
    await one.workAll();
    await one.controller.pass();
    failing(one.engine, /nothing/, 'engine_crashed');
    await one.workAll();
    await worked(one);
    assert.equal((one.results.json('summary.json') as JobSummary).outcome, 'completed');
  });

  it('refuses a job that is unknown, at work or cancelled, items that did not fail, and more than its limit', async () => {
    const { common, submit, ...one } = house();
    const retry = (only: 'failed' | string[]) => retryJob('job', { only }, common);
    await assert.rejects(retry('failed'), { code: 'job_not_found' });
    await submit('job', lines(2));
    await assert.rejects(retry('failed'), { code: 'job_conflict' });
    failing(one.engine, /1/, 'engine_crashed');
    await worked({ ...one, common, submit });
    await assert.rejects(retry(['i0']), { code: 'usage', message: /no failed item "i0"/ });
    await assert.rejects(retry([]), { code: 'usage' });
    await assert.rejects(retry(Array.from({ length: 10_001 }, (_, n) => `x${n}`)), { code: 'usage', message: /10000/ });
    assert.equal(await retry(['i1']), 2);
    assert.equal(await retry(['i1']), 2, 'asking again changes nothing');
    await assert.rejects(retry('failed'), { code: 'job_conflict' });
    await cancelJob('job', common);
    await assert.rejects(retry('failed'), { code: 'cancelled' });
    await worked({ ...one, common, submit });
    assert.equal((one.results.json('summary.json') as JobSummary).outcome, 'cancelled');
  });
});
