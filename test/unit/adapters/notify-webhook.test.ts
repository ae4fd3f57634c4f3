import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { parseRetryAfter, signatureHeaders, webhookKey } from '../../../src/adapters/notify-webhook.ts';

const SECRET = `whsec_${Buffer.from('0123456789abcdef01234567').toString('base64')}`;

describe('the signature of a webhook', () => {
  const payload = JSON.stringify({ type: 'job.completed', data: { jobId: 'Bücher' } });
  const at = new Date();
  const headers = signatureHeaders('evt_1', at, payload, webhookKey(SECRET) ?? assert.fail());

  it('is the one that the reference library makes and verifies', () => {
    const reference = new Webhook(SECRET);
    assert.equal(headers['webhook-signature'], reference.sign('evt_1', at, payload));
    assert.deepEqual(reference.verify(payload, headers), JSON.parse(payload));
  });

  it('is refused for another payload, another id, another secret, and when it is old', () => {
    const other = new Webhook(`whsec_${Buffer.alloc(24, 1).toString('base64')}`);
    const old = signatureHeaders('evt_1', new Date(0), payload, webhookKey(SECRET) ?? assert.fail());
    assert.throws(() => new Webhook(SECRET).verify(`${payload} `, headers));
    assert.throws(() => new Webhook(SECRET).verify(payload, { ...headers, 'webhook-id': 'evt_2' }));
    assert.throws(() => other.verify(payload, headers));
    assert.throws(() => new Webhook(SECRET).verify(payload, old));
  });
});

describe('Retry-After', () => {
  it('is a number of seconds or a date, and nothing else', () => {
    const now = new Date('2026-01-01T00:00:00Z');
    assert.equal(parseRetryAfter('120', now), 120_000);
    assert.equal(parseRetryAfter('Thu, 01 Jan 2026 00:01:00 GMT', now), 60_000);
    assert.equal(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now), 0);
    for (const nonsense of [undefined, '', 'soon', '-', '1'.repeat(30)]) {
      assert.equal(parseRetryAfter(nonsense, now), undefined, nonsense);
    }
  });
});
