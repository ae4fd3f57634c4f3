/** `narrator watch`: follows a job on a server until it is finished. */
import type { Command } from 'commander';
import { NarratorError } from '../core/errors.ts';
import type { ServerClient } from './client.ts';
import { followJob } from './client-events.ts';
import { closingLine, exitCodeFor, progressLine, type ServerJob } from './client-job.ts';
import type { CliContext } from './context.ts';
import { addServerFlags, openClient, type ServerFlags } from './server-flags.ts';

export function addWatchCommand(program: Command, context: CliContext): void {
  const command = program.command('watch <job>').description('follow a job on a server until it is finished');
  addServerFlags(command)
    .addHelpText('after', '\nExit code: 0 every item has its WAV file, 3 some have, 1 none has.')
    .action(async (jobId: string, flags: ServerFlags) => {
      await watchJob(context, openClient(context, flags), jobId, flags);
    });
}

/** Shows a job as it goes on, prints what it came to, and sets the exit code that belongs to that. */
export async function watchJob(
  context: CliContext,
  client: ServerClient,
  jobId: string,
  { json }: Pick<ServerFlags, 'json'>,
): Promise<void> {
  const { terminal, lifecycle } = context;
  context.onInterrupt(`The job goes on. To see it again: narrator watch ${jobId}`);
  let last: ServerJob | undefined;
  for await (const job of followJob(client, jobId, { signal: lifecycle.signal })) {
    last = job;
    terminal.progress(progressLine(job));
  }
  terminal.clearProgress();
  // followJob always gives one.
  const job = last as ServerJob;
  if (json) terminal.print(JSON.stringify(job));
  else {
    if (job.error !== undefined) terminal.note(NarratorError.fromRecord(job.error).message);
    terminal.print(`${closingLine(job)}${job.items.succeeded > 0 ? `; narrator fetch ${jobId} -o DIR` : ''}`);
  }
  context.exit(exitCodeFor(job));
}
