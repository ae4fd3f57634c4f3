/** What a person should know of. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { EndpointParameters } from './endpoint-parameters.ts';
import { isSet } from './endpoint-parameters.ts';
import { VARIANT } from './names.ts';

const MINUTE = Duration.minutes(1);

export function endpointMetric(endpointName: string, metricName: string, statistic: string): cloudwatch.Metric {
  const dimensionsMap = { EndpointName: endpointName };
  return new cloudwatch.Metric({ namespace: 'AWS/SageMaker', metricName, statistic, period: MINUTE, dimensionsMap });
}

export function variantMetric(
  endpointName: string,
  metricName: string,
  statistic: string,
  namespace = 'AWS/SageMaker',
): cloudwatch.Metric {
  const dimensionsMap = { EndpointName: endpointName, VariantName: VARIANT };
  return new cloudwatch.Metric({ namespace, metricName, statistic, period: MINUTE, dimensionsMap });
}

/** Also rolls an update back: so it knows the endpoint by name only, and is there before it. */
export function failuresAlarm(scope: Construct, endpointName: string): cloudwatch.Alarm {
  return new cloudwatch.Alarm(scope, 'InvocationsFail', {
    alarmDescription:
      'Five or more invocations a minute fail, two minutes in a row. Rolls an update back that is under way.',
    metric: variantMetric(endpointName, 'InvocationFailures', 'Sum'),
    threshold: 5,
    evaluationPeriods: 2,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });
}

export interface AlarmOptions {
  readonly endpointName: string;
  readonly parameters: EndpointParameters;
  readonly failures: cloudwatch.Alarm;
  readonly deadQueues: Readonly<Record<string, sqs.IQueue>>;
}

export function alarms(parent: Construct, options: AlarmOptions): cloudwatch.Alarm[] {
  const scope = new Construct(parent, 'Alarms');
  const { endpointName, parameters, failures, deadQueues } = options;
  const made = [
    failures,
    new cloudwatch.Alarm(scope, 'ShardsWait', {
      alarmDescription: 'A shard has waited too long: no capacity, quota reached, or instances that do not come up.',
      metric: endpointMetric(endpointName, 'ApproximateAgeOfOldestRequest', 'Maximum'),
      threshold: parameters.oldestRequestSeconds.valueAsNumber,
      evaluationPeriods: 3,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    }),
    new cloudwatch.Alarm(scope, 'ShardsExpire', {
      alarmDescription:
        'Shards waited longer than NARRATOR_SAGEMAKER_TTL_S. They are submitted again; NARRATOR_WINDOW may be too large.',
      metric: variantMetric(endpointName, 'ExpiredRequests', 'Sum'),
      threshold: 0,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    }),
    new cloudwatch.Alarm(scope, 'InstancesIdle', {
      alarmDescription:
        'Instances are paid for and did nothing for an hour: scaling-in does not work, or MinInstances is not 0.',
      metric: variantMetric(endpointName, 'GPUUtilization', 'Maximum', '/aws/sagemaker/Endpoints'),
      threshold: 1,
      evaluationPeriods: 60,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      // No instance, no value, no cost.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    }),
    ...Object.entries(deadQueues).map(
      ([name, queue]) =>
        new cloudwatch.Alarm(scope, `${name}Dead`, {
          alarmDescription:
            'Messages that nobody could take: docs/deploy-aws.md says how they are looked at and moved back.',
          metric: queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: MINUTE }),
          threshold: 0,
          evaluationPeriods: 1,
          comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
          treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
        }),
    ),
  ];
  const topic = alarmTopic(scope, parameters);
  for (const alarm of made) alarm.addAlarmAction(new actions.SnsAction(topic));
  return made;
}

function alarmTopic(scope: Construct, { alarmEmail }: EndpointParameters): sns.Topic {
  const topic = new sns.Topic(scope, 'Topic', { enforceSSL: true });
  const email = new sns.CfnSubscription(scope, 'Email', {
    topicArn: topic.topicArn,
    protocol: 'email',
    endpoint: alarmEmail.valueAsString,
  });
  email.cfnOptions.condition = isSet(scope, 'HasEmail', alarmEmail);
  return topic;
}
