#!/usr/bin/env node
/** The command line's entry: parses, calls the command, maps its outcome to an exit code, shuts down in order. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import { readConfig, silenceVendors } from '../runtime/config.ts';
import { Lifecycle } from '../runtime/lifecycle.ts';
import { createLogger, logFunction } from '../runtime/logger.ts';
import { PACKAGE_ROOT } from '../runtime/model-places.ts';
import { addCancelCommand, addRetryCommand } from './cancel.ts';
import type { CliContext } from './context.ts';
import { addDoctorCommand } from './doctor.ts';
import { addFetchCommand } from './fetch.ts';
import { addKeysCommand } from './keys.ts';
import { addModelsCommand } from './models.ts';
import { addPlanCommand } from './plan.ts';
import { addRunCommand } from './run.ts';
import { addServeCommand } from './serve.ts';
import { addSpeakCommand } from './speak.ts';
import { addStatusCommand } from './status.ts';
import { addSubmitCommand } from './submit.ts';
import { createTerminal, EXIT, exitCodeOf, formatError } from './terminal.ts';
import { addVoicesCommand } from './voices.ts';
import { addWatchCommand } from './watch.ts';
import { addWorkerCommand } from './worker.ts';

const SIGNAL_EXIT_CODES: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };

async function main(argv: readonly string[]): Promise<number> {
  const terminal = createTerminal();
  const wantsJson = argv.includes('--json');
  let stopHandling = () => {};
  let lifecycle: Lifecycle | undefined;
  let interruptedBy: string | undefined;
  let interruptRemark = 'Run the command again to have it done.';
  let exitCode: number = EXIT.whole;
  try {
    silenceVendors();
    const config = readConfig();
    const log = createLogger(config.logLevel);
    lifecycle = new Lifecycle((event, fields) => {
      if (event === 'shutdown.started') interruptedBy = fields?.['reason'] as string;
      logFunction(log)(event, fields);
    });
    stopHandling = lifecycle.handleSignals();
    const context: CliContext = {
      ...{ config, terminal, lifecycle, log },
      exit: (code) => void (exitCode = code),
      onInterrupt: (remark) => void (interruptRemark = remark),
    };
    await createProgram(context).parseAsync([...argv], { from: 'user' });
  } catch (thrown) {
    exitCode = report(thrown, interruptedBy);
  }
  await lifecycle?.shutdown('done');
  stopHandling();
  return exitCode;

  function report(thrown: unknown, signal: string | undefined): number {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return EXIT.whole;
      // Commander has printed its message itself.
      if (wantsJson) printError(new NarratorError('usage', thrown.message.replace(/^error: /, '')));
      return EXIT.usage;
    }
    const error = toNarratorError(thrown);
    const interrupted = signal === undefined ? undefined : SIGNAL_EXIT_CODES[signal];
    if (interrupted !== undefined) {
      if (wantsJson) printError(new NarratorError('cancelled', `Interrupted by ${signal}.`, { hint: interruptRemark }));
      else terminal.note(`Interrupted. ${interruptRemark}`);
      return interrupted;
    }
    if (wantsJson) printError(error);
    else terminal.note(`error: ${formatError(error)}`);
    if (error.code === 'internal' && error.cause instanceof Error) terminal.note(error.cause.stack ?? '');
    return exitCodeOf(error.code);
  }

  function printError(error: NarratorError): void {
    terminal.print(JSON.stringify({ error: error.toRecord() }));
  }
}

function createProgram(context: CliContext): Command {
  const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string };
  const program = new Command('narrator')
    .description('Turns text into narrated WAV files in bulk, with F5-TTS on this machine.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(add --help to see how this command is used)')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .addHelpText(
      'after',
      `
Examples:
  narrator speak story.txt -o story.wav --voice rms
  echo 'Good morning.' | narrator speak - -o morning.wav
  narrator plan book.jsonl                 look before you start: bad lines, predicted audio and time
  narrator run book.jsonl -o book/         start, interrupt, start again: it goes on where it stopped
  narrator voices add anna --audio anna.wav --text "What Anna says in the clip."
  narrator models pull f5-tts-v1-base      real speech (the built-in model is a demonstration)
  narrator serve                           jobs over HTTP on this machine; then, in another terminal:
  narrator submit book.jsonl --wait        … and: narrator fetch JOB -o book/

Exit codes: 0 everything done, 1 failed, 2 wrong use, 3 some items failed, 130 and 143 interrupted.`,
    );
  addSpeakCommand(program, context);
  addRunCommand(program, context);
  addPlanCommand(program, context);
  addServeCommand(program, context);
  addWorkerCommand(program, context);
  addSubmitCommand(program, context);
  addStatusCommand(program, context);
  addWatchCommand(program, context);
  addFetchCommand(program, context);
  addCancelCommand(program, context);
  addRetryCommand(program, context);
  addKeysCommand(program, context);
  addVoicesCommand(program, context);
  addModelsCommand(program, context);
  addDoctorCommand(program, context);
  return program;
}

// Whoever reads our output may stop reading (`narrator … | head`): that is no error of ours, and the work is finished in order.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await main(process.argv.slice(2));
