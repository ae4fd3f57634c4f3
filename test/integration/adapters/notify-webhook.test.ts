import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { WebhookSender } from '../../../src/adapters/notify-webhook.ts';
import type { DeliveryError } from '../../../src/core/deliver-outbox.ts';
import type { JobEvent } from '../../../src/core/events.ts';
import { startUnrulyReceiver } from './unruly-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const event: JobEvent = {
  id: `evt_${'0'.repeat(32)}`,
  type: 'job.completed',
  timestamp: '2026-01-01T00:00:00.000Z',
  data: { jobId: 'job', round: 1 },
};

describe('a webhook', { timeout: 60_000 }, () => {
  let receiver: Awaited<ReturnType<typeof startUnrulyReceiver>>;
  const sender = new WebhookSender({ allowHosts: ['127.0.0.1'], timeoutMs: 500 });
  const idle = new AbortController().signal;
  const send = (path: string) => sender.send(receiver.url(path), SECRET, event, idle);
  before(async () => {
    receiver = await startUnrulyReceiver();
  });
  after(async () => {
    await sender.close();
    await sender.close();
    receiver.close();
  });

  const failing = (message: RegExp, { retryable = true, retryAfterMs = undefined as number | undefined } = {}) => {
    return (error: DeliveryError) => {
      assert.equal(error.code, 'delivery_failed');
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /token/);
      assert.deepEqual([error.retryable, error.retryAfterMs], [retryable, retryAfterMs]);
      return true;
    };
  };

  it('arrives as the event itself, signed so that the reference library accepts it', async () => {
    await send('/200?token=1');
    const { headers, body, path } = receiver.received.at(-1) ?? assert.fail();
    assert.equal(path, '/200?token=1');
    assert.deepEqual(new Webhook(SECRET).verify(body, headers as Record<string, string>), event);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['webhook-id'], event.id);
  });

  it('counts as taken with any 2xx, as not taken with anything else', async () => {
    for (const status of [201, 202, 204]) await send(`/${status}`);
    for (const status of [400, 401, 404, 500, 503]) {
      await assert.rejects(send(`/${status}?token=1`), failing(new RegExp(`status ${status}`)));
    }
    await assert.rejects(send('/410'), failing(/status 410/, { retryable: false }));
    await assert.rejects(send('/later'), failing(/status 429/, { retryAfterMs: 3_600_000 }));
  });

  it('follows no redirect', async () => {
    const before = receiver.received.length;
    await assert.rejects(send('/redirects'), failing(/status 302.*not followed/));
    assert.equal(receiver.received.length, before + 1);
  });

  it('waits for no receiver longer than its limit, and reads no answer without end', async () => {
    await assert.rejects(send('/hangs?token=1'), failing(/no answer within 500 ms/));
    await send('/endless');
  });

  it('ends when it is told to', async () => {
    const abort = new AbortController();
    const sent = sender.send(receiver.url('/hangs'), SECRET, event, abort.signal);
    abort.abort();
    await assert.rejects(sent, failing(/could not be reached/));
  });

  it('reaches no private address, by number or by name, unless the operator allows that very host', async () => {
    const strict = new WebhookSender({ allowHosts: ['metadata.example'], timeoutMs: 500 });
    const before = receiver.received.length;
    const { port } = receiver;
    for (const url of [
      `https://127.0.0.1:${port}/200`,
      `https://localhost:${port}/200`,
      `https://[::ffff:7f00:1]:${port}/200`,
      `http://127.0.0.1:${port}/200`,
      'https://169.254.169.254/latest/meta-data',
    ]) {
      await assert.rejects(strict.send(url, SECRET, event, idle), failing(/cannot be told/, { retryable: false }));
    }
    assert.equal(receiver.received.length, before);
    await strict.close();
  });

  it('is never sent without a signature', async () => {
    const sent = sender.send(receiver.url('/200'), '', event, idle);
    await assert.rejects(sent, failing(/no usable secret/, { retryable: false }));
  });
});
