/** docs/text.md shows a messy document and what is said of it: the document is the example's, the output the program's. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, Workplace } from './narrator-process.ts';

const read = (path: string) => readFile(join(ROOT, path), 'utf8');

test('docs/text.md has the example as it is, and what the program prints of it', async (t) => {
  const docs = await read('docs/text.md');
  const place = await Workplace.open(t);
  for (const name of ['report.md', 'manifest.jsonl', 'lexicon.csv']) {
    await place.write(`examples/report/${name}`, await read(`examples/report/${name}`));
  }
  const command = /`narrator (plan [^`]*--show-text[^`]*)` with the built-in model/.exec(docs)?.[1]?.split(/\s+/) ?? [];
  const { stdout } = await place.narrator(command);
  const [, document, printed] = /\n````markdown\n([^]*?)\n````\n[^]*?\n```\n([^]*?)\n```\n/.exec(docs) ?? [];
  assert.equal(`${document}\n`, await read('examples/report/report.md'));
  assert.equal(stdout.toString().trimEnd(), printed);
});
