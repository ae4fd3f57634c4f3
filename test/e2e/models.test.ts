/** `narrator models`: a model is built, found, spoken with, and a flipped byte is found. Pulling is tested beside its code. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseWav } from './narration.ts';
import { FAST, Workplace } from './narrator-process.ts';

test('a model of random weights is built, listed, spoken with and verified; one flipped byte is found and named', async (t) => {
  const place = await Workplace.open(t);
  const built = await place.json<{ directory: string; digest: string }>([
    ...['models', 'build', 'noise', '--random', 'tiny', '--seed', '3'],
  ]);
  assert.equal(built.directory, place.path('home/models/noise'));
  const listed = await place.json<{ name: string; state: string }[]>(['models', 'list']);
  const names = listed.map(({ name }) => name);
  for (const name of ['tiny', 'noise', 'f5-tts-v1-base']) assert.ok(names.includes(name), `${name} is not listed`);

  const clip = (await place.json<{ directory: string }>(['models', 'verify', 'tiny'])).directory;
  await place.narrator([
    ...['speak', '--text', 'Rain in the evening.', '-o', 'x.wav', '--model', 'noise', ...FAST],
    ...['--ref-audio', join(clip, 'voices/slt.wav')],
    ...['--ref-text', 'The weather was warm this morning, so we walked to the market.'],
  ]);
  const { sampleRateHz, samples } = parseWav(await readFile(place.path('x.wav')));
  assert.ok(sampleRateHz === 24_000 && samples.length > 6_000);

  await place.narrator(['models', 'verify', 'noise']);
  const weights = join(built.directory, 'model.safetensors');
  const bytes = await readFile(weights);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(weights, bytes);
  const { stderr } = await place.narrator(['models', 'verify', 'noise'], { exitCode: 1 });
  assert.match(stderr, /model\.safetensors[^]*(checksum_mismatch|model_invalid)/);
});

test('a model that does not exist, or whose parts are not given, is refused by name', async (t) => {
  const place = await Workplace.open(t);
  const refused: [args: string[], exitCode: number, says: RegExp][] = [
    [['verify', 'none'], 1, /none[^]*model_not_found/],
    [['pull', 'none'], 1, /"none"[^]*f5-tts-v1-base/],
    [['build', 'x'], 2, /--weights, --vocoder, --vocabulary/],
    [['build', 'x', '--random', 'huge'], 2, /"huge"[^]*"tiny"/],
  ];
  for (const [args, exitCode, says] of refused) {
    const { stderr } = await place.narrator(['models', ...args], { exitCode });
    assert.match(stderr, says);
  }
});
