import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HangDeadline } from '../../../src/engine/hang-deadline.ts';

const WORK = 2000 * 32;

describe('HangDeadline', () => {
  it('is never shorter than the minimum', () => {
    const deadline = new HangDeadline(120_000);
    deadline.observe(WORK, 1);
    assert.equal(deadline.timeoutMs(128, 'cuda'), 120_000);
  });

  it('gives a slow machine time for its first batch: nothing is known of its speed yet', () => {
    const deadline = new HangDeadline(120_000);
    assert.ok(deadline.timeoutMs(WORK, 'cpu') >= 30 * 60_000);
    assert.ok(deadline.timeoutMs(WORK, 'cuda') < deadline.timeoutMs(WORK, 'cpu'));
  });

  it('grows with the work, at ten times the measured speed', () => {
    const deadline = new HangDeadline(0);
    deadline.observe(1000, 2000);
    assert.equal(deadline.timeoutMs(1000, 'cpu'), 20_000);
    assert.equal(deadline.timeoutMs(3000, 'cpu'), 60_000);
  });

  it('follows a machine that becomes slower', () => {
    const deadline = new HangDeadline(0);
    deadline.observe(1000, 1000);
    for (let batch = 0; batch < 50; batch += 1) deadline.observe(1000, 5000);
    assert.ok(deadline.timeoutMs(1000, 'cpu') > 45_000);
  });

  it('stays within what a timer can wait', () => {
    assert.equal(new HangDeadline(0).timeoutMs(1e12, 'cpu'), 2 ** 31 - 1);
  });
});
