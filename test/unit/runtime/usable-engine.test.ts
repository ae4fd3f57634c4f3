import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, NarratorError } from '../../../src/core/errors.ts';
import type { SynthesisEngine, SynthesisRequest } from '../../../src/core/ports.ts';
import { untilLost, whileUsable } from '../../../src/runtime/usable-engine.ts';
import { FakeEngine } from '../core/fakes.ts';

const REQUEST = { key: 'k', frames: 1 } as SynthesisRequest;

/** Fails with this, and starts again or not. */
function failing(code: ErrorCode, { starts = true } = {}) {
  let asked = 0;
  const fake = new FakeEngine();
  const engine: SynthesisEngine = {
    start: async () => {
      asked += 1;
      if (!starts) throw new NarratorError('provider_unavailable', 'The GPU is gone.');
      return fake.start();
    },
    synthesise: async () => {
      throw new NarratorError(code, 'It failed.');
    },
    close: async () => undefined,
  };
  return { engine, starts: () => asked };
}

test('an engine that is unusable is told of, and its requests may be tried elsewhere', async () => {
  const heard: string[] = [];
  const engine = whileUsable(failing('model_invalid').engine, ({ code }) => heard.push(code));
  await assert.rejects(engine.synthesise(REQUEST), { code: 'engine_stopped' });
  assert.deepEqual(heard, ['model_invalid']);
});

test('what is a segment its own fault says nothing of the engine', async () => {
  const heard: string[] = [];
  const one = failing('waveform_invalid');
  const engine = untilLost(one.engine, ({ code }) => heard.push(code));
  await assert.rejects(engine.synthesise(REQUEST), { code: 'waveform_invalid' });
  assert.deepEqual([heard, one.starts()], [[], 0]);
});

test('an engine that fell is asked once whether it lives, and is lost only if it does not', async () => {
  for (const starts of [true, false]) {
    const heard: string[] = [];
    const one = failing('engine_crashed', { starts });
    const engine = untilLost(one.engine, ({ code }) => heard.push(code));
    const asked = Array.from({ length: 8 }, () =>
      assert.rejects(engine.synthesise(REQUEST), { code: 'engine_crashed' }),
    );
    await Promise.all(asked);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([heard, one.starts()], [starts ? [] : ['provider_unavailable'], 1]);
  }
});
