/**
 * The speech recogniser of Debian, pocketsphinx, and the synthesiser from whose voices the built-in model learnt, flite. The recogniser
 * is weak: what it says of a narration means something only beside what it says of the source voices.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Ends this process with a message if something is missing. */
export async function requireRecogniser(): Promise<void> {
  for (const tool of ['pocketsphinx_continuous', 'flite', 'sox']) {
    await run('sh', ['-c', `command -v ${tool}`]).catch(() => {
      console.error(`${tool} is missing: apt-get install pocketsphinx pocketsphinx-en-us flite sox`);
      process.exit(2);
    });
  }
}

/**
 * @param wav16k 16 kHz, one channel, 16 bits
 * @param grammar file in JSGF of all that can be said; without it: any English
 * @returns what was heard; '' if nothing was
 */
export async function recognise(wav16k: string, grammar?: string): Promise<string> {
  const choice = grammar === undefined ? [] : ['-jsgf', grammar];
  const options = ['-infile', wav16k, ...choice, '-logfn', '/dev/null'];
  const { stdout } = await run('pocketsphinx_continuous', options, { maxBuffer: 1 << 20 });
  return stdout.replaceAll('\n', ' ').trim();
}

/** What a source voice makes of a text, as `recognise` takes it. `spare`: seconds of silence before and behind it */
export async function speakAsSource(voice: string, text: string, wav16k: string, spare = 0): Promise<void> {
  const spoken = wav16k.replace(/(\.wav)?$/, '-raw.wav');
  await run('flite', ['-voice', voice, '-t', text, '-o', spoken]);
  await run('sox', [spoken, '-r', '16000', wav16k, 'pad', String(spare), String(spare)]);
}

/** Any audio file as `recognise` takes it; `effects`: sox's own. */
export async function convertForRecogniser(
  input: readonly string[],
  wav16k: string,
  effects: readonly string[],
): Promise<void> {
  await run('sox', [...input, '-r', '16000', '-c', '1', '-b', '16', wav16k, ...effects]);
}
