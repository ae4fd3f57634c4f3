/**
 * Whether the model is the bottleneck: frames a second of a whole run (manifest in, WAV files out) beside those of the bare graph
 * loop, which puts the same segments through the same graphs, prepared beforehand, in one process and without files.
 */
import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import { planItems } from '../src/core/plan-items.ts';
import { openManifestFile } from '../src/adapters/manifest-file.ts';
import { collate, totalFrames } from '../src/engine/f5/collate.ts';
import { promptFrames } from '../src/engine/f5/duration.ts';
import { physicalCores } from '../src/engine/f5/physical-cores.ts';
import { F5Sessions, type SampleInput } from '../src/engine/f5/session.ts';
import { timeGrid } from '../src/engine/f5/time-grid.ts';
import { createTokenizer } from '../src/engine/f5/tokenizer.ts';
import type { Narrator } from '../src/runtime/narrator.ts';
import { type BenchOptions, median, percent, printTable } from './report.ts';
import { openNarrator, withFolder, writeManifest } from './workload.ts';

interface PreparedSegment {
  readonly input: SampleInput;
  readonly prompt: number;
  readonly duration: number;
}

export async function benchThroughput({ quick }: BenchOptions): Promise<void> {
  const lines = quick ? 8 : 40;
  const rounds = 3;
  await withFolder(async (folder) => {
    const narrator = await openNarrator(join(folder, 'home'));
    const { steps } = narrator.choices(quick ? { steps: 4 } : {}).parameters;
    const manifest = join(folder, 'manifest.jsonl');
    await writeManifest(manifest, { lines, sentences: 2 });
    const sessions = await loadSessions(narrator);
    const segments = await prepare(narrator, sessions, manifest, steps);
    const frames = segments.reduce((sum, { duration }) => sum + duration, 0);
    await narrator.start();
    await bareLoop(sessions, segments.slice(0, 1));
    await narrator.speak('Both processes are warm now.', { steps }, () => Promise.resolve());

    const rows: string[][] = [];
    const shares: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const bareSeconds = await bareLoop(sessions, segments);
      const before = narrator.engineStatistics;
      const summary = await narrator.run(manifest, { outDirectory: join(folder, `out-${round}`), steps });
      const after = narrator.engineStatistics;
      if (summary.succeeded !== lines) throw new Error(`${summary.failed} of ${lines} items failed`);
      const computed = after.realFrames - before.realFrames;
      const modelSeconds = (after.samplerMs + after.vocoderMs - before.samplerMs - before.vocoderMs) / 1000;
      const share = computed / summary.elapsedSeconds / (frames / bareSeconds);
      shares.push(share);
      rows.push([
        String(round),
        (frames / bareSeconds).toFixed(0),
        (computed / summary.elapsedSeconds).toFixed(0),
        percent(share),
        percent(modelSeconds / summary.elapsedSeconds),
        (summary.elapsedSeconds / summary.synthesisedSeconds).toFixed(2),
      ]);
    }
    await narrator.close();
    await sessions.release();
    printTable(
      `A run of ${lines} lines, ${segments.length} segments, ${steps} steps, against the bare graph loop; frames include the prompt`,
      ['round', 'bare frames/s', 'run frames/s', 'run / bare', 'model at work', 'real-time factor'],
      rows,
    );
    console.log(`Run / bare, median: ${percent(median(shares))}`);
  });
}

async function loadSessions({ model }: Narrator): Promise<F5Sessions> {
  const { architecture, files } = model.description;
  return F5Sessions.load({
    directory: model.directory,
    weightsFile: files.weights.path,
    vocoderFile: files.vocoder.path,
    architecture,
    provider: 'cpu',
    precision: 'f32',
    threads: await physicalCores(),
  });
}

/** What the engine's child makes of each segment before the graphs run. */
async function prepare(
  narrator: Narrator,
  sessions: F5Sessions,
  manifestPath: string,
  steps: number,
): Promise<PreparedSegment[]> {
  const { model, voices } = narrator;
  const { sampling, tokenizer: kind, audio } = model.description;
  const tokenizer = createTokenizer(model.vocabulary, kind.kind);
  const manifest = await openManifestFile(manifestPath);
  const { defaults, parameters } = narrator.choices({ steps });
  const source = { format: manifest.format, bytes: manifest.read() };
  const segments: PreparedSegment[] = [];
  for await (const entry of planItems(source, { defaults, parameters }, narrator.planning(manifest))) {
    if (entry.status === 'rejected') throw new Error(entry.rejected.error.message);
    const voice = await voices.load(entry.item.voice.version);
    const { mel, frames: melFrames } = await sessions.mel([voice.samples]);
    const prompt = promptFrames(voice.samples.length, audio.hop_length);
    for (const { text, frames, seed } of entry.item.segments) {
      const tokens = tokenizer.tokenize(voice.transcript + text).ids;
      const duration = totalFrames(prompt, frames, melFrames[0]!, tokens.length);
      const collated = collate([{ promptMel: mel, tokens, duration, cfg: parameters.cfg, seed }], sessions.melDim);
      const input = { ...collated, times: timeGrid(steps, sampling.sway, { epss: sampling.epss }) };
      segments.push({ input, prompt, duration });
    }
  }
  return segments;
}

/** Seconds that the graphs alone take. */
async function bareLoop(sessions: F5Sessions, segments: readonly PreparedSegment[]): Promise<number> {
  const startedAt = performance.now();
  for (const { input, prompt, duration } of segments) {
    const mel = await sessions.sample(input);
    await sessions.vocode({
      batch: 1,
      frames: input.frames,
      mel,
      start: [prompt],
      length: [duration - prompt],
    });
  }
  return (performance.now() - startedAt) / 1000;
}
