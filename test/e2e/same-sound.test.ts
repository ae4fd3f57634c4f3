/** Same text, voice and seed: same bytes, wherever and in whatever company they are spoken. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { jsonl } from './manifests.ts';
import { ended, FAST, jsonLines, LOGGING, Workplace } from './narrator-process.ts';

const ITEMS = [
  { id: 'a', text: 'The river is high.', voice: 'slt', seed: 7 },
  { id: 'b', text: 'The river is high.', voice: 'rms', seed: 7 },
  { id: 'c', text: 'The river is high.', voice: 'slt', seed: '18446744073709551615' },
  { id: 'd', text: 'Rain.\n\nGreen hills in the evening, and a quiet garden.', voice: 'rms', seed: 7, speed: 1.2 },
] as const;
const COMPANY = Array.from({ length: 8 }, (_, index) => ({
  id: `x${index}`,
  text: `${'We walked. '.repeat(1 + (index % 3))}`,
}));

test('speak, a run, a run in another order and company, and one whose engine was killed say the same', async (t) => {
  const place = await Workplace.open(t);
  await place.write('m.jsonl', jsonl(ITEMS));
  await place.write('mixed.jsonl', jsonl([...COMPANY.slice(0, 5), ...ITEMS.toReversed(), ...COMPANY.slice(5)]));
  await place.narrator(['run', 'm.jsonl', '-o', 'run', ...FAST]);
  // Room for several in one batch.
  await place.narrator(['run', 'mixed.jsonl', '-o', 'mixed', '--budget-frames', '4096', ...FAST]);

  const crashing = place.start(['run', 'mixed.jsonl', '-o', 'crashed', ...FAST], { env: LOGGING });
  assert.ok(await crashing.reaches('batch_done', 3));
  const enginePid = crashing.enginePid();
  assert.ok(enginePid !== undefined);
  process.kill(enginePid, 'SIGKILL');
  const { exitCode, stderr } = await crashing.finished;
  assert.equal(exitCode, 0, stderr);
  assert.ok(await ended(enginePid));
  const engines = new Set(crashing.logged('engine_state').flatMap(({ to, pid }) => (to === 'ready' ? [pid] : [])));
  assert.equal(engines.size, 2, 'the engine was not started again');
  const results = await jsonLines<{ item: string }>(place.path('crashed/results.jsonl'));
  assert.equal(results.length, ITEMS.length + COMPANY.length);

  const sounds = new Set<string>();
  for (const { id, text, voice, seed, ...more } of ITEMS) {
    const speed = 'speed' in more ? ['--speed', String(more.speed)] : [];
    const words = ['speak', '--text', text, '--voice', voice, '--seed', String(seed), ...speed];
    await place.narrator([...words, '-o', `${id}.wav`, ...FAST]);
    const bytes = await readFile(place.path(`${id}.wav`));
    for (const folder of ['run', 'mixed', 'crashed']) {
      assert.ok(bytes.equals(await readFile(place.path(folder, `${id}.wav`))), `${id} differs in ${folder}`);
    }
    sounds.add(bytes.toString('latin1'));
  }
  assert.equal(sounds.size, ITEMS.length, 'another voice or seed is another sound');
});
