/** What README.md says can be typed, can be typed. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOADER, ROOT, Workplace } from './narrator-process.ts';

const README = await readFile(join(ROOT, 'README.md'), 'utf8');

/** Fenced blocks of a language. */
function blocks(language: string): string[] {
  return [...README.matchAll(/^```(\w+)\n([^]*?)^```/gm)].flatMap(([, found, body]) =>
    found === language ? [body!] : [],
  );
}

/** Everything that is set as code: lines of shell blocks, and code within sentences and tables. */
function typed(): string[] {
  const prose = README.replace(/^```[^]*?^```/gm, '');
  const inline = [...prose.matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replaceAll('\\|', '|'));
  return [...blocks('sh').flatMap((block) => block.split('\n')), ...inline].map((line) => line.replace(/\s+#.*/, ''));
}

const flagsOf = (line: string): string[] => [...line.matchAll(/(?<=^|[\s[])--?[a-z][\w-]*/g)].map(([flag]) => flag);

test('every command and every flag of the README is known to the command line', async (t) => {
  const place = await Workplace.open(t);
  const helps = new Map<string, string>();
  const helpOf = async (command: string): Promise<string> => {
    const known = helps.get(command);
    if (known !== undefined) return known;
    const help = (await place.narrator([...command.split(' '), '--help'])).stdout.toString();
    assert.match(help, new RegExp(`^Usage: narrator ${command}\\b`), `there is no "narrator ${command}"`);
    helps.set(command, help);
    return help;
  };
  const has = (help: string, flag: string) => new RegExp(`(^|[\\s,])${flag}(?![\\w-])`, 'm').test(help);

  for (const line of typed()) {
    // `narrator …`, or `npm run narrator -- …`; in tables with alternatives: `voices add|list`
    const [, words] = /^(?:npm run )?narrator (?:-- )?([a-z][^]*)$/.exec(line) ?? [];
    if (words === undefined) continue;
    const [group = '', names = ''] = words.split(' ');
    const isGroup = ['models', 'voices', 'keys'].includes(group);
    const commands = isGroup ? names.split('|').map((name) => `${group} ${name}`) : [group];
    for (const command of commands) {
      const help = await helpOf(command);
      for (const flag of flagsOf(words)) assert.ok(has(help, flag), `narrator ${command} has no ${flag}`);
    }
  }
  assert.ok(helps.size >= 11, `only ${[...helps.keys()].join(', ')}`);
  const all = [...helps.values()].join('\n');
  for (const code of typed().filter((line) => line.startsWith('--'))) {
    for (const flag of flagsOf(code)) assert.ok(has(all, flag), `no command has ${flag}`);
  }
});

test('every npm script of the README exists', async () => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const named = typed().flatMap((line) => [...line.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!));
  assert.ok(named.includes('demo') && named.includes('verify'));
  for (const name of named) assert.ok(name in scripts, `there is no npm run ${name}`);
});

test('the manifest of the README and the story of the examples can be spoken as they are', async (t) => {
  const place = await Workplace.open(t);
  await place.write('m.jsonl', blocks('json')[0]!);
  await place.write('chapters/02.txt', 'It was bright.');
  const plan = await place.json<{ items: number }>(['plan', 'm.jsonl', '--rtf', '1']);
  assert.equal(plan.items, 2);
  const story = await place.json<{ characters: number }>(['plan', join(ROOT, 'examples/story.jsonl'), '--rtf', '1']);
  assert.ok(story.characters > 2_000);
});

test('the program of the README runs as it stands', async (t) => {
  const place = await Workplace.open(t);
  const program = blocks('ts')[0]!;
  assert.ok(program.includes("from 'f5-narrator'"));
  await place.write('program.mts', program.replace("'f5-narrator'", `'${join(ROOT, 'src/index.ts')}'`));
  await place.write('books/manifest.jsonl', '{"id":"a","text":"Rain."}\n');
  const { exitCode, stderr } = await place.spawn([...LOADER, 'program.mts']).finished;
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.ok((await readFile(place.path('books/audio/a.wav'))).length > 1_000);
});
