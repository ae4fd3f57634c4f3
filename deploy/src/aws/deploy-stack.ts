/** Puts a template into the account: creates its stack, or updates it with what differs. */
import { randomUUID } from 'node:crypto';
import {
  CreateStackCommand,
  DeleteStackCommand,
  type Parameter,
  type Stack,
  UpdateStackCommand,
  UpdateTerminationProtectionCommand,
} from '@aws-sdk/client-cloudformation';
import { DeployError } from '../deploy-error.ts';
import type { Template } from '../stacks/synthesise.ts';
import type { Context } from './context.ts';
import { followStack } from './follow-stack.ts';
import { isValidationError, readStack } from './read-stack.ts';

/** Of a template that travels in the request itself: then nothing has to be there before the first stack. */
export const TEMPLATE_BYTES_MAX = 51_200;

/** Left behind by a creation that failed; such a stack can only be deleted. */
const NEVER_BORN = ['ROLLBACK_COMPLETE', 'ROLLBACK_FAILED', 'CREATE_FAILED', 'REVIEW_IN_PROGRESS'];

export interface StackRequest {
  readonly name: string;
  readonly template: Template;
  /** what is not named keeps its value, or has the template's default at first */
  readonly parameters: Readonly<Record<string, string>>;
  /** against being deleted by mistake */
  readonly protect: boolean;
}

/** @returns whether anything was changed @throws DeployError */
export async function deployStack(
  context: Context,
  request: StackRequest,
): Promise<'created' | 'updated' | 'unchanged'> {
  const { name, template } = request;
  let stack = await readStack(context, name);
  if (stack?.StackStatus?.endsWith('_IN_PROGRESS')) {
    throw new DeployError(
      `The stack ${name} is being changed already (${stack.StackStatus}).`,
      'Wait until that is done.',
    );
  }
  if (stack?.StackStatus === 'UPDATE_ROLLBACK_FAILED') {
    throw new DeployError(
      `The stack ${name} is stuck in UPDATE_ROLLBACK_FAILED.`,
      `Remove what its events name, then: aws cloudformation continue-update-rollback --stack-name ${name}`,
    );
  }
  if (stack !== undefined && NEVER_BORN.includes(stack.StackStatus ?? '')) {
    context.say(`${name} was never completed (${stack.StackStatus}): it is deleted first`);
    await deleteStack(context, name);
    stack = undefined;
  }
  const body = JSON.stringify(template);
  const token = randomUUID();
  const input = {
    StackName: name,
    TemplateBody: body,
    Parameters: chosenParameters(request, stack),
    Capabilities: ['CAPABILITY_IAM' as const],
    ClientRequestToken: token,
  };
  if (stack === undefined) {
    const command = new CreateStackCommand({ ...input, EnableTerminationProtection: request.protect });
    const { StackId = name } = await context.cloudFormation.send(command);
    await followStack(context, { stackName: name, stackId: StackId, token, goal: 'CREATE_COMPLETE' });
    return 'created';
  }
  try {
    const { StackId = name } = await context.cloudFormation.send(new UpdateStackCommand(input));
    await followStack(context, { stackName: name, stackId: StackId, token, goal: 'UPDATE_COMPLETE' });
    return 'updated';
  } catch (error) {
    // There is no code for that either.
    if (isValidationError(error) && error.message.includes('No updates are to be performed')) return 'unchanged';
    throw error;
  }
}

/** @throws DeployError for names that the template does not know, and for values that are missing */
function chosenParameters({ name, template, parameters }: StackRequest, stack: Stack | undefined): Parameter[] {
  const known = template.Parameters ?? {};
  const unknown = Object.keys(parameters).filter((key) => !(key in known));
  if (unknown.length > 0) {
    const list = Object.keys(known).join(', ') || 'none';
    throw new DeployError(`The stack ${name} has no parameter ${unknown.join(', ')}.`, `It has: ${list}.`);
  }
  const deployed = new Set((stack?.Parameters ?? []).map(({ ParameterKey }) => ParameterKey));
  const chosen: Parameter[] = [];
  const missing: string[] = [];
  for (const [key, { Default, Description = '' }] of Object.entries(known)) {
    const value = parameters[key];
    if (value !== undefined) chosen.push({ ParameterKey: key, ParameterValue: value });
    else if (deployed.has(key)) chosen.push({ ParameterKey: key, UsePreviousValue: true });
    else if (Default === undefined) missing.push(`--set ${key}=…  ${Description}`);
  }
  if (missing.length === 0) return chosen;
  throw new DeployError(
    `The stack ${name} needs values for:\n  ${missing.join('\n  ')}`,
    'Give them and run it again.',
  );
}

/** @returns false if there was no such stack */
export async function deleteStack(context: Context, name: string): Promise<boolean> {
  const { cloudFormation } = context;
  const stack = await readStack(context, name);
  if (stack === undefined) return false;
  if (stack.EnableTerminationProtection === true) {
    await cloudFormation.send(
      new UpdateTerminationProtectionCommand({ StackName: name, EnableTerminationProtection: false }),
    );
  }
  const token = randomUUID();
  await cloudFormation.send(new DeleteStackCommand({ StackName: name, ClientRequestToken: token }));
  await followStack(context, { stackName: name, stackId: stack.StackId ?? name, token, goal: 'DELETE_COMPLETE' });
  return true;
}
