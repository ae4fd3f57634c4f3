/** `narrator plan`: a dry run. */
import type { Command } from 'commander';
import { NarratorError } from '../core/errors.ts';
import type { ItemPart } from '../core/shard.ts';
import { addBookFlags, type BookFlags, bookOptions, leftOutLines } from './book-flags.ts';
import type { CliContext } from './context.ts';
import { lexiconOption } from './lexicon-flag.ts';
import { openNarrator } from './open-narrator.ts';
import { addSpeakingFlags, number, type SpeakingFlags, speakingOptions } from './speaking-flags.ts';
import { textLines, textRecord } from './show-text.ts';
import { EXIT, formatDuration, formatError, formatTable, type Terminal } from './terminal.ts';

interface PlanFlags extends SpeakingFlags, BookFlags {
  rtf?: number;
  showText?: boolean;
}

/** Bad lines that are printed one by one. */
const PROBLEMS_SHOWN = 100;

export function addPlanCommand(program: Command, context: CliContext): void {
  const command = program
    .command('plan <source>')
    .description(
      'look before you start: bad lines, characters, predicted audio and time of a manifest or a book; writes nothing',
    )
    .option(
      '--rtf <factor>',
      'real-time factor to predict the time with; by default it is measured with a few sentences',
      number,
    )
    .option('--show-text', 'print what would be said beside what is written; predicts no time unless --rtf is given');
  addBookFlags(addSpeakingFlags(command))
    .addHelpText('after', '\nExit code: 0 every line is good, 3 some are bad, 1 all are.')
    .action((source: string, flags: PlanFlags) => plan(context, source, flags));
}

async function plan(context: CliContext, source: string, flags: PlanFlags): Promise<void> {
  const { terminal, lifecycle } = context;
  const narrator = await openNarrator(context, flags);
  const problems: NarratorError[] = [];
  let bad = 0;
  const report = await narrator.plan(source, {
    ...speakingOptions(flags),
    ...bookOptions(flags),
    ...(await lexiconOption(flags, terminal)),
    ...(flags.showText === true && { onPart: (part) => show(part, terminal, flags.json === true) }),
    onRejected: ({ error }) => {
      bad += 1;
      if (problems.length < PROBLEMS_SHOWN) problems.push(NarratorError.fromRecord(error));
    },
  });
  const good = report.items - bad;
  const isMeasured = good > 0 && flags.rtf === undefined && flags.showText !== true;
  const factor = isMeasured
    ? await narrator.measureSpeed(speakingOptions(flags), lifecycle.signal)
    : good > 0
      ? flags.rtf
      : undefined;
  const seconds = factor === undefined ? undefined : factor * report.audioSeconds;
  if (flags.json) {
    terminal.print(
      JSON.stringify({
        ...report,
        realTimeFactor: factor,
        predictedSeconds: seconds,
        problems: problems.map((error) => error.toRecord()),
      }),
    );
  } else {
    for (const problem of problems) terminal.note(formatError(problem));
    if (report.book !== undefined) for (const line of leftOutLines(report.book.leftOut)) terminal.note(line);
    if (bad > problems.length) terminal.note(`… and ${bad - problems.length} more bad lines`);
    const rows = [
      ['items', `${report.items}${bad > 0 ? `, ${bad} of them bad` : ''}`],
      ['segments', `${report.segments} in ${report.shards} shards`],
      ['characters', String(report.characters)],
      ['predicted audio', formatDuration(report.audioSeconds)],
      [
        'predicted time',
        factor === undefined || seconds === undefined
          ? 'none'
          : `${formatDuration(seconds)} (real-time factor ${factor.toFixed(2)}${flags.rtf === undefined ? ', measured now' : ''})`,
      ],
    ];
    for (const line of formatTable(rows)) terminal.print(line);
  }
  context.exit(bad === 0 ? EXIT.whole : good === 0 ? EXIT.failed : EXIT.partial);
}

/** JSON Lines: the plan itself is the last line. */
function show(part: ItemPart, terminal: Terminal, asJson: boolean): void {
  if (asJson) terminal.print(JSON.stringify(textRecord(part)));
  else for (const line of textLines(part)) terminal.print(line);
}
