import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { estimate, type EstimateRequest } from '../../../src/core/estimate.ts';
import type { ReadTextFile } from '../../../src/core/plan-items.ts';
import { bytes, jsonLines, planning } from './fakes.ts';
import { house, lines } from './house.ts';

const asked = (manifest: string, more: Partial<EstimateRequest> = {}): EstimateRequest => ({
  manifest: { format: 'jsonl', bytes: bytes(manifest) },
  defaults: { voice: 'anna' },
  parameters: { steps: 4, cfg: 2, sway: -1 },
  ...more,
});

describe('an estimate', () => {
  it('lets others have their turn, whether its items can be used or not', async () => {
    let turns = 0;
    const { store } = house();
    const deps = { planning: { ...planning, turn: async () => (turns += 1) }, store };
    const text = 'A sentence of it. '.repeat(300);
    await estimate(asked(jsonLines(...[1, 2, 3, 4].map((n) => ({ id: `a${n}`, text })))), deps);
    assert.equal(turns, 2);
    await estimate(asked(jsonLines(...[1, 2].map((n) => ({ id: `b${n}`, text, voice: 'nobody' })))), deps);
    assert.equal(turns, 3);
  });

  it('is what the job comes to, and counts what is stored already as nothing to do', async () => {
    const one = house();
    await one.submit('job', jsonLines({ id: 'a', text: 'This is old. So is this.' }));
    await one.controller.pass();
    await one.workAll();
    const deps = { planning, store: one.store, realTimeFactor: () => 10 };
    const manifest = jsonLines({ id: 'x', text: 'This is old. And this is new.' }, { id: 'y', text: 'This is old.' });
    const report = await estimate(asked(manifest), deps);
    assert.deepEqual([report.items, report.segments, report.reusableSegments, report.rejected], [2, 3, 2, []]);
    const whole = await estimate(asked(manifest, { reuse: false }), deps);
    assert.equal(whole.reusableSegments, 0);
    assert.ok((report.synthesisSeconds ?? 0) < (whole.synthesisSeconds ?? 0));
    assert.equal((await estimate(asked(manifest), { planning, store: one.store })).synthesisSeconds, undefined);
  });

  it('names the first bad lines and counts the rest, and does not look for the segments of a large job', async () => {
    const one = house();
    let looked = 0;
    one.store.head = async () => void (looked += 1);
    const report = await estimate(asked(`${lines(1001)}${'bad\n'.repeat(150)}`), { planning, store: one.store });
    assert.deepEqual([report.items, report.rejectedItems, report.rejected.length], [1151, 150, 100]);
    assert.deepEqual([report.rejected[0]?.line, report.rejected[0]?.code], [1002, 'item_invalid']);
    assert.deepEqual([report.reusableSegments, looked], [undefined, 0]);
    await assert.rejects(estimate(asked(''), { planning, store: one.store }), { code: 'manifest_invalid' });
  });

  it('finds the text files of a manifest where that came from', async () => {
    const readTextFile: ReadTextFile = async (path, { source }) => new TextEncoder().encode(`${path} of ${source}`);
    const manifest = jsonLines({ id: 'a', textFile: 'one' });
    const deps = { planning: { ...planning, readTextFile }, store: house().store };
    const { characters } = await estimate(asked(manifest, { source: 's3://books/a.jsonl' }), deps);
    assert.equal(characters, 'one of s3://books/a.jsonl'.length);
  });
});
