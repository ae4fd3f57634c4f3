/** Characters per second of the text front end and the tokenizer on 1 MB of each kind, worst cases included, and a book planned. */
import { tokenizeText } from '../src/engine/f5/tokenizer.ts';
import { planDryRun } from '../src/core/planner.ts';
import { SHARD_SECONDS } from '../src/core/submit-job.ts';
import { Lexicon } from '../src/text/lexicon.ts';
import { normalise } from '../src/text/normalise.ts';
import { segmentText } from '../src/text/segment-text.ts';
import { type BenchOptions, printTable, thousands } from './report.ts';
import { bookText, openNarrator, withFolder } from './workload.ts';

const BYTES = 1_000_000;
const MAX_BYTES = 250;

const ENGLISH =
  'Dr. Hale reached the harbour at 5:40 p.m. on March 5, 2024, some 12 km from town. "You are late," said the old man; ' +
  'the boats had gone out an hour before, with 3/4 of the crew and $1,250 worth of ice. Nobody answered him.\n\n';
const CHINESE =
  '2024年3月5日下午5:40，船长走进港口，离城大约12公里。“你来晚了。”老人说，船在一小时前就出海了，带走了75%的人。\n\n';

const MARKDOWN =
  '## The *third* chapter\n\nShe [walked](https://example.com/a) **home** at 5:40.\n\n- one `word`\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n';
const MIXED =
  'The meeting is on March 5, 2024 in Room 302. 会议定于2024年3月5日下午2:30举行。 Mail info@example.com or call 555-0134. ';
/** as many entries as a large house has, some of them in the texts */
const LEXICON = new Lexicon([
  { written: 'Hale', spoken: 'Hail' },
  { written: '船长', spoken: '船{长|zhang3}' },
  ...Array.from({ length: 20_000 }, (_, index) => ({ written: `word${index}`, spoken: 'word' })),
]);

const TEXTS: Readonly<Record<string, readonly [text: string, language: string]>> = {
  'English prose': [repeat(ENGLISH), 'en'],
  'Chinese prose': [repeat(CHINESE), 'zh'],
  'one paragraph, no line break': [repeat(ENGLISH.trim() + ' '), 'en'],
  'English and Chinese mixed': [repeat(MIXED), 'auto'],
  'letters, no space': [repeat('a'), 'en'],
  'digits, no space': [repeat('7'), 'en'],
  'Chinese, no punctuation': [repeat('我们明天早上去北京'), 'zh'],
  'white space': [`a${repeat(' ')}b`, 'en'],
  'dashes and brackets': [repeat(' (— '), 'en'],
  'emoji families': [repeat('👨‍👩‍👧‍👦'), 'en'],
};

function repeat(unit: string): string {
  return unit.repeat(Math.ceil(BYTES / Buffer.byteLength(unit)));
}

/** The best of a few rounds, in milliseconds of CPU time: the figure holds on a busy machine too. */
function bestMs(work: () => unknown, rounds: number): number {
  let best = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

export async function benchText({ quick }: BenchOptions): Promise<void> {
  const rounds = quick ? 1 : 3;
  const rows = Object.entries(TEXTS).map(([name, [text, language]]) => {
    const normaliseMs = bestMs(() => normalise(text, language), rounds);
    const segmentMs = bestMs(() => segmentText(text, { language, maxBytes: MAX_BYTES }), rounds);
    const speed = (ms: number): string => thousands((text.length / ms) * 1000);
    return [name, normaliseMs.toFixed(0), speed(normaliseMs), segmentMs.toFixed(0), speed(segmentMs)];
  });
  printTable(
    `Text front end: 1 MB each, the best of ${rounds} rounds, CPU time`,
    ['text', 'normalise ms', 'characters/s', 'segmentText ms', 'characters/s'],
    rows,
  );
  const options = { language: 'en', maxBytes: MAX_BYTES } as const;
  const extras = {
    'English prose, 20,000 lexicon entries': () => segmentText(repeat(ENGLISH), { ...options, lexicon: LEXICON }),
    Markdown: () => segmentText(repeat(MARKDOWN), { ...options, markup: 'markdown' }),
    'hostile Markdown': () => segmentText(repeat('[a](b*_`<'), { ...options, markup: 'markdown' }),
    addresses: () => segmentText(repeat('https://a.b/c?d x@y.com '), options),
    'half addresses': () => segmentText(repeat('a.b-'), options),
  };
  printTable(
    'segmentText with a lexicon, with Markdown, on addresses: 1 MB each, CPU time',
    ['text', 'segmentText ms'],
    Object.entries(extras).map(([name, work]) => [name, bestMs(work, rounds).toFixed(0)]),
  );
  benchTokens(rounds);
  await benchBook(rounds);
}

/** As the engine gets them: segments of one pass. The first text of all loads the dictionaries, outside the measurement. */
function benchTokens(rounds: number): void {
  const kinds = { English: ENGLISH, Chinese: CHINESE, mixed: MIXED };
  tokenizeText(CHINESE, 'pinyin');
  const rows = Object.entries(kinds).flatMap(([name, unit]) => {
    const segments = segmentText(repeat(unit), { language: 'auto', maxBytes: MAX_BYTES }).map(({ spoken }) => spoken);
    const characters = segments.reduce((sum, { length }) => sum + length, 0);
    return (['characters', 'pinyin'] as const).map((kind) => {
      const ms = bestMs(() => segments.forEach((segment) => tokenizeText(segment, kind)), rounds);
      return [name, kind, segments.length, ms.toFixed(0), thousands((characters / ms) * 1000)];
    });
  });
  printTable(
    'Tokenizer, on the segments of 1 MB of text, CPU time',
    ['text', 'tokenizer', 'segments', 'ms', 'characters/s'],
    rows,
  );
}

const CHAPTERS = 20;

/** From the manifest to the shards, as `narrator plan` does it: read, normalised, cut, measured, seeded, packed; nothing is written. */
async function benchBook(rounds: number): Promise<void> {
  const paragraphs = bookText(4_000);
  const book = paragraphs.repeat(Math.ceil(BYTES / paragraphs.length)).slice(0, BYTES);
  const chapter = Math.ceil(book.length / CHAPTERS);
  const lines = Array.from({ length: CHAPTERS }, (_, index) =>
    JSON.stringify({ id: `chapter-${index + 1}`, text: book.slice(index * chapter, (index + 1) * chapter) }),
  );
  const manifest = new TextEncoder().encode(lines.join('\n'));
  await withFolder(async (home) => {
    const narrator = await openNarrator(home);
    let best = { ms: Infinity, segments: 0, shards: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const startedAt = performance.now();
      const source = { format: 'jsonl', bytes: once(manifest) } as const;
      const options = { ...narrator.choices({}), shardSeconds: SHARD_SECONDS };
      const { segments, shards } = await planDryRun(source, options, narrator.planning());
      const ms = performance.now() - startedAt;
      if (ms < best.ms) best = { ms, segments, shards };
    }
    await narrator.close();
    printTable(
      `A book of ${thousands(book.length)} characters in ${CHAPTERS} chapters, planned end to end: wall time, the best of ${rounds}`,
      ['seconds', 'segments', 'shards', 'characters/s'],
      [[(best.ms / 1000).toFixed(2), best.segments, best.shards, thousands((book.length / best.ms) * 1000)]],
    );
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
