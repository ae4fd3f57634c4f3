/** What the benchmarks work on: texts with the sentences of examples/story.txt, manifests of them, the built-in model. */
import { createWriteStream, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readConfig } from '../src/runtime/config.ts';
import { type Log, Narrator } from '../src/runtime/narrator.ts';

export const MODEL_DIRECTORY = join(import.meta.dirname, '../models/tiny');

/** Runs `use` with a folder that is gone afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'f5-narrator-bench-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The built-in model on the CPU, whatever the environment of this process says. */
export function openNarrator(home: string, log?: Log): Promise<Narrator> {
  return Narrator.open(readConfig({ NARRATOR_HOME: home, NARRATOR_MODEL: 'tiny', NARRATOR_PROVIDER: 'cpu' }), log);
}

/** Uniform in [0, 1), the same in every run: the generator mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

const STORY = readFileSync(join(import.meta.dirname, '../examples/story.txt'), 'utf8');
const SENTENCES = [...new Intl.Segmenter('en', { granularity: 'sentence' }).segment(STORY)]
  .map(({ segment }) => segment.trim())
  .filter((sentence) => /\p{L}/u.test(sentence));

/** Some sentences of the story, in any order. */
function passage(random: () => number, sentences: number): string {
  return Array.from({ length: sentences }, () => SENTENCES[Math.floor(random() * SENTENCES.length)]!).join(' ');
}

/** Paragraphs of one to seven sentences, as in a novel with dialogue. */
export function bookText(paragraphs: number): string {
  const random = randomNumbers(1);
  return Array.from({ length: paragraphs }, () => passage(random, 1 + Math.floor(random() ** 2 * 7))).join('\n\n');
}

export interface ManifestShape {
  readonly lines: number;
  /** sentences of a line: 1 to this many */
  readonly sentences: number;
  /** characters of a line at most; unlimited by default */
  readonly characters?: number;
  /** added to the seed of every line: manifests with other seeds have no segment in common */
  readonly seeds?: number;
}

/** Items for both built-in voices in turns, no two with the same seed, so that no segment is taken from another. */
export async function writeManifest(
  path: string,
  { lines, sentences, characters, seeds = 0 }: ManifestShape,
): Promise<void> {
  const random = randomNumbers(2);
  function* jsonLines(): Generator<string> {
    for (let line = 1; line <= lines; line += 1) {
      const text = passage(random, 1 + Math.floor(random() * sentences)).slice(0, characters);
      const voice = line % 2 === 0 ? 'rms' : 'slt';
      yield `${JSON.stringify({ id: `item-${line}`, text, voice, seed: seeds + line })}\n`;
    }
  }
  await pipeline(Readable.from(jsonLines()), createWriteStream(path));
}
