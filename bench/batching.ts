/**
 * What the batch policy makes of real lengths: segments of a book wait in the order in which they were planned, batches
 * are taken until none is left, and what was taken is replaced by the next of the book. Nothing is synthesised.
 */
import { itemsAsManifest } from '../src/core/manifest.ts';
import { planItems } from '../src/core/plan-items.ts';
import type { SpeechModel } from '../src/core/segment.ts';
import {
  type BatchPolicy,
  BUCKET_FRAMES,
  firstComePolicy,
  leastPaddingPolicy,
  paddingWaste,
  type WaitingSegment,
} from '../src/engine/batch-policy.ts';
import { promptFrames } from '../src/engine/f5/duration.ts';
import type { Model } from '../src/engine/f5/model-directory.ts';
import { speechModel } from '../src/engine/f5/speech-model.ts';
import { BATCH_PRESETS } from '../src/engine/presets.ts';
import type { Narrator } from '../src/runtime/narrator.ts';
import { type BenchOptions, percent, printTable } from './report.ts';
import { bookText, openNarrator, withFolder } from './workload.ts';

const WAITING = [32, 128, 512];
const POLICIES: readonly (readonly [string, BatchPolicy])[] = [
  ['least padding', leastPaddingPolicy],
  ['first come', firstComePolicy],
];
/** Of the published F5-TTS models: 22 s of prompt and speech in one pass, see engine/models/catalogue.ts. */
const LONG_PLAN_FRAMES = 2062;
/** How much later the next batch is taken: some seconds of a GPU. The age limit counts in it. */
const BATCH_MS = 2000;

export async function benchBatching({ quick }: BenchOptions): Promise<void> {
  await withFolder(async (home) => {
    const narrator = await openNarrator(home);
    const text = bookText(quick ? 300 : 3000);
    const { description } = narrator.model;
    const long = {
      ...narrator.model,
      description: { ...description, limits: { ...description.limits, planFrames: LONG_PLAN_FRAMES } },
    };
    const distributions = [
      ['built-in model', narrator.model],
      ['22 s in one pass', long],
    ] as const;
    const rows: string[][] = [];
    for (const [name, model] of distributions)
      rows.push(...(await compare(name, await lengths(narrator, model, text))));
    const { budgetFrames } = BATCH_PRESETS.cuda;
    printTable(
      `Padding by batch policy: budget ${budgetFrames} frames, at most ${BATCH_PRESETS.cuda.maxItems} items; lengths rounded up to ${BUCKET_FRAMES} frames`,
      ['lengths', 'waiting', 'policy', 'padding', 'without rounding', 'rounding alone', 'items a batch', 'batches'],
      rows,
    );
  });
}

/** Frames of prompt and speech of each segment of the text. */
async function lengths(narrator: Narrator, model: Model, text: string): Promise<number[]> {
  const planned: SpeechModel = speechModel(model);
  const { defaults, parameters } = narrator.choices({});
  const manifest = { format: 'jsonl', bytes: itemsAsManifest(inItems(text)) } as const;
  const frames: number[] = [];
  for await (const entry of planItems(manifest, { defaults, parameters }, { ...narrator.planning(), model: planned })) {
    if (entry.status === 'rejected') throw new Error(entry.rejected.error.message);
    const prompt = promptFrames(entry.item.voice.promptSamples, planned.hopLength);
    frames.push(...entry.item.segments.map((segment) => prompt + segment.frames));
  }
  return frames;
}

/** Chapters of a hundred paragraphs: an item's text has a limit. */
function* inItems(text: string): Generator<{ id: string; text: string }> {
  const paragraphs = text.split('\n\n');
  for (let start = 0; start < paragraphs.length; start += 100) {
    yield { id: `chapter-${start}`, text: paragraphs.slice(start, start + 100).join('\n\n') };
  }
}

async function compare(name: string, frames: readonly number[]): Promise<string[][]> {
  const sorted = [...frames].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!;
  console.log(
    `${name}: ${frames.length} segments of ${at(0)} to ${at(1)} frames with the prompt; quartiles ${at(0.25)}, ${at(0.5)}, ${at(0.75)}`,
  );
  const alone = paddingWaste(frames.map((length) => [{ frames: length }]));
  return WAITING.flatMap((waiting) =>
    POLICIES.map(([policyName, policy]) => {
      const batches = takeAll(frames, waiting, policy);
      const unrounded = batches.reduce(
        (sum, batch) => sum + batch.length * Math.max(...batch.map((one) => one.frames)),
        0,
      );
      const real = frames.reduce((sum, length) => sum + length, 0);
      return [
        name,
        String(waiting),
        policyName,
        percent(paddingWaste(batches)),
        percent(1 - real / unrounded),
        percent(alone),
        (frames.length / batches.length).toFixed(1),
        String(batches.length),
      ];
    }),
  );
}

function takeAll(frames: readonly number[], waitingCount: number, policy: BatchPolicy): WaitingSegment[][] {
  const batches: WaitingSegment[][] = [];
  let waiting: WaitingSegment[] = [];
  let next = 0;
  while (next < frames.length || waiting.length > 0) {
    while (waiting.length < waitingCount && next < frames.length) {
      waiting.push({ frames: frames[next]!, arrivedAtMs: batches.length * BATCH_MS, compatibility: '' });
      next += 1;
    }
    const batch = policy(waiting, BATCH_PRESETS.cuda);
    const taken = new Set(batch);
    waiting = waiting.filter((segment) => !taken.has(segment));
    batches.push(batch);
  }
  return batches;
}
