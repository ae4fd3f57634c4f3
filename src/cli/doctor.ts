/** `narrator doctor`: what this machine can do, and what is missing. */
import type { Command } from 'commander';
import { logFunction } from '../runtime/logger.ts';
import type { CliContext } from './context.ts';
import { addModelFlags, configWith, type ModelFlags } from './speaking-flags.ts';
import { EXIT, formatTable } from './terminal.ts';

export function addDoctorCommand(program: Command, context: CliContext): void {
  const command = program.command('doctor').description('what this machine can do, and what is missing');
  addModelFlags(command)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nSpeaks a few sentences to measure. Exit code: 0 everything works, 1 something does not.')
    .action((flags: ModelFlags & { json?: boolean }) => doctor(context, flags));
}

async function doctor(context: CliContext, { json, ...flags }: ModelFlags & { json?: boolean }): Promise<void> {
  const { terminal, lifecycle, log } = context;
  const config = configWith(context.config, flags);
  const [{ diagnose }, { Narrator }] = await Promise.all([
    import('../runtime/diagnose.ts'),
    import('../runtime/narrator.ts'),
  ]);
  const checks = await diagnose(config, {
    open: async () => {
      const narrator = await Narrator.open(config, logFunction(log));
      lifecycle.add({ name: 'narrator', timeoutMs: 10_000, run: () => narrator.close() });
      return narrator;
    },
    signal: lifecycle.signal,
  });
  const well = checks.every(({ state }) => state !== 'bad');
  if (json) terminal.print(JSON.stringify({ well, checks }));
  else {
    const marks = { good: 'ok', note: '--', bad: 'BAD' } as const;
    for (const line of formatTable(checks.map(({ state, name, message }) => [marks[state], name, message])))
      terminal.print(line);
    for (const { state, name, hint } of checks)
      if (state === 'bad' && hint !== undefined) terminal.note(`${name}: ${hint}`);
  }
  context.exit(well ? EXIT.whole : EXIT.failed);
}
