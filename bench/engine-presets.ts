/**
 * What the CPU preset rests on: the same segments through one engine with all cores, through two engines with one thread
 * each, and through one engine in batches of equal lengths. Side by side, in turns, in one run. The seconds of CPU (Linux
 * only) tell what an arrangement costs where the wall clock is at the mercy of other programs; threads that wait for each
 * other count as busy there.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SynthesisRequest } from '../src/core/ports.ts';
import type { PreparedVoice } from '../src/core/voice.ts';
import { EngineProcess } from '../src/engine/engine-process.ts';
import { type BenchOptions, median, printTable } from './report.ts';
import { MODEL_DIRECTORY } from './workload.ts';

const STEPS = 2;
/** Divisible by every batch size and by the number of engines. */
const SEGMENTS = 4;
const BUCKETS = [384, 640];
/** Two seconds of reference. */
const PROMPT_SAMPLES = 48_000;
const PROMPT_FRAMES = Math.ceil(PROMPT_SAMPLES / 256);

const ARRANGEMENTS = [
  { name: 'one engine, all cores, one by one', engines: 1, threads: 0, maxItems: 1 },
  { name: 'two engines, one thread each, one by one', engines: 2, threads: 1, maxItems: 1 },
  { name: 'one engine, all cores, batches of 2', engines: 1, threads: 0, maxItems: 2 },
  { name: 'one engine, all cores, batches of 4', engines: 1, threads: 0, maxItems: 4 },
];

/** The built-in clip: 16-bit mono with a plain header of 44 bytes. */
async function loadVoice(version: string): Promise<PreparedVoice> {
  const bytes = readFileSync(join(MODEL_DIRECTORY, 'voices/slt.wav')).subarray(44, 44 + 2 * PROMPT_SAMPLES);
  const samples = Float32Array.from({ length: PROMPT_SAMPLES }, (_, index) => bytes.readInt16LE(2 * index) / 32768);
  const transcript = 'The old man told us a story. ';
  const profile = { id: version, version, language: 'en', transcript, promptSamples: PROMPT_SAMPLES, sourceRms: 0.1 };
  return { ...profile, samples, sampleRateHz: 24_000 };
}

function segment(bucket: number, index: number): SynthesisRequest {
  return {
    key: `${bucket}-${index}`,
    label: `segment ${index}`,
    text: 'She put the letter on the table and walked away.',
    voiceVersion: 'slt',
    promptSamples: PROMPT_SAMPLES,
    frames: bucket - PROMPT_FRAMES - 8 * index, // all of one bucket, none of quite the same length
    seed: `${index}`,
    parameters: { steps: STEPS, cfg: 1, sway: -1, speed: 1 },
  };
}

interface Cost {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

async function costOf(engines: readonly EngineProcess[], bucket: number): Promise<Cost> {
  const cpuBefore = cpuSecondsOf(engines);
  const startedAt = performance.now();
  await Promise.all(
    engines.flatMap((engine, engineIndex) =>
      Array.from({ length: SEGMENTS / engines.length }, (_, index) =>
        engine.synthesise(segment(bucket, engineIndex + index * engines.length)),
      ),
    ),
  );
  const wallSeconds = (performance.now() - startedAt) / 1000;
  return { wallSeconds, cpuSeconds: cpuSecondsOf(engines) - cpuBefore };
}

/** User and system time of the engines' children, from /proc (fields 14 and 15 of proc(5), in hundredths of a second). */
function cpuSecondsOf(engines: readonly EngineProcess[]): number {
  if (process.platform !== 'linux') return Number.NaN;
  return engines.reduce((sum, { hostPid }) => {
    const afterName = readFileSync(`/proc/${hostPid}/stat`, 'utf8').replace(/^.*\) /, '');
    const fields = afterName.split(' ').map(Number);
    return sum + ((fields[11] ?? 0) + (fields[12] ?? 0)) / 100;
  }, 0);
}

export async function benchEnginePresets({ quick }: BenchOptions): Promise<void> {
  const rounds = quick ? 1 : 3;
  const arrangements = await Promise.all(
    ARRANGEMENTS.map(async ({ name, engines: count, threads, maxItems }) => {
      const engines = Array.from(
        { length: count },
        () =>
          new EngineProcess({
            model: { directory: MODEL_DIRECTORY, provider: 'cpu', threads, precision: 'f32' },
            loadVoice,
            policy: { maxItems, equalBucketsOnly: true, lingerMs: 0 },
          }),
      );
      await Promise.all(engines.map((engine) => engine.start()));
      await costOf(engines, Math.max(...BUCKETS)); // voices are sent, memory arenas have grown
      return { name, engines };
    }),
  );

  console.log(`Built-in model, ${STEPS} steps, ${SEGMENTS} segments a round, median of ${rounds} rounds in turns.`);

  const rows: string[][] = [];
  for (const bucket of BUCKETS) {
    const costs = arrangements.map((): Cost[] => []);
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, { engines }] of arrangements.entries()) costs[index]?.push(await costOf(engines, bucket));
    }
    const medianOf = (of: readonly Cost[] = [], measure: keyof Cost): number => median(of.map((cost) => cost[measure]));
    const ratio = (index: number, measure: keyof Cost): string =>
      (medianOf(costs[0], measure) / medianOf(costs[index], measure)).toFixed(2);
    for (const [index, { name }] of arrangements.entries()) {
      const seconds = (measure: keyof Cost): string => medianOf(costs[index], measure).toFixed(2);
      const speed = ratio(index, 'wallSeconds');
      const thrift = ratio(index, 'cpuSeconds');
      rows.push([`${bucket} frames`, name, seconds('wallSeconds'), speed, seconds('cpuSeconds'), thrift]);
    }
  }
  const header = ['bucket', 'arrangement', 'wall s', 'throughput', 'CPU s', 'segments per CPU s'];
  printTable('Arrangements on a CPU; throughput and segments per CPU second relative to the first', header, rows);
  await Promise.all(arrangements.flatMap(({ engines }) => engines.map((engine) => engine.close())));
}
