import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Leases } from '../../../src/core/leases.ts';
import { MemoryStore } from './memory-store.ts';

function setting() {
  const store = new MemoryStore();
  const time = { ms: Date.parse('2026-01-01') };
  const now = () => new Date(time.ms);
  const leases = (holder: string) => new Leases({ holder, durationMs: 10_000 }, store, now);
  return { store, time, leases };
}

describe('a lease', () => {
  it('has one holder, who renews it as long as it lives', async () => {
    const { leases, time, store } = setting();
    const [a, b] = [leases('a'), leases('b')];
    const first = await Promise.all([a.hold('job'), b.hold('job')]);
    assert.deepEqual(first.sort(), [false, true]);
    const [holder, other] = a.isHeld('job') ? [a, b] : [b, a];
    for (let second = 0; second < 60; second++) {
      time.ms += 1000;
      assert.equal(await holder.hold('job'), true);
      assert.equal(await other.hold('job'), false);
    }
    let puts = 0;
    store.beforePut = () => void puts++;
    await holder.hold('job');
    assert.ok(puts <= 1);
    await holder.hold('job');
    assert.ok(puts <= 1, 'one that is fresh is not written again');
  });

  it('goes to another when its holder is silent, and stays there when that one comes back late', async () => {
    const { leases, time } = setting();
    const [a, b] = [leases('a'), leases('b')];
    assert.equal(await a.hold('job'), true);
    assert.equal(await b.hold('job'), false);
    time.ms += 9_999;
    assert.deepEqual([await b.hold('job'), a.isHeld('job')], [false, true]);
    time.ms += 1;
    assert.equal(a.isHeld('job'), false, 'nobody needs to tell it');
    assert.equal(await b.hold('job'), true);
    assert.equal(await a.hold('job'), false);
    time.ms += 5_000;
    assert.deepEqual([await b.hold('job'), await a.hold('job')], [true, false]);
  });

  it('that nobody took is renewed by a holder that comes back late', async () => {
    const { leases, time } = setting();
    const a = leases('a');
    await a.hold('job');
    time.ms += 60_000;
    assert.equal(await a.hold('job'), true);
  });

  it('is free for the others soon after it was released, and at once after the job ended', async () => {
    const { leases, time } = setting();
    const [a, b] = [leases('a'), leases('b')];
    await a.hold('job');
    await a.hold('ended');
    assert.deepEqual([await b.hold('job'), await b.hold('ended')], [false, false]);
    await a.release();
    await a.end('ended');
    time.ms += 2_500;
    assert.deepEqual([await b.hold('job'), await b.hold('ended')], [true, true]);
    assert.equal(a.isHeld('job'), false);
  });
});
