/**
 * What SageMaker publishes when an invocation has ended: one flat JSON document. Forms as captured; members that AWS sends only at times
 * are left out as AWS does. https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html
 */
import type { Answer } from './call-container.ts';
import type { Invocation } from './read-invocation.ts';

/** https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AsyncInferenceNotificationConfig.html */
const RESPONSE_BYTES_MAX = 128 * 1024;

/** Whoever creates, updates or scales an endpoint makes SageMaker try out the topics. */
export const TEST_NOTIFICATION = JSON.stringify({
  eventVersion: '1.0',
  eventSource: 'aws:sagemaker',
  eventName: 'TestNotification',
});

export interface NotificationContext {
  readonly endpoint: string;
  readonly region: string;
  /** the topic's messages hold the body of the response, if that is short enough */
  readonly includeResponse: boolean;
}

export function notificationOf(
  { inferenceId, input, contentType, accept, receivedAt, outputLocation }: Invocation,
  answer: Answer,
  { endpoint, region, includeResponse }: NotificationContext,
): string {
  const { body } = answer;
  return JSON.stringify({
    awsRegion: region,
    eventTime: new Date().toISOString(),
    receivedTime: receivedAt.toISOString(),
    ...(answer.kind === 'success'
      ? { invocationStatus: 'Completed' }
      : { invocationStatus: 'Failed', failureReason: answer.reason }),
    requestParameters: {
      ...(accept !== undefined && { accept }),
      ...(contentType !== undefined && { contentType }),
      endpointName: endpoint,
      // What AWS says of a request that brought its input along is not known: nobody may need it.
      ...(typeof input === 'string' && { inputLocation: input }),
    },
    ...(answer.kind === 'success' && {
      responseParameters: {
        ...(answer.contentType !== undefined && { contentType: answer.contentType }),
        outputLocation,
      },
    }),
    ...(includeResponse &&
      body !== undefined &&
      body.length <= RESPONSE_BYTES_MAX && {
        responseBody: {
          content: body.toString('base64'),
          message: 'Check S3 path location(if configured) or Cloudwatch for additional details.',
          encoding: 'BASE64',
        },
      }),
    inferenceId,
    eventVersion: '1.0',
    eventSource: 'aws:sagemaker',
    eventName: 'InferenceResult',
  });
}
