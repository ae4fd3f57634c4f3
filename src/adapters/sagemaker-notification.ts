/** What SageMaker publishes at the end of an invocation: through SNS, in its envelope or raw, into a queue. */
import { z } from 'zod';

export interface InferenceNotification {
  readonly inferenceId: string;
  readonly isCompleted: boolean;
  /** with which the container answered; 0: it did not answer at all; undefined: nobody says */
  readonly status: number | undefined;
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html */
const envelopeSchema = z.object({ Type: z.literal('Notification'), Message: z.string() });

/**
 * Everything else that AWS's own samples show is absent in some case or other.
 * https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html
 */
const resultSchema = z.object({
  eventName: z.literal('InferenceResult'),
  inferenceId: z.string().min(1).max(64),
  invocationStatus: z.enum(['Completed', 'Failed']),
  failureReason: z.string().optional().catch(undefined),
});

/** @returns undefined for whatever is no end of an invocation: the test that every change of an endpoint sends, and what others write into the queue */
export function parseNotification(body: string): InferenceNotification | undefined {
  const published = parsedJson(body);
  const envelope = envelopeSchema.safeParse(published);
  const { success, data } = resultSchema.safeParse(envelope.success ? parsedJson(envelope.data.Message) : published);
  if (!success) return undefined;
  const { inferenceId, invocationStatus, failureReason } = data;
  return { inferenceId, isCompleted: invocationStatus === 'Completed', status: statusIn(failureReason) };
}

/** 'Received client error (400) from model', 'Received server error (0) from model': nothing else carries the status. */
function statusIn(failureReason = ''): number | undefined {
  const [, digits] = /\((\d{1,3})\)/.exec(failureReason) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
