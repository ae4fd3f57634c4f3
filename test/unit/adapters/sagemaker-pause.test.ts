import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SubmissionPause } from '../../../src/adapters/sagemaker-pause.ts';
import { NarratorError } from '../../../src/core/errors.ts';

const problem = new NarratorError('queue_unavailable', 'Slow down.');

function pausing() {
  const time = { ms: 1_000_000 };
  return {
    time,
    pause: new SubmissionPause(
      () => time.ms,
      () => 1,
    ),
  };
}

test('after a failure nothing may be tried for a while, then one, and after a success everything', () => {
  const { time, pause } = pausing();
  assert.equal(pause.allowed, Infinity);
  pause.failed(problem);
  assert.equal(pause.allowed, 0);
  assert.throws(() => pause.check(), problem);
  time.ms += 1_000;
  assert.equal(pause.allowed, 1);
  pause.check();
  pause.succeeded();
  assert.equal(pause.allowed, Infinity);
});

test('it grows with each failure, and not beyond half a minute', () => {
  const { time, pause } = pausing();
  const pauses = Array.from({ length: 8 }, () => {
    pause.failed(problem);
    let ms = 0;
    for (; pause.allowed === 0; ms += 500) time.ms += 500;
    return ms;
  });
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test('a problem of long ago is none: nobody has tried since', () => {
  const { time, pause } = pausing();
  pause.failed(problem);
  assert.equal(pause.problem, problem);
  time.ms += 120_000;
  assert.equal(pause.problem, undefined);
  assert.equal(pause.allowed, Infinity);
});
