/** `narrator speak`: one text to one WAV file. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { NarratorError } from '../core/errors.ts';
import type { CliContext } from './context.ts';
import { lexiconOption } from './lexicon-flag.ts';
import { openNarrator } from './open-narrator.ts';
import { readTextInput } from './read-text-input.ts';
import { addSpeakingFlags, type SpeakingFlags, speakingOptions } from './speaking-flags.ts';
import { formatBar, formatDuration } from './terminal.ts';

interface SpeakFlags extends SpeakingFlags {
  output: string;
  text?: string;
  refAudio?: string;
  refText?: string;
}

export function addSpeakCommand(program: Command, context: CliContext): void {
  const command = program
    .command('speak [file]')
    .description('speak a text file, standard input ("-"), or --text, into one WAV file')
    .requiredOption('-o, --output <file>', 'WAV file to write; "-" for standard output')
    .option('-t, --text <text>', 'the text itself')
    .option('--ref-audio <file>', 'a clip of 3 to 12 seconds whose voice is to be used: WAV, MP3, FLAC or OGG')
    .option('--ref-text <text>', 'what is said in that clip, word for word');
  addSpeakingFlags(command)
    .addHelpText(
      'after',
      `
Beside out.wav lies out.json: every segment's text, start, end and seed.

Examples:
  narrator speak story.txt -o story.wav --voice rms
  narrator speak --text 'Good morning.' -o morning.wav
  narrator speak letter.txt -o letter.wav --ref-audio me.wav --ref-text 'What I say in me.wav.'
  cat story.txt | narrator speak - -o - | aplay`,
    )
    .action((file: string | undefined, flags: SpeakFlags) => speak(context, file, flags));
}

async function speak(context: CliContext, file: string | undefined, flags: SpeakFlags): Promise<void> {
  const { terminal, lifecycle } = context;
  const text = await textOf(file, flags);
  const narrator = await openNarrator(context, flags);
  const options = { ...speakingOptions(flags), ...(await lexiconOption(flags, terminal)) };
  const voice = await borrowedVoice(flags, narrator, (line) => terminal.note(line));

  const startedAt = performance.now();
  const elapsed = () => (performance.now() - startedAt) / 1000;
  let predicted = 0;
  let spoken = 0;
  await narrator.speak(
    text,
    {
      ...options,
      ...(voice !== undefined && { voice }),
      signal: lifecycle.signal,
      onPlanned: (totals) => (predicted = totals.audioSeconds),
      onSegment: ({ audioSeconds }) => {
        spoken += audioSeconds;
        terminal.progress(
          `${formatBar(spoken / predicted)} ${formatDuration(spoken)} of about ${formatDuration(predicted)}`,
        );
      },
    },
    async (speech) => {
      terminal.clearProgress();
      const { seconds, sampleRateHz, segments } = speech;
      const toStandardOutput = flags.output === '-';
      if (toStandardOutput) await toReader(speech.wavPath);
      else {
        const { placeSpeech } = await import('../runtime/narrator.ts');
        await placeSpeech(speech, flags.output);
      }
      const factor = elapsed() / seconds;
      if (flags.json && !toStandardOutput) {
        terminal.print(
          JSON.stringify({
            output: flags.output,
            seconds,
            sampleRateHz,
            elapsedSeconds: elapsed(),
            realTimeFactor: factor,
            segments,
          }),
        );
      } else {
        terminal.note(
          `${toStandardOutput ? 'standard output' : flags.output}: ${formatDuration(seconds)} of audio in ${formatDuration(elapsed())}, real-time factor ${factor.toFixed(2)}`,
        );
      }
    },
  );
}

/** A reader that has heard enough may close the pipe. */
async function toReader(wavPath: string): Promise<void> {
  try {
    await pipeline(createReadStream(wavPath), process.stdout, { end: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

async function textOf(file: string | undefined, { text }: SpeakFlags): Promise<string> {
  if (text !== undefined && file !== undefined)
    throw new NarratorError('usage', 'Both a file and --text were given; give one of them.');
  if (text !== undefined) return text;
  if (file === undefined)
    throw new NarratorError('usage', 'No text was given.', {
      hint: 'Name a text file, "-" for standard input, or --text.',
    });
  return readTextInput(file);
}

async function borrowedVoice(
  { refAudio, refText, voice, language }: SpeakFlags,
  narrator: Awaited<ReturnType<typeof openNarrator>>,
  note: (line: string) => void,
): Promise<string | undefined> {
  if (refAudio === undefined && refText === undefined) return undefined;
  if (refAudio === undefined || refText === undefined) {
    throw new NarratorError(
      'usage',
      '--ref-audio and --ref-text belong together: the model must know what is said in the clip.',
    );
  }
  if (voice !== undefined)
    throw new NarratorError('usage', 'Both --voice and --ref-audio were given; give one of them.');
  const borrowed = await narrator.voices.borrow({
    audio: refAudio,
    text: refText,
    ...(language !== undefined && { language }),
  });
  for (const { level, message } of borrowed.findings) note(`${refAudio}: ${level}: ${message}`);
  return borrowed.id;
}
