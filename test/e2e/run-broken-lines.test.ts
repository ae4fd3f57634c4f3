/** `narrator run` on manifests in which lines are wrong: each is named, and harms nobody else. */
import assert from 'node:assert/strict';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { test } from 'node:test';
import { jsonl, lines } from './manifests.ts';
import { readNarration, withoutSpace } from './narration.ts';
import { FAST, filesBelow, jsonLines, Workplace } from './narrator-process.ts';

/** A text without any punctuation; the planned acceptance run has 5,000 characters, which take minutes. */
const LONG_CHARACTERS = Number(process.env.E2E_LONG_CHARACTERS ?? 400);
/** What one pass of the model takes, prompt and speech: limits.maxFrames of models/tiny, 256 samples a frame. */
const PASS_SAMPLES_MAX = 800 * 256;

interface Failure {
  readonly line: number;
  readonly item?: string;
  readonly field?: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

test('every good line has its audio, every bad line its named error, and nothing outside of the folder is touched', async (t) => {
  const place = await Workplace.open(t);
  const good = lines(40);
  const long = { id: 'long', text: 'we walked along the river '.repeat(LONG_CHARACTERS / 26), voice: 'slt' };
  const broken: [line: string | Buffer, failure: Partial<Failure>][] = [
    [JSON.stringify({ id: 'empty', text: '' }), { item: 'empty', field: 'text', code: 'text_empty' }],
    [JSON.stringify({ id: 'blank', text: ' \t ' }), { item: 'blank', field: 'text', code: 'text_empty' }],
    [
      JSON.stringify({ id: 'who', text: 'Hi.', voice: 'nobody' }),
      { item: 'who', field: 'voice', code: 'voice_not_found' },
    ],
    [JSON.stringify({ id: 'emoji', text: '🙂🙃🙂' }), { item: 'emoji', field: 'text', code: 'text_unspeakable' }],
    [Buffer.from('{"id":"latin","text":"caf\xe9"}', 'latin1'), { code: 'encoding_invalid' }],
    [JSON.stringify(good[3]), { item: good[3]!.id, field: 'id', code: 'item_duplicate' }],
    [JSON.stringify({ id: '../x', text: 'Out.' }), { field: 'id', code: 'item_invalid' }],
    [
      JSON.stringify({ id: 'out', text: 'Out.', output: '../../x.wav' }),
      { item: 'out', field: 'output', code: 'item_invalid' },
    ],
    ['{"id":"torn","text":"Hel', { code: 'item_invalid' }],
    [JSON.stringify({ id: 'typo', text: 'Hi.', vioce: 'slt' }), { item: 'typo', field: 'vioce', code: 'item_invalid' }],
    [JSON.stringify({ id: 'fast', text: 'Hi.', speed: 9 }), { item: 'fast', field: 'speed', code: 'item_invalid' }],
    [JSON.stringify({ id: 'huge', text: 'a'.repeat(1024 * 1024) }), { code: 'item_invalid' }],
  ];
  // A bad line behind every third good one.
  const manifest: (string | Buffer)[] = [];
  const expected = new Map<number, Partial<Failure>>();
  const bad = broken.values();
  for (const [index, line] of [long, ...good].entries()) {
    manifest.push(JSON.stringify(line));
    const next = index % 3 === 2 && bad.next().value;
    if (next) expected.set(manifest.push(next[0]), next[1]);
  }
  assert.equal(expected.size, broken.length);
  await place.write('books/m.jsonl', Buffer.concat(manifest.flatMap((line) => [Buffer.from(line), Buffer.from('\n')])));
  await place.write('precious.txt', 'precious');

  await place.narrator(['voices', 'list']); // creates what belongs to the home folder
  const before = await filesBelow(place.folder);
  const { stderr, stdout } = await place.narrator(['run', 'books/m.jsonl', '-o', 'books/out', ...FAST], {
    exitCode: 3,
  });
  const after = await filesBelow(place.folder);
  for (const name of after.keys()) if (name.startsWith('books/out/')) after.delete(name);
  assert.deepEqual(after, before);

  const errors = await jsonLines<Failure>(place.path('books/out/errors.jsonl'));
  assert.deepEqual(
    errors.map(({ line }) => line),
    [...expected.keys()],
  );
  for (const error of errors) {
    const { code, field, item } = error;
    const wanted = expected.get(error.line);
    assert.deepEqual({ code, field, item }, { field: undefined, item: undefined, ...wanted }, JSON.stringify(error));
    assert.ok(error.message.length > 10 && error.hint.length > 10, error.message);
    assert.ok(stderr.includes(error.message), `${error.message} was not printed`);
  }
  assert.match(stdout.toString(), new RegExp(`41 of 53 items, ${broken.length} failed`));

  const results = await jsonLines<{ item: string; output: string }>(place.path('books/out/results.jsonl'));
  assert.deepEqual(
    results.map(({ item }) => item),
    [long, ...good].map(({ id }) => id),
  );
  for (const { id, text, voice } of [long, ...good]) {
    const { sidecar } = await readNarration(place.path(`books/out/${id}.wav`));
    assert.equal(withoutSpace(sidecar.segments.map((segment) => segment.text).join('')), withoutSpace(text));
    assert.equal(sidecar.voice.id, voice);
  }
  const summary = await jsonLines<Record<string, unknown>>(place.path('books/out/summary.json'));
  assert.deepEqual(
    [summary[0]?.items, summary[0]?.succeeded, summary[0]?.failed, summary[0]?.outcome],
    [53, 41, 12, 'partially_failed'],
  );
  const audio = (await readdir(place.path('books/out'))).filter((name) => name.endsWith('.wav'));
  assert.equal(audio.length, 41);

  const voices = await place.json<{ id: string; promptSamples: number }[]>(['voices', 'list']);
  const prompt = voices.find(({ id }) => id === 'slt')?.promptSamples ?? Infinity;
  const { sidecar } = await readNarration(place.path('books/out/long.wav'));
  assert.ok(sidecar.segments.length > 1);
  for (const { start, end } of sidecar.segments) assert.ok(prompt + (end - start) * 24_000 <= PASS_SAMPLES_MAX);
});

test('a CSV manifest does the same; text files are read inside of its folder only, be it by a path or by a link', async (t) => {
  const place = await Workplace.open(t);
  await place.write('secret.txt', 'Secret.');
  await place.write('book/one.txt', 'The first page.');
  await mkdir(place.path('book/more'));
  await place.write('book/more/two.txt', Buffer.from('caf\xe9', 'latin1'));
  await symlink(place.path('secret.txt'), place.path('book/link.txt'));
  await symlink('one.txt', place.path('book/inner.txt'));
  await place.write(
    'book/m.csv',
    [
      'id,text,textFile,voice,metadata.page',
      'quoted,"Good ""morning"", she said.\nGood night.",,rms,1',
      'file,,one.txt,,2',
      'inner,,inner.txt,,',
      'up,,../secret.txt,,',
      'absolute,,/etc/hostname,,',
      'link,,link.txt,,',
      'none,,three.txt,,',
      'latin,,more/two.txt,,',
      'folder,,more,,',
      'neither,,,,',
      'wide,Hi.,,slt,1,2',
    ].join('\r\n'),
  );
  await place.narrator(['run', 'book/m.csv', '-o', 'out', ...FAST], { exitCode: 3 });

  const results = await jsonLines<{ item: string; metadata?: unknown }>(place.path('out/results.jsonl'));
  assert.deepEqual(
    results.map(({ item, metadata }) => [item, metadata]),
    [
      ['quoted', { page: '1' }],
      ['file', { page: '2' }],
      ['inner', undefined],
    ],
  );
  const { sidecar } = await readNarration(place.path('out/file.wav'));
  assert.equal(sidecar.segments[0]?.text, 'The first page.');
  await readNarration(place.path('out/quoted.wav'));

  const errors = await jsonLines<Failure>(place.path('out/errors.jsonl'));
  assert.deepEqual(
    errors.map(({ line, item, code }) => [line, item, code]),
    [
      [6, 'up', 'text_file_unreadable'],
      [7, 'absolute', 'text_file_unreadable'],
      [8, 'link', 'text_file_unreadable'],
      [9, 'none', 'text_file_unreadable'],
      [10, 'latin', 'encoding_invalid'],
      [11, 'folder', 'text_file_unreadable'],
      [12, 'neither', 'text_empty'],
      [13, undefined, 'item_invalid'],
    ],
  );
  assert.ok(![...(await filesBelow(place.path('out'))).values()].some((content) => content.includes('Secret')));
});

test('a manifest of which nothing can be used fails as a whole and says why', async (t) => {
  const place = await Workplace.open(t);
  const refused: [name: string, content: string, says: RegExp][] = [
    ['book.pdf', 'Hello.', /book\.pdf ends in none of \.jsonl, \.ndjson, \.csv/],
    ['empty.jsonl', '\n\n', /manifest_invalid/],
    ['header.csv', 'name,words\na,Hello.\n', /unknown column "name"[^]*manifest_invalid/],
    ['bad.jsonl', jsonl([{ id: 'a', text: '' }]), /Line 1[^]*text_empty/],
  ];
  for (const [name, content, says] of refused) {
    await place.write(name, content);
    const { stderr } = await place.narrator(['run', name, '-o', `out-${name}`], { exitCode: 1 });
    assert.match(stderr, says);
  }
  const { stderr } = await place.narrator(['run', 'none.jsonl', '-o', 'out'], { exitCode: 1 });
  assert.match(stderr, /none\.jsonl cannot be read/);
  await place.narrator(['run', 'bad.jsonl'], { exitCode: 2 });
});
