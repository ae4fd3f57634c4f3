/** A run that is told to stop, and two narrators that want the same folder. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { jsonl, lines } from './manifests.ts';
import { ended, FAST, jsonLines, LOGGING, temporaryFiles, Workplace } from './narrator-process.ts';

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends a run in order with exit code ${code}, and the same command finishes it`, async (t) => {
    const place = await Workplace.open(t);
    await place.write('m.jsonl', jsonl(lines(12)));
    const command = ['run', 'm.jsonl', '-o', 'out', ...FAST];
    const interrupted = place.start(command, { env: LOGGING });
    assert.ok(await interrupted.reaches('batch_done', 3));
    const enginePid = interrupted.enginePid();
    interrupted.kill(signal);
    const { exitCode, stdout, stderr } = await interrupted.finished;
    assert.equal(exitCode, code, stderr);
    assert.match(stderr, /Interrupted[^]*again/);
    assert.equal(stdout.length, 0);
    assert.ok(enginePid !== undefined && (await ended(enginePid)));
    assert.ok(!(await readdir(place.path('out'))).includes('summary.json'));

    const summary = await place.json<{ succeeded: number; synthesisedSeconds: number; audioSeconds: number }>(command);
    assert.equal(summary.succeeded, 12);
    // On a fast machine the shard may have been finished within the grace: then there was nothing left to synthesise.
    const done = summary.synthesisedSeconds < 0.9 * summary.audioSeconds;
    assert.ok(done, 'what was done before the signal was done again');
  });
}

test('SIGINT ends speak with exit code 130, without a file and without anything left behind', async (t) => {
  const place = await Workplace.open(t);
  const text = lines(30)
    .map((line) => line.text)
    .join(' ');
  const interrupted = place.start(['speak', '--text', text, '-o', 'x.wav', ...FAST], { env: LOGGING });
  assert.ok(await interrupted.reaches('batch_done', 1));
  interrupted.kill('SIGINT');
  const { exitCode, stderr } = await interrupted.finished;
  assert.equal(exitCode, 130, stderr);
  assert.deepEqual(await readdir(place.folder), ['home']);
  assert.deepEqual(await temporaryFiles(), []);
});

test('a second narrator on a folder is refused by name while the first works, and welcome afterwards', async (t) => {
  const place = await Workplace.open(t);
  await place.write('m.jsonl', jsonl(lines(12)));
  await place.write('other.jsonl', jsonl([{ id: 'other', text: 'Rain.' }]));
  const first = place.start(['run', 'm.jsonl', '-o', 'out', ...FAST], { env: LOGGING });
  assert.ok(await first.reaches('batch_done', 1));
  // Held, so that it cannot be done before the others have asked.
  first.kill('SIGSTOP');
  for (const manifest of ['m.jsonl', 'other.jsonl']) {
    const { error } = await place.json<{ error: { code: string; message: string } }>(
      ['run', manifest, '-o', 'out', ...FAST],
      { exitCode: 1 },
    );
    assert.equal(error.code, 'store_busy');
    assert.ok(error.message.includes(place.path('out')), error.message);
  }
  first.kill('SIGCONT');
  const { exitCode, stderr } = await first.finished;
  assert.equal(exitCode, 0, stderr);
  assert.equal((await jsonLines(place.path('out/results.jsonl'))).length, 12);
  await place.narrator(['run', 'other.jsonl', '-o', 'out', ...FAST]);
  assert.ok((await readdir(place.path('out'))).includes('other.wav'));
});
