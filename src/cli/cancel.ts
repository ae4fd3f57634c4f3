/** `narrator cancel` and `narrator retry`: a job on a server is stopped, or what failed of it is done again. */
import type { Command } from 'commander';
import { jobPath } from './client.ts';
import type { ServerJob } from './client-job.ts';
import type { CliContext } from './context.ts';
import { addServerFlags, openClient, type ServerFlags } from './server-flags.ts';

interface RetryFlags extends ServerFlags {
  only?: string[];
}

export function addCancelCommand(program: Command, context: CliContext): void {
  const command = program.command('cancel <job>').description('stop a job on a server; what is finished is kept');
  addServerFlags(command).action((jobId: string, flags: ServerFlags) => cancel(context, jobId, flags));
}

export function addRetryCommand(program: Command, context: CliContext): void {
  const command = program
    .command('retry <job>')
    .description('do again what failed of a finished job; what is done stays as it is')
    .option('--only <ids...>', 'only these items');
  addServerFlags(command).action((jobId: string, flags: RetryFlags) => retry(context, jobId, flags));
}

async function cancel(context: CliContext, jobId: string, flags: ServerFlags): Promise<void> {
  const job = await openClient(context, flags).json<ServerJob>(jobPath(jobId, 'cancel'), { method: 'POST' });
  const { terminal } = context;
  if (flags.json) terminal.print(JSON.stringify(job));
  else terminal.print(`Job ${jobId}: ${job.status.replace('_', ' ')}; ${job.items.succeeded} items are done and stay.`);
}

async function retry(context: CliContext, jobId: string, flags: RetryFlags): Promise<void> {
  const body = { only: flags.only ?? 'failed' };
  const job = await openClient(context, flags).json<ServerJob>(jobPath(jobId, 'retry'), { method: 'POST', json: body });
  const { terminal } = context;
  if (flags.json) terminal.print(JSON.stringify(job));
  else terminal.print(`Job ${jobId} is open again: narrator watch ${jobId}`);
}
