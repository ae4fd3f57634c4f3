/**
 * `npm run recognise -- OUT.wav […]`: how much of a narration a speech recogniser understands, beside the same sentences
 * spoken by the voices from which the built-in model was trained. A better model shows at once, without anybody listening.
 *
 * Needs `pocketsphinx_continuous`, `flite` and `sox` (Debian: pocketsphinx pocketsphinx-en-us flite sox). The recogniser is
 * weak (a clear voice scores some 10 % errors), so only the comparison means something. Chance: the same transcripts scored against
 * the neighbouring segment's text.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { convertForRecogniser, recognise, requireRecogniser, speakAsSource } from './recogniser.ts';
import { countErrors, words, type Tally } from './word-errors.ts';

interface Passage {
  wav: string;
  startSeconds: number;
  endSeconds: number;
  text: string;
  voice: string;
}

interface ItemFile {
  voice: { id: string };
  segments: { spoken: string; start: number; end: number }[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    limit: { type: 'string' },
    sources: { type: 'string', default: 'slt,rms' },
    json: { type: 'boolean', default: false },
  },
});
if (positionals.length === 0) {
  console.error(
    'usage: npm run recognise -- OUT.wav [...] [--limit SEGMENTS] [--sources slt,rms | --sources ""] [--json]',
  );
  process.exit(2);
}

async function passagesOf(wav: string): Promise<Passage[]> {
  const item = JSON.parse(await readFile(wav.replace(/\.wav$/i, '.json'), 'utf8')) as ItemFile;
  return item.segments.map((segment) => ({
    wav,
    startSeconds: segment.start,
    endSeconds: segment.end,
    text: segment.spoken,
    voice: item.voice.id,
  }));
}

/** What the recogniser heard in the narration, and in each source voice speaking the same text. */
async function listen(
  passage: Passage,
  index: number,
  folder: string,
  sources: string[],
): Promise<Map<string, string>> {
  const heard = new Map<string, string>();
  const cut = join(folder, `${index}.wav`);
  const seconds = (value: number) => value.toFixed(3);
  const range = [seconds(passage.startSeconds), `=${seconds(passage.endSeconds)}`];
  await convertForRecogniser([passage.wav], cut, ['trim', ...range]);
  heard.set('narration', await recognise(cut));
  for (const source of sources) {
    const resampled = join(folder, `${index}-${source}.wav`);
    await speakAsSource(source, passage.text, resampled);
    heard.set(source, await recognise(resampled));
  }
  return heard;
}

await requireRecogniser();
const sources = (values.sources ?? '').split(',').filter((name) => name !== '');
const limit = values.limit === undefined ? Infinity : Number(values.limit);
const passages = (await Promise.all(positionals.map(passagesOf))).flat().slice(0, limit);
const folder = await mkdtemp(join(tmpdir(), 'recognise-'));
const transcripts: Map<string, string>[] = [];
try {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < passages.length; index = next++) {
      transcripts[index] = await listen(passages[index]!, index, folder, sources);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
} finally {
  await rm(folder, { recursive: true, force: true });
}

interface Row {
  voice: string;
  heardIn: string;
  tally: Tally;
}
const rows: Row[] = [];
function add(voice: string, heardIn: string, text: string, transcript: string): void {
  let row = rows.find((candidate) => candidate.voice === voice && candidate.heardIn === heardIn);
  if (!row) rows.push((row = { voice, heardIn, tally: { words: 0, errors: 0 } }));
  row.tally.words += words(text).length;
  row.tally.errors += countErrors(words(text), words(transcript));
}
for (const [index, passage] of passages.entries()) {
  const heard = transcripts[index]!;
  add(passage.voice, 'narration', passage.text, heard.get('narration')!);
  const neighbour = passages[(index + 1) % passages.length]!;
  if (passages.length > 1) add(passage.voice, 'narration, chance level', neighbour.text, heard.get('narration')!);
  for (const source of sources) add(passage.voice, `source voice ${source}`, passage.text, heard.get(source)!);
}

if (values.json) {
  console.log(
    JSON.stringify(rows.map(({ tally, ...row }) => ({ ...row, ...tally, wordErrorRate: tally.errors / tally.words }))),
  );
} else {
  console.log('voice     heard in                    words  errors  word error rate');
  for (const { voice, heardIn, tally } of rows) {
    const rate = `${((100 * tally.errors) / Math.max(1, tally.words)).toFixed(1)} %`;
    console.log(
      `${voice.padEnd(9)} ${heardIn.padEnd(26)} ${String(tally.words).padStart(6)} ${String(tally.errors).padStart(7)}  ${rate.padStart(15)}`,
    );
  }
}
