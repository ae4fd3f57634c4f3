/** `kill -9` at any moment, and the same command again: nothing is lost, nothing is doubled, nothing is left over. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { jsonl, lines, seededRandom } from './manifests.ts';
import { readNarration } from './narration.ts';
import { ended, FAST, filesBelow, jsonLines, LOGGING, Workplace } from './narrator-process.ts';

const LINES = Number(process.env.E2E_LINES ?? 40);
const SEED = Number(process.env.E2E_SEED ?? Date.now() % 1_000_000);
const KILLS = 5;

test('a run that is killed five times ends with the very files of one that was not', async (t) => {
  const place = await Workplace.open(t);
  const items = lines(LINES);
  await place.write('m.jsonl', jsonl(items));
  t.diagnostic(`${LINES} lines; moments by E2E_SEED=${SEED}`);

  const startedAt = performance.now();
  const undisturbed = place.start(['run', 'm.jsonl', '-o', 'undisturbed', ...FAST], { env: LOGGING });
  const { exitCode, stderr } = await undisturbed.finished;
  assert.equal(exitCode, 0, stderr);
  const batches = undisturbed.logged('batch_done').length;
  const tookMs = performance.now() - startedAt;

  const random = seededRandom(SEED);
  const killed = ['run', 'm.jsonl', '-o', 'killed', ...FAST];
  for (let kill = 1; kill <= KILLS; kill++) {
    const running = place.start(killed, { env: LOGGING });
    // While it starts and plans, or while it works; at most three quarters of the work, so that some is left for the last one.
    const wait = Math.floor((random() * batches) / (2 * KILLS));
    const alive = wait === 0 || (await running.reaches('batch_done', wait));
    await delay((random() * tookMs) / (4 * KILLS));
    const enginePid = running.enginePid();
    running.kill('SIGKILL');
    const { signal } = await running.finished;
    assert.ok(alive && signal === 'SIGKILL', `it had ended before kill ${kill}`);
    t.diagnostic(`killed after ${running.logged('batch_done').length} of ${batches} batches`);
    assert.ok(enginePid === undefined || (await ended(enginePid)), 'the engine outlives its parent');
  }
  await place.narrator(killed);

  const expected = await filesBelow(place.path('undisturbed'));
  const files = await filesBelow(place.path('killed'));
  const isResult = (name: string) => /^line-\d+\.(wav|json)$/.test(name);
  const results = (all: Map<string, string>) => [...all.keys()].filter(isResult).sort();
  assert.deepEqual(results(files), items.flatMap(({ id }) => [`${id}.json`, `${id}.wav`]).sort());
  for (const name of results(expected)) assert.ok(files.get(name) === expected.get(name), `${name} differs`);
  for (const { id } of items) await readNarration(place.path('killed', `${id}.wav`));

  const others = (await readdir(place.path('killed'))).filter((name) => !isResult(name)).sort();
  assert.deepEqual(others, ['.narrator', 'errors.jsonl', 'results.jsonl', 'summary.json']);
  const leftOver = [...files.keys()].filter((name) => /tmp|temp|new-|\.part/.test(name));
  assert.deepEqual(leftOver, []);
  const jobs = await readdir(place.path('killed/.narrator/jobs'));
  assert.equal(jobs.length, 1, 'the run lost its job and began another');

  const told = await jsonLines<{ item: string; samples: number }>(place.path('killed/results.jsonl'));
  const toldUndisturbed = await jsonLines<{ item: string; samples: number }>(place.path('undisturbed/results.jsonl'));
  const facts = (all: typeof told) => all.map(({ item, samples }) => [item, samples]);
  assert.deepEqual(facts(told), facts(toldUndisturbed));
  assert.deepEqual(
    told.map(({ item }) => item),
    items.map(({ id }) => id),
  );
  const { succeeded, failed } = JSON.parse(await readFile(place.path('killed/summary.json'), 'utf8')) as {
    succeeded: number;
    failed: number;
  };
  assert.deepEqual([succeeded, failed], [LINES, 0]);
});

test('a manifest that is edited after a kill has all its files: the job before it takes none back', async (t) => {
  const place = await Workplace.open(t);
  const items = lines(12);
  await place.write('m.jsonl', jsonl(items));
  const command = ['run', 'm.jsonl', '-o', 'out', ...FAST];
  const running = place.start(command, { env: LOGGING });
  assert.ok(await running.reaches('batch_done', 2));
  running.kill('SIGKILL');
  await running.finished;

  const edited = items.map((item, index) => (index === 11 ? { ...item, text: 'Another ending.' } : item));
  await place.write('m.jsonl', jsonl(edited));
  await place.narrator(command);
  for (const { id } of edited) await readNarration(place.path('out', `${id}.wav`));
  const told = await jsonLines<{ item: string }>(place.path('out/results.jsonl'));
  assert.deepEqual(
    told.map(({ item }) => item),
    edited.map(({ id }) => id),
  );
  const summary = JSON.parse(await readFile(place.path('out/summary.json'), 'utf8')) as Record<string, unknown>;
  assert.deepEqual([summary['succeeded'], summary['failed']], [12, 0]);
});
