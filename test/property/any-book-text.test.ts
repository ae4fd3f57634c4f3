/** Whatever stands in a book is no markup. `TEXT_ROUNDS=100000 TEXT_SEED=7` looks longer, and elsewhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinBlocks } from '../../src/text/html-blocks.ts';
import { htmlToMarkdown } from '../../src/text/html-to-markdown.ts';
import { readMarkup } from '../../src/text/markup.ts';
import { randomNumbers } from '../unit/text/random-text.ts';

const ROUNDS = Number(process.env['TEXT_ROUNDS'] ?? 10_000);
const SEED = Number(process.env['TEXT_SEED'] ?? 20240305);

const CHARACTERS = [...'ab1 .,:;!?-+=*_~`#<>|[](){}\\/&^$%@"\'«“—…é字'];
const MARKS = [
  ...['[pause]', '[pause 1s]', '[pause x]', '[voice:anna]', '[anna]', '[/voice]', '[speed 2]', '[spell]x[/spell]'],
  ...['1. ', '- ', '+ ', '> ', '# ', '---', ':--', '***', '===', '```', '~~~', '<!--', '-->', '<b>', '&amp;'],
  ...['[a](b)', '![a](b)', '[^1]', '[x]: y', '| a | b |', 'https://x.example', '- [x] '],
];

test('a text of any characters, made Markdown, is read as it stands', (t) => {
  t.diagnostic(`seed ${SEED}, ${ROUNDS} rounds`);
  const next = randomNumbers(SEED);
  const pick = (list: readonly string[]) => list[Math.floor(next() * list.length)] ?? '';
  for (let round = 0; round < ROUNDS; round += 1) {
    const parts = Array.from({ length: 1 + Math.floor(next() * 8) }, () => pick(next() < 0.3 ? MARKS : CHARACTERS));
    const line = `${parts.join('')} z`.replace(/ +/g, ' ').trim();
    const html = line.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
    for (const element of ['p', 'h2', 'li']) {
      const markdown = joinBlocks(
        htmlToMarkdown(`<body><${element}>${html}</${element}><p>end</p></body>`, 'x').blocks,
      );
      const read = readMarkup(markdown, 'markdown', (name) => name === 'anna');
      const blocks = read?.text.split('\n\n').map((block) => block.trim());
      const found = `seed ${SEED}, round ${round}: ${JSON.stringify(markdown)}`;
      assert.deepEqual(blocks?.filter(Boolean), [line, 'end'], found);
      assert.deepEqual([read?.manners, read?.spans], [[], []], found);
    }
  }
});
