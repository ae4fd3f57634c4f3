import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TEMPLATE_BYTES_MAX } from '../aws/deploy-stack.ts';
import { DeployError } from '../deploy-error.ts';
import { stackName, STACKS } from '../stacks/names.ts';
import { synthesise } from '../stacks/synthesise.ts';

/** Writes the templates for whoever wants to read them, or deploys them otherwise. @throws DeployError if one is too large to travel in a request */
export function synth(deployment: string, folder: string, say: (line: string) => void): void {
  const templates = synthesise(deployment);
  mkdirSync(folder, { recursive: true });
  for (const kind of STACKS) {
    const bytes = Buffer.byteLength(JSON.stringify(templates[kind]));
    if (bytes > TEMPLATE_BYTES_MAX) {
      throw new DeployError(
        `The template of ${kind} has ${bytes} bytes; a request takes ${TEMPLATE_BYTES_MAX}.`,
        'Split the stack.',
      );
    }
    const path = join(folder, `${stackName(deployment, kind)}.json`);
    writeFileSync(path, `${JSON.stringify(templates[kind], undefined, 2)}\n`);
    say(`${path}: ${bytes} bytes without blanks`);
  }
}
