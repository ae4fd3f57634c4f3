import { setTimeout as delay } from 'node:timers/promises';
import { DescribeEndpointCommand, type DescribeEndpointOutput, EndpointStatus } from '@aws-sdk/client-sagemaker';
import type { Context } from '../aws/context.ts';
import { DeployError } from '../deploy-error.ts';

/** An endpoint comes up within 20 minutes or so; an update also watches and drains. */
const LONGEST_MS = 3 * 3_600_000;

const MOVING: readonly string[] = [
  EndpointStatus.CREATING,
  EndpointStatus.UPDATING,
  EndpointStatus.SYSTEM_UPDATING,
  EndpointStatus.ROLLING_BACK,
];

/** @returns undefined if there is no such endpoint */
export async function readEndpoint(context: Context, name: string): Promise<DescribeEndpointOutput | undefined> {
  try {
    return await context.sageMaker.send(new DescribeEndpointCommand({ EndpointName: name }));
  } catch (error) {
    // SageMaker answers with a ValidationException and no code of its own: "Could not find endpoint …".
    const isMissing = error instanceof Error && error.name === 'ValidationException';
    if (isMissing && error.message.startsWith('Could not find')) return undefined;
    throw error;
  }
}

/** @throws DeployError if the endpoint is not there, failed, was rolled back, or takes longer than anything should */
export async function waitForService(
  context: Context,
  name: string,
  longestMs = LONGEST_MS,
): Promise<DescribeEndpointOutput> {
  const giveUpAt = performance.now() + longestMs;
  let last: string | undefined;
  let rolledBack = false;
  for (;;) {
    const endpoint = await readEndpoint(context, name);
    if (endpoint === undefined) {
      throw new DeployError(`There is no endpoint ${name}.`, 'Deploy it: npm run stack -- endpoint');
    }
    const { EndpointStatus: status = '', FailureReason: reason = 'SageMaker gave no reason.' } = endpoint;
    rolledBack ||= status === EndpointStatus.ROLLING_BACK;
    if (status !== last) context.say(`${name}: ${status}`);
    last = status;
    if (status === EndpointStatus.IN_SERVICE && !rolledBack) return endpoint;
    if (!MOVING.includes(status)) {
      const hint = 'The log group /aws/sagemaker/Endpoints/… holds what the container said; see docs/deploy-aws.md.';
      const what = rolledBack ? 'was rolled back to what it was before' : `is ${status}`;
      throw new DeployError(`The endpoint ${name} ${what}: ${reason}`, hint);
    }
    if (performance.now() > giveUpAt) {
      throw new DeployError(
        `The endpoint ${name} is still ${status} after ${Math.round(longestMs / 60_000)} minutes.`,
        'Look at its events in the console of CloudFormation.',
      );
    }
    await delay(context.pollMs);
  }
}
