/** The same command again: only what is missing or was changed is synthesised. */
import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { jsonl } from './manifests.ts';
import { readNarration } from './narration.ts';
import { FAST, ROOT, Workplace } from './narrator-process.ts';

interface Summary {
  readonly items: number;
  readonly succeeded: number;
  readonly segments: number;
  readonly reusedSegments: number;
  readonly synthesisedSeconds: number;
  readonly alreadyDone: boolean;
}

test('only what is missing or was edited is synthesised: a file, a line, a text file, a voice', async (t) => {
  const place = await Workplace.open(t);
  const clip = (voice: string) => [
    ...['--audio', join(ROOT, `models/tiny/voices/${voice}.wav`)],
    ...['--text', 'The weather was warm this morning, so we walked to the market.'],
  ];
  await place.narrator(['voices', 'add', 'anna', ...clip('slt')]);
  const items = [
    { id: 'a', text: 'Rain in the evening.' },
    { id: 'b', text: 'Rain in the evening. Green hills.' },
    { id: 'c', text: 'A quiet garden.', voice: 'anna' },
    { id: 'd', textFile: 'd.txt', voice: 'rms' },
  ];
  await place.write('m.jsonl', jsonl(items));
  await place.write('d.txt', 'We walked.');
  const run = async (...flags: string[]) => {
    const summary = await place.json<Summary>(['run', 'm.jsonl', '-o', 'out', ...FAST, ...flags]);
    const { succeeded, segments, reusedSegments, alreadyDone } = summary;
    assert.equal(succeeded, items.length);
    assert.equal(summary.synthesisedSeconds > 0, !alreadyDone && segments > reusedSegments);
    return { made: alreadyDone ? 0 : segments - reusedSegments, alreadyDone };
  };
  const bytes = (id: string) => readFile(place.path(`out/${id}.wav`));

  const first = await run();
  assert.ok(!first.alreadyDone && first.made >= 4);
  const [a, b, c, d] = await Promise.all(['a', 'b', 'c', 'd'].map(bytes));
  assert.deepEqual(await run(), { made: 0, alreadyDone: true });

  await rm(place.path('out/b.wav'));
  assert.deepEqual(await run(), { made: 0, alreadyDone: false });
  assert.ok(b!.equals(await bytes('b')));

  items[0]!.text = 'Rain in the morning.';
  await place.write('m.jsonl', jsonl(items));
  assert.deepEqual(await run(), { made: 1, alreadyDone: false });
  assert.ok(!a!.equals(await bytes('a')));
  assert.ok(b!.equals(await bytes('b')));

  await place.write('d.txt', 'We walked on.');
  assert.deepEqual(await run(), { made: 1, alreadyDone: false });
  assert.ok(!d!.equals(await bytes('d')));
  assert.equal((await readNarration(place.path('out/d.wav'))).sidecar.segments[0]?.text, 'We walked on.');

  await place.narrator(['voices', 'add', 'anna', ...clip('rms')]);
  assert.deepEqual(await run(), { made: 1, alreadyDone: false });
  assert.ok(!c!.equals(await bytes('c')));

  // Another format: new files of the same sound.
  assert.deepEqual(await run('--format', 'int24'), { made: 0, alreadyDone: false });
  assert.equal((await readNarration(place.path('out/a.wav'))).wav.bits, 24);
});
