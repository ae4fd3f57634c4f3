/** `narrator voices`: a clip becomes a voice, or is refused with reasons. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import wavefile from 'wavefile';
import { parseWav, readNarration } from './narration.ts';
import { FAST, ROOT, Workplace } from './narrator-process.ts';
import { readFile } from 'node:fs/promises';

const TRANSCRIPT = 'The weather was warm this morning, so we walked to the market.';

function wavOf(samples: Float64Array): Buffer {
  const wav = new wavefile.WaveFile();
  wav.fromScratch(
    1,
    24_000,
    '16',
    samples.map((sample) => Math.round(sample * 32_767)),
  );
  return Buffer.from(wav.toBuffer());
}

interface Listed {
  readonly id: string;
  readonly builtIn: boolean;
  readonly seconds: number;
  readonly version: string;
}

test('a clip is checked, kept, listed, spoken with, replaced and removed', async (t) => {
  const place = await Workplace.open(t);
  const { samples } = parseWav(await readFile(join(ROOT, 'models/tiny/voices/slt.wav')));
  await place.write('anna.wav', wavOf(samples.map((sample) => sample * 0.6)));
  await place.write('louder.wav', wavOf(samples.map((sample) => sample * 0.8)));
  const clip = (file: string) => ['--audio', file, '--text', TRANSCRIPT];

  const checked = await place.json<{ usable: boolean; measures: { seconds: number } }>([
    'voices',
    'check',
    ...clip('anna.wav'),
  ]);
  assert.equal(checked.usable, true);
  assert.ok(Math.abs(checked.measures.seconds - samples.length / 24_000) < 1e-3);
  const added = await place.json<{ profile: Listed }>(['voices', 'add', 'anna', ...clip('anna.wav')]);

  const list = () => place.json<Listed[]>(['voices', 'list']);
  const listed = await list();
  assert.deepEqual(listed.map(({ id, builtIn }) => [id, builtIn]).sort(), [
    ['anna', false],
    ['rms', true],
    ['slt', true],
  ]);
  assert.equal(listed.find(({ id }) => id === 'anna')?.version, added.profile.version);

  await place.narrator(['speak', '--text', 'Rain.', '-o', 'x.wav', '--voice', 'anna', ...FAST]);
  const { voice } = (await readNarration(place.path('x.wav'))).sidecar;
  assert.deepEqual(voice, { id: 'anna', version: added.profile.version });

  const replaced = await place.json<{ profile: Listed }>(['voices', 'add', 'anna', ...clip('louder.wav')]);
  assert.notEqual(replaced.profile.version, added.profile.version);

  await place.narrator(['voices', 'remove', 'anna']);
  assert.deepEqual((await list()).map(({ id }) => id).sort(), ['rms', 'slt']);
  const gone = await place.narrator(['voices', 'remove', 'anna'], { exitCode: 1 });
  assert.match(gone.stderr, /no voice "anna" of your own/);
  const builtIn = await place.narrator(['voices', 'remove', 'slt'], { exitCode: 1 });
  assert.match(builtIn.stderr, /came with the model/);
});

test('a clip that gives no voice is refused with what is wrong with it', async (t) => {
  const place = await Workplace.open(t);
  await place.write('silent.wav', wavOf(new Float64Array(24_000 * 4)));
  await place.write('no.wav', 'no audio at all');
  const unusable = await place.json<{ usable: boolean; findings: { level: string; check: string }[] }>(
    ['voices', 'check', '--audio', 'silent.wav', '--text', TRANSCRIPT],
    { exitCode: 1 },
  );
  assert.equal(unusable.usable, false);
  assert.ok(unusable.findings.some(({ level, check }) => level === 'error' && check === 'silence'));
  const good = join(ROOT, 'models/tiny/voices/slt.wav');
  const refused: [args: string[], exitCode: number, says: RegExp][] = [
    [['anna', '--audio', 'silent.wav', '--text', TRANSCRIPT], 1, /voice_invalid/],
    [['anna', '--audio', 'no.wav', '--text', TRANSCRIPT], 1, /audio_undecodable/],
    [['anna', '--audio', 'none.wav', '--text', TRANSCRIPT], 1, /none\.wav cannot be read/],
    [['anna', '--audio', good, '--text', ' '], 1, /transcript is empty/],
    [['../anna', '--audio', good, '--text', TRANSCRIPT], 1, /\.\.\/anna/],
    [['anna', '--audio', good], 2, /--text/],
  ];
  for (const [args, exitCode, says] of refused) {
    const { stderr } = await place.narrator(['voices', 'add', ...args], { exitCode });
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, /\n\s+at /, 'a stack trace is no explanation');
  }
  assert.deepEqual((await place.json<Listed[]>(['voices', 'list'])).map(({ id }) => id).sort(), ['rms', 'slt']);
});
