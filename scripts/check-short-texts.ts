/**
 * `node --import tsx scripts/check-short-texts.ts [--model NAME|FOLDER] [--seeds 3] [--steps 16] [--recognise]`: one- and two-word texts in every
 * voice of a model, measured. How long each is, how loud its end is beside the whole (before anything is trimmed or faded), and
 * how many ends are cut: still above half of the whole's level in the last 50 ms. With --recognise also
 * how many a recogniser takes for what they are, where these texts are all that can be said, beside the source voices of the built-in model
 * (English; needs what `npm run recognise` needs). Prints tables for docs/text.md.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { finishSegment } from '../src/audio/finish-segment.ts';
import { peak, rms } from '../src/audio/measure.ts';
import { loadF5Synthesiser } from '../src/engine/f5/f5-synthesiser.ts';
import { openModel } from '../src/engine/f5/model-directory.ts';
import { speechModel } from '../src/engine/f5/speech-model.ts';
import { findModelDirectory } from '../src/engine/models/list-models.ts';
import { readConfig } from '../src/runtime/config.ts';
import { modelPlaces } from '../src/runtime/model-places.ts';
import { Voices } from '../src/runtime/voices.ts';
import { normalise } from '../src/text/normalise.ts';
import { convertForRecogniser, recognise, requireRecogniser, speakAsSource } from './recogniser.ts';
import { words } from './word-errors.ts';

const ENGLISH =
  'Hi.|OK|No.|Yes!|Go.|I|A.|Stop.|Why?|1|Unit 1|Part IV|Page 12|Chapter 2|Hello.|Thanks.|Oh no!|The end.|Good night.|Wait...|5 km|Mr. Lee'.split(
    '|',
  );
const CHINESE = ['是。', '好。', '不。', '你好。', '第1章', '谢谢。', '走吧！', '为什么？'];

/** Seconds of silence around what is to be recognised: it cuts off what begins at once. */
const SPARE = 0.3;

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    seeds: { type: 'string', default: '3' },
    steps: { type: 'string' },
    recognise: { type: 'boolean' },
  },
});
if (values.recognise) await requireRecogniser();
const config = readConfig({ NARRATOR_HOME: tmpdir() });
const directory = await findModelDirectory(values.model ?? config.model, modelPlaces(config));
const model = await openModel(directory);
const { languages, sampling, audio } = model.description;
const texts = [...(languages.includes('en') ? ENGLISH : []), ...(languages.includes('zh') ? CHINESE : [])];
const parameters = { ...sampling, steps: Number(values.steps ?? sampling.steps), speed: 1 };
const rate = audio.target_sample_rate;
const plans = speechModel(model);
const home = await mkdtemp(join(tmpdir(), 'short-texts-'));
const synthesiser = await loadF5Synthesiser({ directory, provider: 'auto', threads: 0, precision: 'auto' });

interface Measured {
  readonly voice: string;
  readonly text: string;
  readonly seconds: number;
  /** level of the last 100 ms, and of the last 50, over that of the whole */
  readonly end100: number;
  readonly end50: number;
  /** of the last 10 ms of what is heard */
  readonly heardEnd: number;
  readonly peak: number;
  readonly isCut: boolean;
  /** as it is heard; only where it is to be recognised */
  readonly samples?: Float32Array;
}

const measured: Measured[] = [];
try {
  const voices = await Voices.open({ home }, model);
  for (const voice of await voices.list()) {
    await synthesiser.addVoice(await voices.load(voice.version));
    for (const written of texts) {
      const text = normalise(written, /\p{Script=Han}/u.test(written) ? 'zh' : 'en');
      const frames = plans.predictFrames(text, voice, 1);
      const items = Array.from({ length: Number(values.seeds) }, (_, id) => {
        return { id, text, voiceVersion: voice.version, frames, seed: String(id + 1), parameters };
      });
      for (const outcome of (await synthesiser.synthesise(items)).outcomes) {
        if (!outcome.ok) throw new Error(`${voice.id}, ${written}: ${outcome.error.message}`);
        const { samples } = outcome;
        const heard = finishSegment(samples, rate);
        const whole = rms(samples);
        measured.push({
          voice: voice.id,
          text: written,
          seconds: heard.length / rate,
          end100: rms(samples, samples.length - 0.1 * rate) / whole,
          end50: rms(samples, samples.length - 0.05 * rate) / whole,
          heardEnd: rms(heard, heard.length - 0.01 * rate) / rms(heard),
          peak: peak(heard),
          isCut: outcome.warnings.some(({ check }) => check === 'cut-end'),
          ...(values.recognise && { samples: heard }),
        });
      }
    }
  }
} finally {
  await synthesiser.close();
  await rm(home, { recursive: true, force: true });
}

const mean = (numbers: readonly number[]) =>
  numbers.reduce((sum, value) => sum + value, 0) / Math.max(1, numbers.length);
const share = (level: number) => `${(100 * level).toFixed(0)} %`;

function row(name: string, those: readonly Measured[]): string {
  const seconds = those.map((one) => one.seconds);
  const cells = [
    name,
    `${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)}`,
    share(mean(those.map(({ end100 }) => end100))),
    share(mean(those.map(({ end50 }) => end50))),
    share(Math.max(...those.map(({ heardEnd }) => heardEnd))),
    Math.max(...those.map((one) => one.peak)).toFixed(2),
    `${those.filter(({ isCut }) => isCut).length} of ${those.length}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

console.log(
  '| | heard, s | level of the last 100 ms | of the last 50 ms | loudest last 10 ms as heard | peak | cut ends |',
);
console.log('|---|---|---|---|---|---|---|');
for (const voice of new Set(measured.map((one) => one.voice))) {
  console.log(
    row(
      `all, ${voice}`,
      measured.filter((one) => one.voice === voice),
    ),
  );
}
for (const text of texts)
  console.log(
    row(
      text,
      measured.filter((one) => one.text === text),
    ),
  );

if (values.recognise) await printRecognised();

/** Sources that the built-in model learnt its voices from. */
async function printRecognised(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'short-texts-heard-'));
  try {
    const spokenAs = new Map(
      texts.filter((text) => ENGLISH.includes(text)).map((text) => [text, words(normalise(text, 'en')).join(' ')]),
    );
    const phrases = [...new Set(spokenAs.values())];
    const grammar = join(folder, 'texts.gram');
    await writeFile(grammar, `#JSGF V1.0;\ngrammar texts;\npublic <text> = ${phrases.join(' | ')};\n`);
    const counts = new Map<string, { heard: number; of: number }>();
    let files = 0;
    const listen = async (who: string, text: string, make: (wav: string) => Promise<void>): Promise<void> => {
      const wav = join(folder, `${files++}.wav`);
      await make(wav);
      const isHeard = (await recognise(wav, grammar)) === spokenAs.get(text);
      const count = counts.get(who) ?? { heard: 0, of: 0 };
      counts.set(who, { heard: count.heard + (isHeard ? 1 : 0), of: count.of + 1 });
    };
    const tasks = measured.flatMap(({ voice, text, samples }) => {
      if (samples === undefined || !spokenAs.has(text)) return [];
      return [() => listen(`the model, ${voice}`, text, (wav) => convert(samples, wav))];
    });
    for (const voice of ['rms', 'slt']) {
      for (const text of spokenAs.keys()) {
        tasks.push(() =>
          listen(`the source voice ${voice}`, text, (wav) => speakAsSource(voice, normalise(text, 'en'), wav, SPARE)),
        );
      }
    }
    const work = async (): Promise<void> => {
      for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) await task();
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
    console.log(
      `\n| heard as what it is, of ${phrases.length} texts; by chance ${share(1 / phrases.length)} | |\n|---|---|`,
    );
    for (const [who, { heard, of }] of [...counts].sort())
      console.log(`| ${who} | ${heard} of ${of}, ${share(heard / of)} |`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function convert(samples: Float32Array, wav: string): Promise<void> {
  const raw = wav.replace(/\.wav$/, '.f32');
  await writeFile(raw, samples);
  const input = ['-t', 'raw', '-e', 'floating-point', '-b', '32', '-c', '1', '-r', String(rate), raw];
  await convertForRecogniser(input, wav, ['pad', String(SPARE), String(SPARE)]);
}
