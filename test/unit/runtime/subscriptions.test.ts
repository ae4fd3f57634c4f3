import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NarratorError } from '../../../src/core/errors.ts';
import type { Subscription } from '../../../src/core/subscription.ts';
import { readConfig } from '../../../src/runtime/config.ts';
import { checkSubscriptions, deploymentSubscriptions } from '../../../src/runtime/subscriptions.ts';

const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const QUEUE = 'https://sqs.eu-west-1.amazonaws.com/123456789012/told';
const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:told';
const rules = readConfig({
  NARRATOR_ALLOW_HOSTS: 'hooks.internal, 10.0.0.1',
  NARRATOR_NOTIFY_ALLOW: `${QUEUE},${TOPIC}`,
});

const hook = (url: string, secret: string | undefined = SECRET): Subscription => ({
  kind: 'webhook',
  url,
  ...(secret !== '' && { secret }),
});
const check = (subscription: Subscription, config = rules) => checkSubscriptions([subscription], config);

describe('subscriptions that a job names', () => {
  it('are https addresses with a secret, and queues and topics that the operator lists', () => {
    check(hook('https://a.example/x?y=1'));
    check(hook('http://hooks.internal:8080/x'));
    check(hook('http://10.0.0.1/'));
    check({ kind: 'sqs', queueUrl: QUEUE });
    check({ kind: 'sns', topicArn: TOPIC });
  });

  it('are refused by the field that is wrong, and never repeated: an address may hold a token', () => {
    const refused: [Subscription, string][] = [
      [hook('nonsense-1'), 'notify[0].url'],
      [hook('http://a.example/nonsense-1'), 'notify[0].url'],
      [hook('https://user:nonsense-1@a.example/'), 'notify[0].url'],
      [hook('https://10.0.0.2/nonsense-1'), 'notify[0].url'],
      [hook('https://[::1]/nonsense-1'), 'notify[0].url'],
      [hook('file:///nonsense-1'), 'notify[0].url'],
      [hook('https://a.example/', ''), 'notify[0].secret'],
      [{ kind: 'sqs', queueUrl: `${QUEUE}-nonsense-1` }, 'notify[0].queueUrl'],
      [{ kind: 'sns', topicArn: `${TOPIC}-nonsense-1` }, 'notify[0].topicArn'],
    ];
    for (const [subscription, field] of refused) {
      assert.throws(
        () => check(subscription),
        (error: NarratorError) =>
          error.code === 'subscription_invalid' && error.details.field === field && !/nonsense/.test(error.message),
        field,
      );
    }
  });

  it('have secrets of 24 to 64 bytes, in whole base64', () => {
    const bytes = (length: number) => `whsec_${Buffer.alloc(length, 1).toString('base64')}`;
    for (const good of [bytes(24), bytes(25), bytes(64)]) check(hook('https://a.example/', good));
    for (const bad of [bytes(23), bytes(65), SECRET.slice(6), `${SECRET}=`, bytes(25).replace('=', ''), 'whsec_!!!!']) {
      assert.throws(() => check(hook('https://a.example/', bad)), { code: 'subscription_invalid' }, bad);
    }
  });

  it('may leave the secret to the deployment, if it has one', () => {
    check(hook('https://a.example/', ''), readConfig({ NARRATOR_WEBHOOK_SECRET: SECRET }));
  });
});

describe('subscriptions of the deployment', () => {
  it('are those of its settings, without the secret, which never reaches the store', () => {
    const config = readConfig({
      NARRATOR_WEBHOOK_URL: 'https://a.example/',
      NARRATOR_WEBHOOK_SECRET: SECRET,
      NARRATOR_NOTIFY_SQS_URL: QUEUE,
      NARRATOR_NOTIFY_SNS_TOPIC: TOPIC,
      NARRATOR_NOTIFY_EVENTS: 'job.failed,item.failed',
    });
    const events = ['job.failed', 'item.failed'];
    assert.deepEqual(deploymentSubscriptions(config), [
      { kind: 'webhook', url: 'https://a.example/', events },
      { kind: 'sqs', queueUrl: QUEUE, events },
      { kind: 'sns', topicArn: TOPIC, events },
    ]);
    checkSubscriptions(
      [
        { kind: 'sqs', queueUrl: QUEUE },
        { kind: 'sns', topicArn: TOPIC },
      ],
      config,
    );
    assert.deepEqual(deploymentSubscriptions(readConfig({})), []);
  });

  it('are refused at the start, by the setting that is wrong', () => {
    const url = { NARRATOR_WEBHOOK_URL: 'https://a.example/' };
    const wrong: [Record<string, string>, RegExp][] = [
      [url, /NARRATOR_WEBHOOK_SECRET/],
      [{ NARRATOR_WEBHOOK_URL: 'http://a.example/', NARRATOR_WEBHOOK_SECRET: SECRET }, /NARRATOR_WEBHOOK_URL/],
      [{ ...url, NARRATOR_WEBHOOK_SECRET: `whsec_${'A'.repeat(33)}` }, /NARRATOR_WEBHOOK_SECRET/],
      [{ NARRATOR_NOTIFY_EVENTS: 'job.done' }, /NARRATOR_NOTIFY_EVENTS.*'job.done'/],
    ];
    for (const [settings, message] of wrong) {
      assert.throws(() => deploymentSubscriptions(readConfig(settings)), { code: 'config_invalid', message });
    }
  });
});
