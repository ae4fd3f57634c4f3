/** What a segment's time in the engine process goes to: sampler, vocoder, and everything else there. */
import { performance } from 'node:perf_hooks';
import { planItems } from '../src/core/plan-items.ts';
import { itemsAsManifest } from '../src/core/manifest.ts';
import { loadF5Synthesiser } from '../src/engine/f5/f5-synthesiser.ts';
import type { BatchItem } from '../src/engine/protocol.ts';
import { median, percent, printTable } from './report.ts';
import { bookText, MODEL_DIRECTORY, openNarrator, withFolder } from './workload.ts';

interface StageTimes {
  readonly samplerMs: number;
  readonly vocoderMs: number;
  readonly otherMs: number;
  readonly tookMs: number;
}

export async function printStages(quick: boolean): Promise<void> {
  const { voice, items } = await withFolder(async (home) => {
    const narrator = await openNarrator(home);
    const { defaults, parameters } = narrator.choices({});
    const book = itemsAsManifest([{ id: 'book', text: bookText(quick ? 3 : 12) }]);
    const batch: BatchItem[] = [];
    let version = '';
    for await (const entry of planItems(
      { format: 'jsonl', bytes: book },
      { defaults, parameters },
      narrator.planning(),
    )) {
      if (entry.status === 'rejected') throw new Error(entry.rejected.error.message);
      const { voice: spokenBy, parameters: chosen, segments } = entry.item;
      version = spokenBy.version;
      for (const [id, { text, frames, seed }] of segments.entries()) {
        batch.push({ id, text, voiceVersion: version, frames, seed, parameters: chosen });
      }
    }
    return { voice: await narrator.voices.load(version), items: batch };
  });

  const synthesiser = await loadF5Synthesiser({
    directory: MODEL_DIRECTORY,
    provider: 'cpu',
    threads: 0,
    precision: 'f32',
  });
  const startedAt = performance.now();
  await synthesiser.addVoice(voice);
  const melMs = performance.now() - startedAt;
  const stages: StageTimes[] = [];
  await synthesiser.synthesise(items.slice(0, 1)); // memory arenas have grown
  for (const item of items) {
    const before = performance.now();
    const { statistics } = await synthesiser.synthesise([item]);
    const tookMs = performance.now() - before;
    const { samplerMs, vocoderMs } = statistics;
    stages.push({ samplerMs, vocoderMs, otherMs: tookMs - samplerMs - vocoderMs, tookMs });
  }
  await synthesiser.close();

  const medianOf = (stage: keyof StageTimes): number => median(stages.map((times) => times[stage]));
  const total = stages.reduce((sum, { tookMs }) => sum + tookMs, 0);
  const row = (name: string, stage: keyof StageTimes): string[] => {
    const sum = stages.reduce((so, times) => so + times[stage], 0);
    return [name, medianOf(stage).toFixed(1), percent(sum / total, 2)];
  };
  const { steps, cfg } = items[0]!.parameters;
  printTable(
    `Stages of a segment in the engine process: ${items.length} segments of a book, ${steps} steps, guidance ${cfg}, all cores`,
    ['stage', 'median ms', 'share'],
    [
      row('sampler', 'samplerMs'),
      row('vocoder', 'vocoderMs'),
      row('tokens, noise, padding, checks', 'otherMs'),
      [
        `mel, once a voice (${(voice.samples.length / voice.sampleRateHz).toFixed(1)} s of audio)`,
        melMs.toFixed(1),
        '',
      ],
    ],
  );
}
