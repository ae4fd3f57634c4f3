/** `narrator run`: a manifest or a book to a folder of WAV files, resumable. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type ErrorRecord, NarratorError } from '../core/errors.ts';
import type { RunProgress, RunSummary } from '../runtime/run-folder.ts';
import { addBookFlags, type BookFlags, bookOptions, leftOutLines } from './book-flags.ts';
import type { CliContext } from './context.ts';
import { lexiconOption } from './lexicon-flag.ts';
import { openNarrator } from './open-narrator.ts';
import { addSpeakingFlags, type SpeakingFlags, speakingOptions } from './speaking-flags.ts';
import { EXIT, formatBar, formatDuration, formatError, type Terminal } from './terminal.ts';

interface RunFlags extends SpeakingFlags, BookFlags {
  output: string;
  reuse: boolean;
}

/** Failures that are printed one by one; all are in errors.jsonl. */
const FAILURES_SHOWN = 20;

export function addRunCommand(program: Command, context: CliContext): void {
  const command = program
    .command('run <source>')
    .description(
      'narrate a manifest (.jsonl, .csv) or a book (.epub, .md, .txt) into a folder; run it again to finish what is missing',
    )
    .requiredOption('-o, --output <folder>', 'folder for the WAV files, results and the ledger')
    .option('--no-reuse', 'neither take nor keep synthesised segments (they make re-runs and edits cheap)');
  addBookFlags(addSpeakingFlags(command))
    .addHelpText(
      'after',
      `
A manifest has one item a line: {"id": "a", "text": "…"} and, if you like, voice, speed, seed, language, output,
metadata; or textFile in place of text. Of a book each chapter is an item: 01-the-beginning.wav. Flags are the defaults of items that say nothing themselves.
Kill it at any moment and run it again: it goes on where it stopped.

Exit code: 0 every item has its WAV file, 3 some failed (see errors.jsonl), 1 none or the run itself failed.`,
    )
    .action((source: string, flags: RunFlags) => run(context, source, flags));
}

async function run(context: CliContext, source: string, flags: RunFlags): Promise<void> {
  const { terminal, lifecycle } = context;
  const narrator = await openNarrator(context, flags);
  context.onInterrupt('What is done is kept: run the same command again to go on.');
  const summary = await narrator.run(source, {
    ...speakingOptions(flags),
    ...bookOptions(flags),
    ...(await lexiconOption(flags, terminal)),
    outDirectory: flags.output,
    reuse: flags.reuse,
    signal: lifecycle.signal,
    onPlanned: ({ items, rejected, audioSeconds }) => {
      const bad = rejected === 0 ? '' : `, ${rejected} of them cannot be spoken`;
      if (!flags.json) terminal.note(`${items} items${bad}; about ${formatDuration(audioSeconds)} of audio`);
    },
    onProgress: (progress) => terminal.progress(progressLine(progress)),
  });
  terminal.clearProgress();
  if (summary.error) throw NarratorError.fromRecord(summary.error);
  if (flags.json) terminal.print(JSON.stringify(summary));
  else await printSummary(terminal, summary);
  context.exit(exitCodeFor(summary));
}

function progressLine({ share, items, audioSeconds, realTimeFactor, remainingSeconds }: RunProgress): string {
  const parts = [
    `${formatBar(share)} ${Math.floor(100 * share)} %`,
    `${items.succeeded}/${items.total} items`,
    `${formatDuration(audioSeconds.finished)} of ${formatDuration(audioSeconds.predicted)}`,
  ];
  if (realTimeFactor !== undefined) parts.push(`RTF ${realTimeFactor.toFixed(2)}`);
  if (remainingSeconds !== undefined) parts.push(`${formatDuration(remainingSeconds)} left`);
  if (items.failed > 0) parts.push(`${items.failed} failed`);
  return parts.join('  ');
}

async function printSummary(terminal: Terminal, summary: RunSummary): Promise<void> {
  const { items, succeeded, failed, audioSeconds, elapsedSeconds, outDirectory, book } = summary;
  if (book !== undefined) for (const line of leftOutLines(book.leftOut)) terminal.note(line);
  if (failed > 0) {
    const lines = (await readFile(join(outDirectory, 'errors.jsonl'), 'utf8'))
      .split('\n')
      .filter((line) => line !== '');
    for (const line of lines.slice(0, FAILURES_SHOWN))
      terminal.note(formatError(NarratorError.fromRecord(JSON.parse(line) as ErrorRecord)));
    if (lines.length > FAILURES_SHOWN)
      terminal.note(`… and ${lines.length - FAILURES_SHOWN} more: ${join(outDirectory, 'errors.jsonl')}`);
  }
  const counts = `${succeeded} of ${items} items${failed > 0 ? `, ${failed} failed` : ''}`;
  const audio = `${formatDuration(audioSeconds)} of audio in ${outDirectory}`;
  if (summary.alreadyDone) return terminal.print(`${counts}; ${audio}; everything was done before`);
  const { segments, reusedSegments, synthesisedSeconds } = summary;
  if (segments === reusedSegments) return terminal.print(`${counts}; ${audio}; every segment taken from earlier runs`);
  const reused = reusedSegments === 0 ? '' : ` (${reusedSegments} of ${segments} segments taken from earlier runs)`;
  // Pauses cost nothing, but they are audio: they count, where no other run has a share in it.
  const factor = elapsedSeconds / (reusedSegments === 0 ? audioSeconds : synthesisedSeconds);
  terminal.print(
    `${counts}; ${audio}${reused}; took ${formatDuration(elapsedSeconds)}, real-time factor ${factor.toFixed(2)}`,
  );
}

function exitCodeFor({ succeeded, failed }: RunSummary): number {
  if (failed === 0) return EXIT.whole;
  return succeeded === 0 ? EXIT.failed : EXIT.partial;
}
