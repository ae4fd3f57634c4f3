/** `narrator speak`: one text to one WAV file. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { parseWav } from './narration.ts';
import { readNarration, withoutSpace } from './narration.ts';
import { FAST, ROOT, temporaryFiles, Workplace } from './narrator-process.ts';

const TEXT = 'Good morning.\n\nThe river is high.';

test('a text from a file, from standard input and from --text is the same speech, and its JSON tells of every word', async (t) => {
  const place = await Workplace.open(t);
  const file = await place.write('morning.txt', TEXT);
  await place.narrator(['speak', file, '-o', 'file.wav', ...FAST]);
  await place.narrator(['speak', '-', '-o', 'stdin.wav', ...FAST], { input: TEXT });
  await place.narrator(['speak', '--text', TEXT, '-o', 'flag.wav', ...FAST]);

  const { wav, sidecar, bytes } = await readNarration(place.path('file.wav'));
  assert.deepEqual([wav.bits, wav.isFloat, sidecar.format], [16, false, 'int16']);
  assert.equal(withoutSpace(sidecar.segments.map(({ text }) => text).join('')), withoutSpace(TEXT));
  assert.equal(sidecar.segments.length, 2);
  for (const other of ['stdin', 'flag']) {
    assert.ok(bytes.equals(await readFile(place.path(`${other}.wav`))), other);
    assert.deepEqual((await readNarration(place.path(`${other}.wav`))).sidecar, sidecar);
  }
  assert.deepEqual(await temporaryFiles(), []);
});

test('"-o -" writes the WAV file to standard output and nothing else; a reader that closes it early does no harm', async (t) => {
  const place = await Workplace.open(t);
  const spoken = await place.narrator(['speak', '--text', 'Good morning.', '-o', '-', ...FAST]);
  await place.narrator(['speak', '--text', 'Good morning.', '-o', 'file.wav', ...FAST]);
  assert.ok(spoken.stdout.equals(await readFile(place.path('file.wav'))));

  const before = await readdir(place.folder);
  // Longer than the buffer of a pipe.
  const text = 'The river ran past the old mill, and nobody saw it. '.repeat(2);
  const unheard = place.start(['speak', '--text', text, '-o', '-', ...FAST]);
  unheard.child.stdout?.destroy();
  const { exitCode, stderr } = await unheard.finished;
  assert.equal(exitCode, 0, stderr);
  assert.doesNotMatch(stderr, /EPIPE|internal|\n\s+at /);
  assert.deepEqual(await readdir(place.folder), before);
  assert.deepEqual(await temporaryFiles(), []);
});

test('what a speech that was killed has left goes with the next one', async (t) => {
  const place = await Workplace.open(t);
  const killed = place.start(['speak', '--text', TEXT, '-o', 'killed.wav', ...FAST]);
  while ((await temporaryFiles()).length === 0) await delay(20);
  killed.kill('SIGKILL');
  await killed.finished;
  assert.equal((await temporaryFiles()).length, 1);
  await place.narrator(['speak', '--text', 'Good morning.', '-o', 'next.wav', ...FAST]);
  assert.deepEqual(await temporaryFiles(), []);
  assert.equal(existsSync(place.path('killed.wav')), false);
});

test('closing standard output early is no crash of a command that prints', async (t) => {
  const place = await Workplace.open(t);
  for (const command of [['models', 'list'], ['voices', 'list', '--json'], ['--help']]) {
    const running = place.start(command);
    running.child.stdout?.destroy();
    const { exitCode, stderr } = await running.finished;
    assert.deepEqual([exitCode, stderr], [0, ''], command.join(' '));
  }
});

test('--format int24 and float32 hold the same speech in finer samples', async (t) => {
  const place = await Workplace.open(t);
  const speech = new Map<string, ReturnType<typeof parseWav>>();
  for (const format of ['int16', 'int24', 'float32']) {
    await place.narrator(['speak', '--text', 'Good morning.', '-o', `${format}.wav`, '--format', format, ...FAST]);
    const { wav, sidecar } = await readNarration(place.path(`${format}.wav`));
    assert.equal(sidecar.format, format);
    speech.set(format, wav);
  }
  const [coarse, fine, float] = [...speech.values()];
  assert.deepEqual(
    [coarse, fine, float].map((wav) => [wav?.bits, wav?.isFloat]),
    [
      [16, false],
      [24, false],
      [32, true],
    ],
  );
  for (const [index, sample] of float!.samples.entries()) {
    assert.ok(Math.abs(fine!.samples[index]! - sample) <= 2 ** -24 + 1e-12);
    assert.ok(Math.abs(coarse!.samples[index]! - sample) <= 2 ** -16 + 1e-12);
  }
});

test('a clip with its transcript is a voice: that of a voice with the same clip', async (t) => {
  const place = await Workplace.open(t);
  const clip = join(ROOT, 'models/tiny/voices/rms.wav');
  const transcript = 'The weather was warm this morning, so we walked to the market.';
  const words = ['--text', 'Good morning.', ...FAST];
  await place.narrator(['speak', ...words, '-o', 'clip.wav', '--ref-audio', clip, '--ref-text', transcript]);
  await place.narrator(['speak', ...words, '-o', 'rms.wav', '--voice', 'rms']);
  await place.narrator(['speak', ...words, '-o', 'slt.wav']);

  const [clipped, named, other] = await Promise.all(
    ['clip', 'rms', 'slt'].map((name) => readNarration(place.path(`${name}.wav`))),
  );
  assert.ok(clipped!.bytes.equals(named!.bytes));
  assert.equal(clipped!.sidecar.voice.version, named!.sidecar.voice.version);
  assert.ok(!named!.bytes.equals(other!.bytes), 'two voices sound the same');
});

test('--json prints one object: what was written, or the error', async (t) => {
  const place = await Workplace.open(t);
  const spoken = await place.json<{ output: string; seconds: number; segments: unknown[] }>([
    ...['speak', '--text', 'Good morning.', '-o', 'a.wav', ...FAST],
  ]);
  const { sidecar } = await readNarration(place.path('a.wav'));
  assert.deepEqual([spoken.output, spoken.seconds, spoken.segments.length], ['a.wav', sidecar.seconds, 1]);

  const failed = await place.json<{ error: { code: string; field: string; hint: string } }>(
    ['speak', '--text', 'Good morning.', '-o', 'b.wav', '--voice', 'nobody'],
    { exitCode: 1 },
  );
  assert.deepEqual([failed.error.code, failed.error.field], ['voice_not_found', 'voice']);
});

test('what cannot be spoken is refused by name, with an exit code that says whose fault it is, and nothing is written', async (t) => {
  const place = await Workplace.open(t);
  const latin1 = await place.write('in/latin1.txt', Buffer.from('caf\xe9', 'latin1'));
  const clip = join(ROOT, 'models/tiny/voices/rms.wav');
  const text = ['--text', 'Hello.'];
  await mkdir(place.path('out'));
  const refused: [args: string[], exitCode: number, says: RegExp, env?: Record<string, string>][] = [
    [[], 2, /No text was given[^]*--text/],
    [[latin1, ...text], 2, /Both a file and --text/],
    [[...text, '--voice', 'nobody'], 1, /voice[^]*nobody[^]*voice_not_found/],
    [['in/none.txt'], 1, /in\/none\.txt cannot be read[^]*text_file_unreadable/],
    [[latin1], 1, /latin1\.txt is not valid UTF-8/],
    [['--text', ' \n '], 1, /text_empty/],
    [['--text', '🙂🙂'], 1, /text_(empty|unspeakable)/],
    [[...text, '--speed', 'fast'], 2, /--speed[^]*number/],
    [[...text, '--speed', '9'], 2, /speed[^]*0\.5 to 2/],
    [[...text, '--steps', '0'], 2, /steps is 0[^]*from 1 to 256/],
    [[...text, '--seed', '-1'], 2, /seed/],
    [[...text, '--colour', 'red'], 2, /unknown option '--colour'/],
    [[...text, '--ref-audio', clip], 2, /--ref-text/],
    [[...text, '--ref-audio', clip, '--ref-text', 'Words.', '--voice', 'slt'], 2, /Both --voice and --ref-audio/],
    [[...text, '--ref-audio', latin1, '--ref-text', 'Words.'], 1, /audio_undecodable/],
    [[...text, '--model', 'none'], 1, /none[^]*model_not_found/],
    [text, 2, /NARRATOR_MODLE[^]*NARRATOR_MODEL/, { NARRATOR_MODLE: 'tiny' }],
    [text, 2, /NARRATOR_THREADS[^]*number/, { NARRATOR_THREADS: 'many' }],
  ];
  for (const [args, exitCode, says, env = {}] of refused) {
    const { stdout, stderr } = await place.narrator(['speak', ...args, '-o', 'out/x.wav'], { exitCode, env });
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, /\n\s+at /, 'a stack trace is no explanation');
    assert.equal(stdout.length, 0);
  }
  assert.deepEqual(await readdir(place.path('out')), []);
  assert.deepEqual(await temporaryFiles(), []);
});

test('a GPU that is asked for and missing is an error that says what to install', async (t) => {
  const place = await Workplace.open(t);
  const env = { CUDA_VISIBLE_DEVICES: '-1' };
  const { stderr } = await place.narrator(['speak', '--text', 'Hello.', '-o', 'x.wav', '--provider', 'cuda'], {
    exitCode: 1,
    env,
  });
  assert.match(stderr, /CUDA 12[^]*cuda:install[^]*provider_unavailable/);
  assert.ok(!existsSync(place.path('x.wav')));

  const manifest = await place.write('m.jsonl', '{"id":"a","text":"Hello."}\n');
  await place.narrator(['run', manifest, '-o', 'out', '--provider', 'cuda', ...FAST], { exitCode: 1, env });
  // Nothing was held against the items: where the model can run, they are spoken.
  await place.narrator(['run', manifest, '-o', 'out', '--provider', 'cpu', ...FAST]);
  await readNarration(place.path('out/a.wav'));
});
