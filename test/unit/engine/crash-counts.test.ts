import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CrashCounts } from '../../../src/engine/crash-counts.ts';

function blame(counts: CrashCounts, key: string, times: number): void {
  for (let time = 0; time < times; time += 1) counts.record(key);
}

describe('CrashCounts', () => {
  it('suspects a segment after the third crash with it on board', () => {
    const counts = new CrashCounts();
    blame(counts, 'a', 2);
    assert.equal(counts.isSuspect('a'), false);
    blame(counts, 'a', 1);
    assert.equal(counts.isSuspect('a'), true);
    assert.equal(counts.isSuspect('b'), false);
  });

  it('acquits a segment that went through', () => {
    const counts = new CrashCounts();
    blame(counts, 'a', 3);
    counts.acquit('a');
    assert.equal(counts.isSuspect('a'), false);
  });

  it('remembers a bounded number of segments, and forgets the least recently blamed', () => {
    const counts = new CrashCounts(2);
    blame(counts, 'a', 3);
    blame(counts, 'b', 3);
    blame(counts, 'a', 1);
    blame(counts, 'c', 3);
    assert.equal(counts.size, 2);
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => counts.isSuspect(key)),
      [true, false, true],
    );
  });
});
