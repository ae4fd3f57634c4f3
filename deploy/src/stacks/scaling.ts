/**
 * From no instance to many and back. What decides:
 * - the backlog of each instance, tracked, once there is an instance;
 * - "work, but nobody to do it", which starts the first one: with none the backlog of each instance has no value;
 * - our own count of shards in flight, which keeps the last one. SageMaker's backlog has been seen at 0 while an invocation was still
 *   at work, and the instance was then taken away below it (repost.aws/questions/QUnDC8okgyRECi6U1sc7ENVg);
 * - an hour without any backlog, which ends everything: no invocation lasts longer, and no doubt about a metric shall cost instances.
 */
import type { CfnCondition } from 'aws-cdk-lib';
import { CfnScalableTarget, CfnScalingPolicy } from 'aws-cdk-lib/aws-applicationautoscaling';
import { CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { CfnEndpoint } from 'aws-cdk-lib/aws-sagemaker';
import type { Construct } from 'constructs';
import type { EndpointParameters } from './endpoint-parameters.ts';
import { IN_FLIGHT_METRIC, METRIC_NAMESPACE, VARIANT } from './names.ts';

/** A cold start costs minutes: an instance is kept for longer than that after its last work. */
const SCALE_IN_COOLDOWN_S = 900;
/** An instance takes about so long to come up; before that another one would be one too many. */
const SCALE_OUT_COOLDOWN_S = 300;

/**
 * A term so small that it never asks for a second instance (10,000 shards are a hundredth), and not 0: target tracking rounds up, so that one
 * instance stays. Without the metric, because nobody publishes it, the backlog decides alone.
 */
const EXPRESSION = 'MAX([backlog, FILL(shards, 0) / 1000000])';

export interface ScalingOptions {
  readonly endpoint: CfnEndpoint;
  readonly parameters: EndpointParameters;
  readonly isOn: CfnCondition;
}

export function scaleFromZero(scope: Construct, { endpoint, parameters, isOn }: ScalingOptions): void {
  const endpointName = endpoint.attrEndpointName;
  const dimensions = [{ name: 'EndpointName', value: endpointName }];
  const target = new CfnScalableTarget(scope, 'Capacity', {
    serviceNamespace: 'sagemaker',
    scalableDimension: 'sagemaker:variant:DesiredInstanceCount',
    resourceId: `endpoint/${endpointName}/variant/${VARIANT}`,
    minCapacity: parameters.minInstances.valueAsNumber,
    maxCapacity: parameters.maxInstances.valueAsNumber,
  });
  const tracking = new CfnScalingPolicy(scope, 'TrackBacklog', {
    policyName: 'backlog-of-each-instance',
    policyType: 'TargetTrackingScaling',
    scalingTargetId: target.ref,
    targetTrackingScalingPolicyConfiguration: {
      targetValue: parameters.backlogTarget.valueAsNumber,
      scaleInCooldown: SCALE_IN_COOLDOWN_S,
      scaleOutCooldown: SCALE_OUT_COOLDOWN_S,
      customizedMetricSpecification: {
        metrics: [
          trackedMetric('backlog', 'AWS/SageMaker', 'ApproximateBacklogSizePerInstance', 'Average', dimensions),
          trackedMetric('shards', METRIC_NAMESPACE, IN_FLIGHT_METRIC, 'Maximum', dimensions),
          { id: 'work', label: 'shards of each instance', expression: EXPRESSION, returnData: true },
        ],
      },
    },
  });
  const first = new CfnScalingPolicy(scope, 'StartFirst', {
    policyName: 'work-but-no-instance',
    policyType: 'StepScaling',
    scalingTargetId: target.ref,
    stepScalingPolicyConfiguration: {
      adjustmentType: 'ChangeInCapacity',
      metricAggregationType: 'Average',
      cooldown: SCALE_OUT_COOLDOWN_S,
      stepAdjustments: [{ metricIntervalLowerBound: 0, scalingAdjustment: 1 }],
    },
  });
  const alarm = new CfnAlarm(scope, 'WorkWithoutInstance', {
    alarmDescription: 'Starts the first instance. Being in alarm for some minutes is how it works.',
    namespace: 'AWS/SageMaker',
    metricName: 'HasBacklogWithoutCapacity',
    dimensions,
    statistic: 'Average',
    period: 60,
    evaluationPeriods: 2,
    datapointsToAlarm: 2,
    threshold: 1,
    comparisonOperator: 'GreaterThanOrEqualToThreshold',
    treatMissingData: 'missing',
    alarmActions: [first.ref],
  });
  const end = new CfnScalingPolicy(scope, 'EndIdle', {
    policyName: 'an-hour-without-work',
    policyType: 'StepScaling',
    scalingTargetId: target.ref,
    stepScalingPolicyConfiguration: {
      // MinInstances bounds it.
      adjustmentType: 'ExactCapacity',
      metricAggregationType: 'Maximum',
      cooldown: SCALE_IN_COOLDOWN_S,
      stepAdjustments: [{ metricIntervalUpperBound: 0, scalingAdjustment: 0 }],
    },
  });
  const idle = new CfnAlarm(scope, 'HourWithoutWork', {
    alarmDescription: 'Ends the last instances. Being in alarm while nothing is to be done is how it works.',
    namespace: 'AWS/SageMaker',
    metricName: 'ApproximateBacklogSize',
    dimensions,
    statistic: 'Maximum',
    period: 60,
    evaluationPeriods: 60,
    datapointsToAlarm: 60,
    threshold: 0,
    comparisonOperator: 'LessThanOrEqualToThreshold',
    treatMissingData: 'notBreaching',
    alarmActions: [end.ref],
  });
  for (const resource of [target, tracking, first, alarm, end, idle]) resource.cfnOptions.condition = isOn;
}

function trackedMetric(
  id: string,
  namespace: string,
  metricName: string,
  stat: string,
  dimensions: readonly { name: string; value: string }[],
): CfnScalingPolicy.TargetTrackingMetricDataQueryProperty {
  return {
    id,
    metricStat: { metric: { namespace, metricName, dimensions: [...dimensions] }, stat },
    returnData: false,
  };
}
