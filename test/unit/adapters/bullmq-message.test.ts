import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeFailure,
  encodeFailure,
  messageId,
  messageOfId,
  parseMessage,
} from '../../../src/adapters/bullmq-message.ts';
import { isFinal } from '../../../src/core/dispatch-shards.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import { shardName } from '../../../src/core/keys.ts';

test('the name of a message has no colon, is no number, and gives the message back, whatever the job is called', () => {
  for (const jobId of ['1', 'a_b', 'x_shard-000001_1', 'run-0a.b_c']) {
    const message = { jobId, shardId: shardName(1_000_000), attempt: 12 };
    assert.doesNotMatch(messageId(message), /:|^\d+$/);
    assert.deepEqual(messageOfId(messageId(message)), message);
  }
});

test('names and messages of somebody else are refused', () => {
  for (const id of ['', 'job', '12', 'job_shard-1_1', 'job_shard-000001_0', '../x_shard-000001_1']) {
    assert.equal(messageOfId(id), undefined, id);
  }
  const good = { jobId: 'job', shardId: shardName(1), attempt: 1 };
  assert.deepEqual(parseMessage(good), good);
  for (const bad of [undefined, 'x', { ...good, attempt: 0 }, { ...good, jobId: '../x' }, { ...good, text: 'x' }]) {
    assert.throws(() => parseMessage(bad), { code: 'internal', retryable: false });
  }
});

test('an error comes through the queue as it is, but for the end of a very long message', () => {
  const error = new NarratorError('store_full', 'The disk is full.', { line: 3, item: 'a' });
  assert.deepEqual(decodeFailure(encodeFailure(error)).toRecord(), error.toRecord());
  assert.equal(decodeFailure(encodeFailure(new NarratorError('internal', 'x'.repeat(9_999)))).message.length, 4096);
});

test('what the queue says itself may pass: the shard is dispatched again', () => {
  for (const reason of ['job stalled more than allowable limit', '{"code":"no such code"}', '']) {
    const error = decodeFailure(reason);
    assert.deepEqual([error.code, error.retryable, isFinal(error)], ['engine_crashed', true, false]);
  }
});
