import type { DescribeEndpointOutput } from '@aws-sdk/client-sagemaker';
import type { Context } from '../aws/context.ts';
import { parametersOf, readStack } from '../aws/read-stack.ts';
import { endpointName, realtimeName, stackName, STACKS } from '../stacks/names.ts';
import { readEndpoint } from './wait.ts';

/** Says what is deployed, what runs, and so what costs. */
export async function status(context: Context): Promise<void> {
  const { deployment, say } = context;
  for (const kind of STACKS) {
    const name = stackName(deployment, kind);
    const stack = await readStack(context, name);
    say(`${name}: ${stack?.StackStatus ?? 'not deployed'}`);
    const { ImageDigest, ModelPrefix } = parametersOf(stack);
    if (ImageDigest !== undefined) say(`  image ${ImageDigest}, model ${ModelPrefix || "the image's own"}`);
  }
  for (const name of [endpointName(deployment), realtimeName(deployment)]) {
    const endpoint = await readEndpoint(context, name);
    if (endpoint !== undefined) say(describe(name, endpoint));
  }
}

function describe(name: string, endpoint: DescribeEndpointOutput): string {
  const variant = endpoint.ProductionVariants?.[0];
  const count = (instances: number | undefined) => (instances === undefined ? '?' : String(instances));
  const instances = `${count(variant?.CurrentInstanceCount)} of ${count(variant?.DesiredInstanceCount)} instances`;
  const reason = endpoint.FailureReason === undefined ? '' : `\n  ${endpoint.FailureReason}`;
  return `endpoint ${name}: ${endpoint.EndpointStatus}, ${instances}${reason}`;
}
