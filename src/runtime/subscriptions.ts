/** Whom the deployment tells of every job, and whom a job may have told. */
import { webhookKey, webhookUrlProblem } from '../adapters/notify-webhook.ts';
import { NarratorError } from '../core/errors.ts';
import { EVENT_TYPES, type EventType, type Subscription } from '../core/subscription.ts';
import type { Config, NotifyConfig } from './config.ts';

type Rules = Pick<Config, 'notify' | 'allowHosts'>;

/**
 * Those of the settings; their secret is not in them, so that it never reaches the store.
 * @throws NarratorError config_invalid
 */
export function deploymentSubscriptions({ notify, allowHosts }: Rules): Subscription[] {
  const { webhookUrl, webhookSecret, sqsUrl, snsTopic } = notify;
  const events = eventsOf(notify);
  const told = events === undefined ? {} : { events };
  if (webhookUrl !== undefined) {
    const problem = webhookUrlProblem(webhookUrl, allowHosts);
    if (problem !== undefined) throw unusable('NARRATOR_WEBHOOK_URL', problem);
    if (webhookSecret === undefined)
      throw unusable('NARRATOR_WEBHOOK_SECRET', 'it must be set for NARRATOR_WEBHOOK_URL');
  }
  if (webhookSecret !== undefined && webhookKey(webhookSecret) === undefined) {
    throw unusable('NARRATOR_WEBHOOK_SECRET', SECRET_RULE);
  }
  return [
    ...(webhookUrl === undefined ? [] : [{ kind: 'webhook', url: webhookUrl, ...told } as const]),
    ...(sqsUrl === undefined ? [] : [{ kind: 'sqs', queueUrl: sqsUrl, ...told } as const]),
    ...(snsTopic === undefined ? [] : [{ kind: 'sns', topicArn: snsTopic, ...told } as const]),
  ];
}

const SECRET_RULE = "it must be 'whsec_' and the base64 of 24 to 64 random bytes";

function eventsOf({ events }: NotifyConfig): EventType[] | undefined {
  const known: readonly string[] = EVENT_TYPES;
  const unknown = events?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw unusable('NARRATOR_NOTIFY_EVENTS', `there is no event '${unknown}'; there are ${EVENT_TYPES.join(', ')}`);
  }
  return events as EventType[] | undefined;
}

function unusable(name: string, why: string): NarratorError {
  return new NarratorError('config_invalid', `${name}: ${why}.`);
}

/**
 * Those that a client names: public https addresses with a secret, and queues and topics that the operator lists. What a name
 * resolves to is looked at when it is told.
 * @throws NarratorError subscription_invalid, naming the field: 'notify[0].url'
 */
export function checkSubscriptions(subscriptions: readonly Subscription[], rules: Rules): void {
  for (const [at, subscription] of subscriptions.entries()) checkSubscription(subscription, `notify[${at}]`, rules);
}

function checkSubscription(subscription: Subscription, field: string, { notify, allowHosts }: Rules): void {
  switch (subscription.kind) {
    case 'webhook': {
      const problem = webhookUrlProblem(subscription.url, allowHosts);
      if (problem !== undefined) throw refused(`${field}.url`, problem);
      const { secret } = subscription;
      if (secret === undefined && notify.webhookSecret === undefined) {
        throw refused(`${field}.secret`, 'it is missing, and the deployment has none of its own');
      }
      if (secret !== undefined && webhookKey(secret) === undefined) throw refused(`${field}.secret`, SECRET_RULE);
      return;
    }
    case 'sqs':
      return checkListed(subscription.queueUrl, `${field}.queueUrl`, [notify.sqsUrl, ...notify.allow]);
    case 'sns':
      return checkListed(subscription.topicArn, `${field}.topicArn`, [notify.snsTopic, ...notify.allow]);
  }
}

function checkListed(name: string, field: string, listed: readonly (string | undefined)[]): void {
  if (!listed.includes(name)) throw refused(field, 'it is none that NARRATOR_NOTIFY_ALLOW lists');
}

/** The value is not repeated: it may hold a token. */
function refused(field: string, why: string): NarratorError {
  return new NarratorError('subscription_invalid', `${field} cannot be used: ${why}.`, { field });
}
