/** The library in a program of its own, as src/index.ts offers it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RunProgress, RunSummary, Spoken } from '../../src/index.ts';
import { jsonl, lines } from './manifests.ts';
import { readNarration } from './narration.ts';
import { LOADER, temporaryFiles, Workplace } from './narrator-process.ts';

interface Seen {
  readonly model: string;
  readonly spoken: Omit<Spoken, 'samples'> & { readonly samples: number; readonly peak: number };
  readonly toFile: Omit<Spoken, 'samples'>;
  readonly refusal: string;
  readonly planned: number;
  readonly progress: readonly RunProgress[];
  readonly summary: RunSummary;
  readonly aborted: string;
  readonly voices: readonly string[];
  readonly afterwards: string;
  readonly events: readonly string[];
}

test('a program speaks, runs with progress, is told of errors by code, and ends by itself once the narrator is closed', async (t) => {
  const place = await Workplace.open(t);
  const manifest = await place.write('m.jsonl', jsonl(lines(8)));
  const program = join(import.meta.dirname, 'library-user.child.ts');
  const running = place.spawn([...LOADER, program, place.path('home'), manifest, place.path('out')]);
  const { exitCode, signal, stdout, stderr } = await running.finished;
  assert.deepEqual([signal, exitCode, stderr], [null, 0, '']);
  const seen = JSON.parse(stdout.toString()) as Seen;

  assert.equal(seen.model, 'tiny');
  const { samples, seconds, sampleRateHz, segments, peak } = seen.spoken;
  assert.ok(sampleRateHz === 24_000 && Math.abs(samples / 24_000 - seconds) < 1e-5 && peak > 0.02 && peak <= 1);
  assert.deepEqual(seen.toFile, { seconds, sampleRateHz, segments });
  assert.equal((await readNarration(place.path('out.wav'))).wav.samples.length, samples);
  assert.equal(seen.refusal, 'voice_not_found');

  assert.deepEqual([seen.planned, seen.summary.succeeded, seen.summary.outcome], [8, 8, 'completed']);
  for (const { id } of lines(8)) await readNarration(place.path('out', `${id}.wav`));
  assert.equal(seen.progress.at(-1)?.items.succeeded, 8, 'the end was not told');
  let share = 0;
  for (const one of seen.progress) {
    assert.ok(one.share >= share && one.share <= 1);
    share = one.share;
  }
  assert.equal(seen.aborted, 'cancelled');
  assert.deepEqual([...seen.voices].sort(), ['rms', 'slt']);
  assert.equal(seen.afterwards, 'engine_stopped');
  assert.ok(seen.events.includes('batch_done'));
  assert.deepEqual(await temporaryFiles(), []);
});
