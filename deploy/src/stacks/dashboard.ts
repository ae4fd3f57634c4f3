import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { endpointMetric, variantMetric } from './alarms.ts';
import { IN_FLIGHT_METRIC, METRIC_NAMESPACE } from './names.ts';

export interface DashboardOptions {
  readonly dashboardName: string;
  readonly endpointName: string;
  readonly alarms: readonly cloudwatch.IAlarm[];
}

/** One page that answers: is there work, does somebody do it, how long does it take, what fails? */
export function dashboard(scope: Construct, { dashboardName, endpointName, alarms }: DashboardOptions): void {
  const ofEndpoint = (name: string, statistic = 'Maximum') => endpointMetric(endpointName, name, statistic);
  const ofVariant = (name: string, statistic = 'Sum') => variantMetric(endpointName, name, statistic);
  const ofHost = (name: string) => variantMetric(endpointName, name, 'Average', '/aws/sagemaker/Endpoints');
  const inFlight = new cloudwatch.Metric({
    namespace: METRIC_NAMESPACE,
    metricName: IN_FLIGHT_METRIC,
    dimensionsMap: { EndpointName: endpointName },
    statistic: 'Maximum',
    period: Duration.minutes(1),
  });
  const graph = (title: string, left: cloudwatch.IMetric[]) =>
    new cloudwatch.GraphWidget({ title, left, width: 12, height: 6 });
  new cloudwatch.Dashboard(scope, 'Dashboard', {
    dashboardName,
    widgets: [
      [new cloudwatch.AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24, height: 3 })],
      [
        graph('Work', [inFlight, ofEndpoint('ApproximateBacklogSize'), ofEndpoint('HasBacklogWithoutCapacity')]),
        graph('Seconds that the oldest shard waits', [ofEndpoint('ApproximateAgeOfOldestRequest')]),
      ],
      [
        graph('Invocations', [
          // The name is spelt like that.
          ofVariant('InvocationsProcesssed'),
          ofVariant('InvocationFailures'),
          ofVariant('ExpiredRequests'),
        ]),
        graph('Milliseconds', [ofVariant('TimeInBacklog', 'p90'), ofVariant('TotalProcessingTime', 'p90')]),
      ],
      [
        graph('Utilisation in per cent', [
          ofHost('GPUUtilization'),
          ofHost('GPUMemoryUtilization'),
          ofHost('CPUUtilization'),
        ]),
        graph('Input, output and notifications that failed', [
          ofVariant('RequestDownloadFailures'),
          ofVariant('ResponseUploadFailures'),
          ofVariant('NotificationFailures'),
        ]),
      ],
    ],
  });
}
