/** What can be known before anything is done: `narrator plan` and `narrator doctor`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonl, lines } from './manifests.ts';
import { FAST, filesBelow, Workplace } from './narrator-process.ts';

interface Plan {
  readonly items: number;
  readonly segments: number;
  readonly characters: number;
  readonly audioSeconds: number;
  readonly predictedSeconds: number;
  readonly problems: readonly { readonly line: number; readonly code: string }[];
}

test('a plan names the bad lines, says what a run then makes, and writes nothing', async (t) => {
  const place = await Workplace.open(t);
  const items = lines(12);
  await place.write('m.jsonl', jsonl([...items.slice(0, 4), { id: 'bad', text: '' }, ...items.slice(4)]));
  await place.narrator(['voices', 'list']); // creates what belongs to the home folder
  const before = await filesBelow(place.folder);
  const plan = await place.json<Plan>(['plan', 'm.jsonl', '--rtf', '0.5', ...FAST], { exitCode: 3 });
  assert.deepEqual(await filesBelow(place.folder), before);

  assert.equal(plan.items, 13);
  assert.deepEqual(
    plan.problems.map(({ line, code }) => [line, code]),
    [[5, 'text_empty']],
  );
  assert.equal(plan.predictedSeconds, 0.5 * plan.audioSeconds);
  assert.equal(
    plan.characters,
    items.reduce((sum, { text }) => sum + text.length, 0),
  );

  const made = await place.json<{ segments: number; audioSeconds: number; succeeded: number }>(
    ['run', 'm.jsonl', '-o', 'out', ...FAST],
    { exitCode: 3 },
  );
  assert.deepEqual([made.succeeded, made.segments], [12, plan.segments]);
  // Silence at the edges of segments is cut off, pauses between them are added.
  const share = made.audioSeconds / plan.audioSeconds;
  assert.ok(share > 0.9 && share < 1.1, `the run made ${share} of what was planned`);
});

test('a plan of good lines ends with 0, and predicts the time by measuring; one of bad lines only ends with 1', async (t) => {
  const place = await Workplace.open(t);
  await place.write('good.jsonl', jsonl(lines(3)));
  const { stdout } = await place.narrator(['plan', 'good.jsonl', ...FAST]);
  assert.match(stdout.toString(), /items +3\n[^]*predicted time +[\d:]+ \(real-time factor [\d.]+, measured now\)/);
  await place.write('bad.jsonl', jsonl([{ id: 'a', text: '' }]));
  const { stderr } = await place.narrator(['plan', 'bad.jsonl'], { exitCode: 1 });
  assert.match(stderr, /Line 1[^]*text_empty/);
});

test('doctor finds this machine well, and says what is wrong with one that is not', async (t) => {
  const place = await Workplace.open(t);
  interface Report {
    readonly well: boolean;
    readonly checks: readonly { readonly name: string; readonly state: string; readonly message: string }[];
  }
  const well = await place.json<Report>(['doctor', '--provider', 'cpu']);
  assert.equal(well.well, true);
  const names = well.checks.map(({ name }) => name);
  assert.deepEqual(names, ['node', 'machine', 'runtime', 'providers', 'home', 'model', 'voices', 'engine', 'speed']);

  const ill = await place.json<Report>(['doctor', '--model', 'none'], { exitCode: 1 });
  assert.equal(ill.well, false);
  assert.match(ill.checks.find(({ name }) => name === 'model')?.message ?? '', /none/);
});
