import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lifecycle } from '../../../src/runtime/lifecycle.ts';

function recording() {
  const events: string[] = [];
  const lifecycle = new Lifecycle((event, fields) =>
    events.push(`${event} ${(fields?.['phase'] as string | undefined) ?? ''}`.trim()),
  );
  return { events, lifecycle };
}

test('phases run in order, a failing or hanging one does not stop the later ones', async () => {
  const { events, lifecycle } = recording();
  lifecycle.add({ name: 'intake', timeoutMs: 1000, run: async () => {} });
  lifecycle.add({ name: 'broken', timeoutMs: 1000, run: async () => Promise.reject(new Error('x')) });
  lifecycle.add({ name: 'hangs', timeoutMs: 5, run: () => new Promise(() => {}) });
  lifecycle.add({ name: 'engine', timeoutMs: 1000, run: async () => {} });
  assert.equal(await lifecycle.shutdown('test'), false);
  assert.deepEqual(events, [
    'shutdown.started',
    'shutdown.phase-done intake',
    'shutdown.phase-failed broken',
    'shutdown.phase-failed hangs',
    'shutdown.phase-done engine',
  ]);
});

test('shutting down twice runs every phase once, and the signal has aborted', async () => {
  const { lifecycle } = recording();
  let runs = 0;
  lifecycle.add({ name: 'once', timeoutMs: 1000, run: async () => void (runs += 1) });
  const [first, second] = await Promise.all([lifecycle.shutdown('a'), lifecycle.shutdown('b')]);
  assert.deepEqual([first, second, runs, lifecycle.signal.aborted], [true, true, 1, true]);
});

test('phases that could not fit into the limit together are refused when they are added', () => {
  const { lifecycle } = recording();
  lifecycle.add({ name: 'a', timeoutMs: 20_000, run: async () => {} });
  assert.throws(() => lifecycle.add({ name: 'b', timeoutMs: 6_000, run: async () => {} }), /26000 ms/);
});
