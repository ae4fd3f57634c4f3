/** A store, a controller and a queue that the test works off by hand. */
import assert from 'node:assert/strict';
import {
  Controller,
  type ControllerDeps,
  type ControllerEvent,
  type ControllerPass,
} from '../../../src/core/controller.ts';
import type { Dispatcher, ShardMessage } from '../../../src/core/ports.ts';
import { processShard } from '../../../src/core/process-shard.ts';
import type { JobRequest } from '../../../src/core/submit-job.ts';
import { audio, FakeEngine, jsonLines, model, planning, submitted } from './fakes.ts';
import { MemoryStore } from './memory-store.ts';

export const lines = (count: number, prefix = 'i') =>
  jsonLines(...Array.from({ length: count }, (_, n) => ({ id: `${prefix}${n}`, text: `${prefix} number ${n}.` })));

/** A controller with a queue that the test works off by hand, and a clock that it moves. */
export function house(more: Partial<ControllerDeps> = {}, window = 100) {
  const store = new MemoryStore();
  const results = new MemoryStore();
  const engine = new FakeEngine();
  const queue: ShardMessage[] = [];
  const events: ControllerEvent[] = [];
  const time = { ms: Date.parse('2026-01-01') };
  const dispatcher: Dispatcher = {
    dispatch: async (message) => void queue.push(message),
    capacity: async () => Math.max(0, window - queue.length),
    start: async () => {},
    close: async () => {},
  };
  const openResults = async () => ({ store: results, prefix: '' });
  const now = () => new Date(time.ms);
  const common = { store, openResults, audio, now };
  const controllerDeps = {
    ...common,
    dispatcher,
    planning,
    sleep: async () => {},
    shardDeadlineMs: 60_000,
    onEvent: (event: ControllerEvent) => void events.push(event),
    ...more,
  };
  const work = async (message: ShardMessage | undefined, lastAttempt = true) => {
    assert.ok(message);
    const context = { signal: new AbortController().signal, lastAttempt };
    return processShard(message, context, { ...common, engine, modelDigest: model.digest });
  };
  const workAll = async () => {
    for (const message of queue.splice(0)) await work(message);
  };
  const submit = (id: string, manifest: string, request: Partial<JobRequest> = {}) =>
    submitted(store, manifest, { id, shardSeconds: 0.15, ...request });
  return {
    store,
    results,
    engine,
    queue,
    events,
    time,
    work,
    workAll,
    submit,
    common,
    controller: passing(new Controller(controllerDeps)),
    dispatcher,
    restarted: (other: Partial<ControllerDeps> = {}) => passing(new Controller({ ...controllerDeps, ...other })),
    replica: (holder: string) => passing(new Controller({ ...controllerDeps, lease: { holder, durationMs: 10_000 } })),
  };
}

/** A controller with passes that wait for what they began beside them: planned, dispatched, finished in one. */
function passing(controller: Controller) {
  const pass = async (): Promise<ControllerPass> => {
    const passes: ControllerPass[] = [];
    for (let round = 0; round < 3; round++) {
      passes.push(await controller.step());
      await controller.settle();
    }
    const dispatched = passes.reduce((sum, one) => sum + one.dispatched, 0);
    return { open: passes.at(-1)?.open ?? 0, dispatched, finished: passes.flatMap(({ finished }) => finished) };
  };
  return Object.assign(controller, { pass });
}

export const linesOf = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
