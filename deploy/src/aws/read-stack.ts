import { type Stack, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DeployError } from '../deploy-error.ts';
import { stackName, type StackKind } from '../stacks/names.ts';
import type { Context } from './context.ts';

/** @returns undefined if there is none, or none any more */
export async function readStack({ cloudFormation }: Context, name: string): Promise<Stack | undefined> {
  try {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.find(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE');
  } catch (error) {
    // CloudFormation has no code of its own for a stack that is not there.
    if (isValidationError(error) && error.message.endsWith('does not exist')) return undefined;
    throw error;
  }
}

export function isValidationError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ValidationError';
}

/** @throws DeployError if the stack is not there or has no such output */
export async function readOutputs(context: Context, kind: StackKind): Promise<(output: string) => string> {
  const name = stackName(context.deployment, kind);
  const stack = await readStack(context, name);
  if (stack === undefined) throw new DeployError(`There is no stack ${name}.`, `Deploy it: npm run stack -- ${kind}`);
  return (output) => {
    const value = stack.Outputs?.find(({ OutputKey }) => OutputKey === output)?.OutputValue;
    if (value !== undefined) return value;
    throw new DeployError(
      `The stack ${name} (${stack.StackStatus}) has no output ${output}.`,
      `Deploy it again: npm run stack -- ${kind}`,
    );
  };
}

/** Values of the deployed stack; what is kept secret is not among them, and no template of ours keeps any. */
export function parametersOf(stack: Stack | undefined): Readonly<Record<string, string>> {
  const entries = (stack?.Parameters ?? []).map(({ ParameterKey = '', ParameterValue = '' }) => [
    ParameterKey,
    ParameterValue,
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}
