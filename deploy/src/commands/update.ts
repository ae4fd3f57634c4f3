import type { Context } from '../aws/context.ts';
import { deployStack } from '../aws/deploy-stack.ts';
import { readStack } from '../aws/read-stack.ts';
import { DeployError } from '../deploy-error.ts';
import { endpointName, realtimeName, stackName } from '../stacks/names.ts';
import { synthesise } from '../stacks/synthesise.ts';
import { readEndpoint, waitForService } from './wait.ts';

export type UpdatedStack = 'endpoint' | 'realtime';

/**
 * Another image or model for an endpoint that is there. SageMaker starts new instances beside the old ones, watches them, and goes back
 * if they do not come up or an alarm goes off; CloudFormation then goes back too.
 * @throws DeployError with the reason, once everything is as it was
 */
export async function update(
  context: Context,
  kind: UpdatedStack,
  parameters: Readonly<Record<string, string>>,
): Promise<void> {
  const { deployment, say } = context;
  const stack = stackName(deployment, kind);
  const name = kind === 'endpoint' ? endpointName(deployment) : realtimeName(deployment);
  if ((await readStack(context, stack)) === undefined) {
    throw new DeployError(`There is no stack ${stack} to update.`, `Deploy it: npm run stack -- ${kind}`);
  }
  const instances = (await readEndpoint(context, name))?.ProductionVariants?.[0]?.CurrentInstanceCount ?? 0;
  // Keeping a number of 0 would take an image into service that was never started.
  const retain: Record<string, string> = kind === 'endpoint' ? { RetainVariantProperties: String(instances > 1) } : {};
  const template = synthesise(deployment)[kind];
  const request = { name: stack, template, parameters: { ...retain, ...parameters }, protect: false };
  const outcome = await deployStack(context, request);
  say(`${stack}: ${outcome}`);
  await waitForService(context, name);
}
