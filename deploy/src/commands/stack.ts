import { deployStack } from '../aws/deploy-stack.ts';
import type { Context } from '../aws/context.ts';
import { readStack } from '../aws/read-stack.ts';
import { stackName, type StackKind } from '../stacks/names.ts';
import { synthesise } from '../stacks/synthesise.ts';

/** Creates or updates one stack, and says what it gives out. @throws DeployError */
export async function deploy(
  context: Context,
  kind: StackKind,
  parameters: Readonly<Record<string, string>>,
): Promise<void> {
  const name = stackName(context.deployment, kind);
  const template = synthesise(context.deployment)[kind];
  const outcome = await deployStack(context, { name, template, parameters, protect: kind === 'base' });
  context.say(`${name}: ${outcome}`);
  const outputs = (await readStack(context, name))?.Outputs ?? [];
  // The others are what stacks know of each other.
  for (const { OutputKey, OutputValue, ExportName } of outputs) {
    if (ExportName === undefined) context.say(`  ${OutputKey}: ${OutputValue}`);
  }
}
