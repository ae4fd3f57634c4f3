/**
 * `node --import tsx bench/gpu.ts --model DIR [--provider cuda] [--precision f16] [--out FILE.json]`: what a model of any size makes on this machine, in
 * audio-seconds a second and as a share of the chip's arithmetic, by batch, length and steps; then what budgets and buckets the batch policy
 * should have. It is no part of `npm run bench`: that has to run anywhere.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { leastPaddingPolicy } from '../src/engine/batch-policy.ts';
import { collate, type CollateItem } from '../src/engine/f5/collate.ts';
import { maxTextBytes, type Pace, speechFrames, utf8Bytes } from '../src/engine/f5/duration.ts';
import { openModel } from '../src/engine/f5/model-directory.ts';
import { type ExecutionProvider, F5Sessions } from '../src/engine/f5/session.ts';
import { timeGrid } from '../src/engine/f5/time-grid.ts';
import type { Architecture } from '../src/engine/graph/architecture.ts';
import { segmentText } from '../src/text/segment-text.ts';
import { describeMachine, median, percent, printTable } from './report.ts';
import { samplerFlops } from './sampler-flops.ts';
import { bookText, randomNumbers } from './workload.ts';

const BATCHES = [1, 2, 4, 8, 16, 32];
const STEPS = [7, 16, 32];
/** The reference: five seconds, at fifteen characters a second. */
const PACE: Pace = { promptFrames: 469, transcriptBytes: 75 };
/** Speech of the runs at equal lengths: 8 s, about what a sentence or two take. */
const EQUAL_SPEECH_FRAMES = 750;
const BUDGETS = [4, 8, 16, 32, 64].map((thousands) => thousands * 1024);
/** Segments that wait at once in the runs at mixed lengths: some shards. */
const WAITING = 128;
const CFG = 2;
const SWAY = -1;

interface Row {
  readonly lengths: 'equal' | 'mixed';
  readonly batch: number;
  readonly budgetFrames?: number;
  readonly steps: number;
  /** of speech, without references */
  readonly audioSeconds: number;
  readonly samplerSeconds: number;
  readonly vocoderSeconds: number;
  readonly audioRate: number;
  readonly teraflops: number;
  readonly paddingShare: number;
}

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    provider: { type: 'string', default: 'cuda' },
    precision: { type: 'string', default: 'f16' },
    /** of the chip at this precision, dense: 989 for an H100 SXM (nvidia.com/en-us/data-center/h100) */
    'peak-teraflops': { type: 'string', default: '989' },
    rounds: { type: 'string', default: '5' },
    /** leaves out what takes longer than so many seconds in all, so that a borrowed machine is not overrun */
    seconds: { type: 'string', default: '420' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});
if (values.model === undefined)
  throw new Error('--model DIR is missing: a model of `narrator models build` or `pull`.');
const peak = Number(values['peak-teraflops']);
const rounds = values.quick ? 1 : Number(values.rounds);
const endsAt = performance.now() + Number(values.seconds) * 1000;
const model = await openModel(values.model);
const { architecture, files, audio } = model.description;
const secondsOf = (frames: number) => (frames * audio.hop_length) / audio.target_sample_rate;
const startedAt = performance.now();
const sessions = await F5Sessions.load({
  directory: model.directory,
  weightsFile: (values.precision === 'f16' ? (files.weightsF16 ?? files.weights) : files.weights).path,
  vocoderFile: files.vocoder.path,
  architecture,
  provider: values.provider as ExecutionProvider,
  precision: values.precision as 'f32' | 'f16',
  threads: 0,
});
const loadSeconds = (performance.now() - startedAt) / 1000;
console.log(
  `${describeMachine()}\n${model.description.id}, ${values.provider}, ${values.precision}: kernels ${sessions.kernels}, loaded in ${loadSeconds.toFixed(1)} s`,
);

const rows: Row[] = [];
try {
  for (const steps of values.quick ? [7] : STEPS) {
    for (const batch of values.quick ? BATCHES.slice(0, 2) : BATCHES) {
      if (performance.now() > endsAt) break;
      const speech = Array.from({ length: batch }, () => EQUAL_SPEECH_FRAMES);
      rows.push(await measure('equal', [speech], steps));
    }
    for (const budgetFrames of values.quick ? BUDGETS.slice(0, 1) : BUDGETS) {
      if (performance.now() > endsAt) break;
      rows.push({ ...(await measure('mixed', bookBatches(budgetFrames), steps)), budgetFrames });
    }
    report(rows);
  }
  // What batching gains on a real mix: the same segments one by one.
  if (performance.now() < endsAt) {
    const single = await measure('mixed', bookBatches(1), values.quick ? 7 : 16);
    rows.push({ ...single, budgetFrames: 1 });
  }
} finally {
  report(rows);
  await sessions.release();
}

/** Batches of a book's segments as the policy takes them when `WAITING` wait. */
function bookBatches(budgetFrames: number): number[][] {
  const segments = segmentText(bookText(values.quick ? 3 : 60), {
    language: 'en',
    maxBytes: maxTextBytes(PACE, 1, 2062),
  });
  let waiting = segments.slice(0, values.quick ? 8 : WAITING).map(({ spoken }, at) => ({
    frames: PACE.promptFrames + speechFrames(utf8Bytes(spoken), PACE, 1),
    arrivedAtMs: at,
    compatibility: '',
  }));
  const batches: number[][] = [];
  while (waiting.length > 0) {
    const batch = leastPaddingPolicy(waiting, {
      budgetFrames,
      maxItems: 64,
      equalBucketsOnly: false,
      ageLimitMs: 60_000,
    });
    batches.push(batch.map(({ frames }) => frames - PACE.promptFrames));
    waiting = waiting.filter((segment) => !batch.includes(segment));
  }
  return batches;
}

/** @param batches frames of speech of each item */
async function measure(lengths: Row['lengths'], batches: readonly number[][], steps: number): Promise<Row> {
  const inputs = batches.map((speech) =>
    collate(
      speech.map((frames, at) => item(frames, at)),
      architecture.mel_dim,
    ),
  );
  const times = timeGrid(steps, SWAY);
  const runs: { sampler: number; vocoder: number }[] = [];
  // The first round meets new shapes: it is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    const run = { sampler: 0, vocoder: 0 };
    for (const input of inputs) {
      const from = performance.now();
      const mel = await sessions.sample({ ...input, times });
      const between = performance.now();
      const { batch, frames } = input;
      const start = input.durations.map(() => PACE.promptFrames);
      const length = input.durations.map((duration) => duration - PACE.promptFrames);
      await sessions.vocode({ batch, frames, mel, start, length });
      run.sampler += (between - from) / 1000;
      run.vocoder += (performance.now() - between) / 1000;
    }
    if (round > 0) runs.push(run);
    if (performance.now() > endsAt && runs.length > 0) break;
  }
  const samplerSeconds = median(runs.map(({ sampler }) => sampler));
  const vocoderSeconds = median(runs.map(({ vocoder }) => vocoder));
  const speech = batches.flat();
  const audioSeconds = secondsOf(speech.reduce((sum, frames) => sum + frames, 0));
  const operations = inputs.reduce(
    (sum, { batch, frames }) => sum + samplerFlops(architecture, { batch, frames, steps, passes: 2 }).total,
    0,
  );
  const padded = inputs.reduce((sum, { batch, frames }) => sum + batch * frames, 0);
  const real = speech.reduce((sum, frames) => sum + frames + PACE.promptFrames, 0);
  return {
    lengths,
    batch: Math.max(...batches.map((batch) => batch.length)),
    steps,
    audioSeconds,
    samplerSeconds,
    vocoderSeconds,
    audioRate: audioSeconds / (samplerSeconds + vocoderSeconds),
    teraflops: operations / samplerSeconds / 1e12,
    paddingShare: 1 - real / padded,
  };
}

function item(speech: number, at: number): CollateItem {
  const random = randomNumbers(speech + at);
  const duration = PACE.promptFrames + speech;
  const promptMel = Float32Array.from({ length: PACE.promptFrames * architecture.mel_dim }, () => -10 * random());
  // A token is about a byte of text.
  const tokens = tokensOf(architecture, Math.floor((duration * PACE.transcriptBytes) / PACE.promptFrames), random);
  return { promptMel, tokens, duration, cfg: CFG, seed: String(at) };
}

function tokensOf({ text_num_embeds }: Architecture, count: number, random: () => number): number[] {
  return Array.from({ length: count }, () => Math.floor(random() * Math.min(text_num_embeds, 100)));
}

function report(measured: readonly Row[]): void {
  printTable(
    `${model.description.id} on ${values.provider}, ${values.precision}; ${secondsOf(PACE.promptFrames).toFixed(0)} s reference, guidance ${CFG}`,
    ['steps', 'lengths', 'budget', 'items', 'audio-s/s', 'sampler s', 'vocoder s', 'TFLOP/s', `of ${peak}`, 'padding'],
    measured.map((row) => [
      row.steps,
      row.lengths,
      row.budgetFrames ?? '',
      row.batch,
      row.audioRate.toFixed(1),
      row.samplerSeconds.toFixed(3),
      row.vocoderSeconds.toFixed(3),
      row.teraflops.toFixed(1),
      percent(row.teraflops / peak),
      percent(row.paddingShare),
    ]),
  );
  if (values.out === undefined) return;
  const head = {
    machine: describeMachine(),
    at: new Date().toISOString(),
    model: model.description.id,
    kernels: sessions.kernels,
  };
  const { provider, precision } = values;
  writeFileSync(
    values.out,
    `${JSON.stringify({ ...head, provider, precision, loadSeconds, rows: measured }, undefined, 1)}\n`,
  );
}
