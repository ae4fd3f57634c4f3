import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { s3Error } from '../../../src/adapters/s3-errors.ts';
import { NarratorError } from '../../../src/core/errors.ts';

const ADDRESS = { bucket: 'bucket', at: 'https://s3.example.com' };
const ATTEMPT = { what: 'The object k', verb: 'read', permission: 's3:GetObject' };

const translated = (facts: { name?: string; code?: string; $metadata?: object }) =>
  s3Error(Object.assign(new Error('said by the vendor'), facts), ADDRESS, ATTEMPT);

const answer = (httpStatusCode: number, name = 'Unknown') => translated({ name, $metadata: { httpStatusCode } });

describe('errors of S3', () => {
  it('are tried again exactly where they may pass', () => {
    for (const status of [408, 409, 429, 500, 502, 503, 504, 599]) assert.ok(answer(status).retryable, String(status));
    for (const status of [301, 400, 401, 403, 405, 411]) assert.ok(!answer(status).retryable, String(status));
    for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EPIPE']) assert.ok(translated({ code }).retryable);
    assert.ok(translated({ name: 'TimeoutError' }).retryable);
    assert.ok(answer(400, 'RequestTimeout').retryable);
    assert.ok(answer(400, 'ExpiredToken').retryable);
    assert.ok(answer(404, 'NoSuchUpload').retryable);
    assert.ok(!answer(404, 'NoSuchBucket').retryable);
    assert.ok(!answer(403, 'RequestTimeTooSkewed').retryable);
  });

  it('say where, what and how often, and never what the vendor said', () => {
    const error = translated({ name: 'SlowDown', $metadata: { httpStatusCode: 503, attempts: 5 } });
    assert.equal(
      error.message,
      'The object k could not be read after 5 attempts (SlowDown, HTTP 503; bucket bucket at https://s3.example.com).',
    );
    assert.equal((error.cause as Error).message, 'said by the vendor');
  });

  it('have codes of their own for a full store, one that cannot do it, and an interruption', () => {
    assert.equal(answer(507).code, 'store_full');
    assert.equal(answer(400, 'QuotaExceeded').code, 'store_full');
    assert.equal(answer(501, 'NotImplemented').code, 'store_unsafe');
    assert.equal(translated({ name: 'AbortError' }).code, 'cancelled');
  });

  it('name the remedy', () => {
    assert.match(answer(403, 'Forbidden').hint, /Allow s3:GetObject on the bucket bucket/);
    assert.match(answer(404, 'NoSuchBucket').hint, /Create the bucket bucket/);
    assert.match(answer(301, 'PermanentRedirect').hint, /region/);
    assert.match(translated({ name: 'CredentialsProviderError' }).hint, /access key/);
  });

  it('are not made of defects', () => {
    const defect = new TypeError('x is not a function');
    assert.throws(() => s3Error(Object.assign(defect, { $metadata: { attempts: 1 } }), ADDRESS, ATTEMPT), defect);
    const known = new NarratorError('key_invalid', 'no');
    assert.equal(s3Error(known, ADDRESS, ATTEMPT), known);
  });
});
