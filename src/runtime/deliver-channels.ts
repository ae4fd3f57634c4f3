/** The ways by which events reach their receivers. The packages of a way are loaded when somebody uses it. */
import type { SnsSender } from '../adapters/notify-sns.ts';
import type { SqsSender } from '../adapters/notify-sqs.ts';
import { WebhookSender } from '../adapters/notify-webhook.ts';
import type { Deliver } from '../core/deliver-outbox.ts';
import type { Config } from './config.ts';

export interface Channels {
  readonly deliver: Deliver;
  /** Closes idle connections. Idempotent. */
  readonly close: () => Promise<void>;
}

/** Opens nothing yet. */
export function openChannels({ notify, allowHosts }: Pick<Config, 'notify' | 'allowHosts'>): Channels {
  const webhooks = new WebhookSender({ allowHosts });
  let sqs: Promise<SqsSender> | undefined;
  let sns: Promise<SnsSender> | undefined;
  return {
    deliver: async (subscription, event, { signal }) => {
      switch (subscription.kind) {
        case 'webhook':
          return webhooks.send(subscription.url, subscription.secret ?? notify.webhookSecret ?? '', event, signal);
        case 'sqs':
          sqs ??= import('../adapters/notify-sqs.ts').then(({ SqsSender }) => new SqsSender());
          return (await sqs).send(subscription.queueUrl, event, signal);
        case 'sns':
          sns ??= import('../adapters/notify-sns.ts').then(({ SnsSender }) => new SnsSender());
          return (await sns).send(subscription.topicArn, event, signal);
      }
    },
    close: async () => {
      await webhooks.close();
      (await sqs)?.close();
      (await sns)?.close();
    },
  };
}
