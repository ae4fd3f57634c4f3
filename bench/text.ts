/** Characters per second of the text front end on 1 MB: `node --import tsx bench/text.ts`. */
import { cpus } from 'node:os';
import { normalise } from '../src/text/normalise.ts';
import { segmentText } from '../src/text/segment-text.ts';

const BYTES = 1_000_000;
const MAX_BYTES = 250;
const ROUNDS = 3;

const ENGLISH =
  'Dr. Hale reached the harbour at 5:40 p.m. on March 5, 2024, some 12 km from town. "You are late," said the old man; ' +
  'the boats had gone out an hour before, with 3/4 of the crew and $1,250 worth of ice. Nobody answered him.\n\n';
const CHINESE =
  '2024年3月5日下午5:40，船长走进港口，离城大约12公里。“你来晚了。”老人说，船在一小时前就出海了，带走了75%的人。\n\n';

const TEXTS: Readonly<Record<string, readonly [text: string, language: string]>> = {
  'English prose': [repeat(ENGLISH), 'en'],
  'Chinese prose': [repeat(CHINESE), 'zh'],
  'one paragraph, no line break': [repeat(ENGLISH.trim() + ' '), 'en'],
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
function bestMs(work: () => unknown): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} threads, Node ${process.version}; 1 MB each\n`);
console.log('| text | normalise ms | characters/s | segmentText ms | characters/s |\n|---|---|---|---|---|');
for (const [name, [text, language]] of Object.entries(TEXTS)) {
  const cells = [() => normalise(text, language), () => segmentText(text, { language, maxBytes: MAX_BYTES })].flatMap(
    (work) => {
      const ms = bestMs(work);
      return [ms.toFixed(0), Math.round((text.length / ms) * 1000).toLocaleString('en-GB')];
    },
  );
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}
