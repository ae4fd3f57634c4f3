/** `narrator worker`: takes shards from the queue until it is told to stop. */
import type { Command } from 'commander';
import { logFunction } from '../runtime/logger.ts';
import type { CliContext } from './context.ts';
import { addModelFlags, configWith, type ModelFlags, wholeNumber } from './speaking-flags.ts';

interface WorkerFlags extends ModelFlags {
  concurrency?: number;
}

export function addWorkerCommand(program: Command, context: CliContext): void {
  const command = program
    .command('worker')
    .description('synthesise what the queue holds: one process a GPU')
    .option(
      '--concurrency <shards>',
      'shards held at once, so that batches fill (or NARRATOR_CONCURRENCY)',
      wholeNumber,
    );
  addModelFlags(command)
    .addHelpText(
      'after',
      `
Needs NARRATOR_REDIS_URL, NARRATOR_STORE and, if the server has it, NARRATOR_BUCKETS: the same as the server's. SIGTERM lets the shards
at work finish for 17 s and gives the others back to the queue; kill -9 loses nothing either. NARRATOR_LOG_LEVEL=info says what it does.`,
    )
    .action((flags: WorkerFlags) => work(context, flags));
}

async function work(context: CliContext, { concurrency, ...flags }: WorkerFlags): Promise<void> {
  const log = logFunction(context.log);
  const config = {
    ...configWith(context.config, flags),
    ...(concurrency !== undefined && { concurrency }),
  };
  const { lifecycle } = context;
  const { openEngine, runWorker } = await import('../runtime/run-worker.ts');
  const exitCode = await runWorker(config, {
    openEngine: (store, engineLog) => openEngine(config, engineLog, store),
    log,
    lifecycle,
  });
  context.exit(exitCode);
}
