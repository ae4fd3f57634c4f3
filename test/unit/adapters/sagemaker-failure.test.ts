import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FailureEvidence, failureOf } from '../../../src/adapters/sagemaker-failure.ts';

const failure = (evidence: Partial<Omit<FailureEvidence, 'body'>> & { body?: string | Uint8Array }) => {
  const { body, ...rest } = evidence;
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return failureOf({ shardId: 'shard-000001', endpointName: 'narrator', status: undefined, ...rest, body: bytes });
};
const problem = (fields: object) => JSON.stringify({ type: 'urn:x', title: 'x', ...fields });

test('a shard that the container refuses is not tried again, whatever the container says of it', () => {
  const refused = failure({
    status: 400,
    body: problem({ code: 'engine_stopped', detail: 'No such model.', retryable: true }),
  });
  assert.deepEqual([refused.code, refused.retryable], ['engine_stopped', false]);
  assert.match(refused.message, /shard-000001 .* narrator was answered with 400: No such model\.$/);
});

test('an error of the container, no answer at all, and what nobody explains may pass', () => {
  assert.equal(failure({ status: 503, body: problem({ code: 'out_of_memory' }) }).code, 'out_of_memory');
  assert.equal(failure({ status: 503, body: problem({ code: 'model_mismatch' }) }).retryable, true);
  for (const status of [0, 408, 429, 500, undefined]) assert.equal(failure({ status }).retryable, true, String(status));
  assert.match(failure({ status: 0 }).message, /no answer/);
});

test('where no notification came, the failure object says with what the container answered', () => {
  assert.equal(failure({ body: problem({ status: 400, code: 'request_invalid' }) }).retryable, false);
  assert.equal(failure({ body: problem({ status: 503 }) }).retryable, true);
  assert.equal(failure({ status: 500, body: problem({ status: 400 }) }).retryable, true);
});

test('what a container says is kept short, on one line, and without control characters', () => {
  const { message } = failure({ status: 400, body: problem({ detail: `a\u001b[31m\n\u202eb${'🙂'.repeat(5_000)}` }) });
  assert.match(message, /: a \[31m b🙂/u);
  assert.ok(message.length < 800, String(message.length));
  assert.doesNotMatch(message, /\p{Cc}|\p{Cf}|\p{Cs}/u);
});

test('a body that is no problem document changes nothing', () => {
  const bodies = [
    '',
    'Internal Server Error',
    '[]',
    'null',
    '{"code":"nonsense","detail":7,"status":"400"}',
    '{"code":',
  ];
  for (const body of bodies) {
    const { code, retryable, message } = failure({ status: 500, body });
    assert.deepEqual([code, retryable], ['engine_crashed', true], body);
    assert.match(message, /answered with 500\.$/);
  }
  assert.equal(failure({ status: 500, body: Uint8Array.of(0xff, 0xfe) }).code, 'engine_crashed');
});
