import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { DeployError } from '../deploy-error.ts';

export interface ProgramOptions {
  readonly input?: string;
  readonly cwd?: string;
}

/** Its output goes where ours goes. @throws DeployError if it cannot be started or fails */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<void> {
  await finished(command, args, options, 'inherit');
}

/** @returns what it wrote, without the blanks around it @throws DeployError as runProgram */
export async function outputOf(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  return (await finished(command, args, options, 'pipe')).trim();
}

async function finished(
  command: string,
  args: readonly string[],
  { input, cwd }: ProgramOptions,
  stdout: 'inherit' | 'pipe',
): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', stdout, 'inherit'], ...(cwd !== undefined && { cwd }) });
  // A program that ends before it has read its input closes the pipe; its exit code says more than that.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  const written = child.stdout === null ? Promise.resolve('') : text(child.stdout);
  let code: number | null;
  try {
    [code] = (await once(child, 'close')) as [number | null];
  } catch (error) {
    throw new DeployError(
      `${command} cannot be started: ${(error as Error).message}`,
      'Install it, or put it on PATH.',
      {
        cause: error,
      },
    );
  }
  // Without the arguments' values of secrets: none of ours has one, passwords go to standard input.
  if (code === 0) return written;
  throw new DeployError(`${command} ${args[0]} failed with exit code ${code}.`, 'What it wrote above says why.');
}
