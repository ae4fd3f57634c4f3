/**
 * How much of the machine's arithmetic the sampler gets: its FLOP/s beside those of plain matrix products of ONNX Runtime on as many
 * threads. Sampler and products are run in turns within one loop, and shares are taken within a turn: what other programs
 * do to one of them they do to the other.
 */
import { performance } from 'node:perf_hooks';
import { collate } from '../src/engine/f5/collate.ts';
import { openModel } from '../src/engine/f5/model-directory.ts';
import { OnnxSession, runtimeVersion } from '../src/engine/f5/onnx-session.ts';
import { physicalCores } from '../src/engine/f5/physical-cores.ts';
import { F5Sessions, type SampleInput } from '../src/engine/f5/session.ts';
import { timeGrid } from '../src/engine/f5/time-grid.ts';
import type { Architecture } from '../src/engine/graph/architecture.ts';
import { Graph } from '../src/engine/graph/graph.ts';
import { type BenchOptions, median, percent, printTable } from './report.ts';
import { printOperators } from './sampler-operators.ts';
import { samplerFlops } from './sampler-flops.ts';
import { printStages } from './sampler-stages.ts';
import { MODEL_DIRECTORY, randomNumbers } from './workload.ts';

const LENGTHS = [384, 640, 768];

export async function benchSampler({ quick }: BenchOptions): Promise<void> {
  const model = await openModel(MODEL_DIRECTORY);
  const { architecture, files } = model.description;
  const steps = quick ? 2 : 4;
  const rounds = quick ? 3 : 15;
  const cores = await physicalCores();
  console.log(
    `ONNX Runtime ${runtimeVersion}; built-in model, one item, guidance on, ${steps} steps a call, median of ${rounds} turns`,
  );
  const rows: string[][] = [];
  for (const threads of new Set([1, cores])) {
    const sessions = await F5Sessions.load({
      directory: model.directory,
      weightsFile: files.weights.path,
      vocoderFile: files.vocoder.path,
      architecture,
      provider: 'cpu',
      precision: 'f32',
      threads,
    });
    const peak = await squareProduct(threads);
    for (const frames of quick ? [640] : LENGTHS) {
      const input = sampleInput(architecture, frames, steps);
      const { total } = samplerFlops(architecture, { batch: 1, frames, steps, passes: 2 });
      const sampler: Contestant = { flops: total, run: () => sessions.sample(input) };
      const own = await feedForwardProducts(architecture, 2 * frames, threads);
      const [sampled, squared, fed] = await inTurns([sampler, peak.contestant, own.contestant], rounds);
      const share = (of: readonly Turn[], by: keyof Turn): string =>
        percent(median(sampled!.map((turn, round) => turn[by] / of[round]![by])), 0);
      const gigaflops = (turns: readonly Turn[]): string =>
        (median(turns.map(({ byWall }) => byWall)) / 1e9).toFixed(1);
      rows.push([
        ...[threads, frames].map(String),
        (total / 1e9).toFixed(1),
        ...[sampled!, squared!, fed!].map(gigaflops),
        ...[squared!, fed!].map((of) => share(of, 'byWall')),
        ...[squared!, fed!].map((of) => share(of, 'byCpu')),
      ]);
      await own.session.release();
    }
    await peak.session.release();
    await sessions.release();
  }
  const { dim, ff_mult } = architecture;
  printTable(
    `Sampler against MatMul; own = [tokens, ${dim}] x [${dim}, ${ff_mult * dim}] and back, as in the feed-forward layers`,
    [
      'threads',
      'frames',
      'GFLOP',
      'sampler GFLOP/s',
      '1024³ GFLOP/s',
      'own GFLOP/s',
      'share of 1024³',
      'share of own',
      'by CPU time: 1024³',
      'own',
    ],
    rows,
  );
  await printOperators(model, sampleInput(architecture, 640, steps), quick ? 2 : 10);
  await printStages(quick);
}

/** One item that fills the padded length but for a few frames, a third of it reference. */
function sampleInput(architecture: Architecture, frames: number, steps: number): SampleInput {
  const random = randomNumbers(frames);
  const duration = frames - 4;
  const promptMel = Float32Array.from({ length: Math.floor(frames / 3) * architecture.mel_dim }, () => -10 * random());
  const tokens = Array.from({ length: Math.floor(frames / 5) }, () => Math.floor(random() * 60));
  const collated = collate([{ promptMel, tokens, duration, cfg: 1, seed: '1' }], architecture.mel_dim);
  return { ...collated, times: timeGrid(steps, -1) };
}

interface Contestant {
  readonly flops: number;
  readonly run: () => Promise<unknown>;
}

/** FLOP/s of one turn: by the clock, and by the CPU time that this process used (which leaves out what others took). */
interface Turn {
  readonly byWall: number;
  readonly byCpu: number;
}

async function inTurns(contestants: readonly Contestant[], rounds: number): Promise<Turn[][]> {
  const turns = contestants.map((): Turn[] => []);
  for (const { run } of contestants) await run();
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, { flops, run }] of contestants.entries()) {
      const cpuBefore = process.cpuUsage();
      const startedAt = performance.now();
      await run();
      const wallSeconds = (performance.now() - startedAt) / 1000;
      const { user, system } = process.cpuUsage(cpuBefore);
      turns[index]!.push({ byWall: flops / wallSeconds, byCpu: flops / ((user + system) / 1e6) });
    }
  }
  return turns;
}

interface Products {
  readonly session: OnnxSession;
  readonly contestant: Contestant;
}

/** The best that the runtime can do here: square matrices that fit the caches. */
function squareProduct(threads: number): Promise<Products> {
  return chainOfProducts(
    1024,
    Array.from({ length: 5 }, () => 1024),
    threads,
  );
}

/** The model's own shapes: out of the feed-forward layers of two blocks for each two products. */
function feedForwardProducts({ dim, ff_mult }: Architecture, tokens: number, threads: number): Promise<Products> {
  const sizes = Array.from({ length: 25 }, (_, index) => (index % 2 === 0 ? dim : ff_mult * dim));
  return chainOfProducts(tokens, sizes, threads);
}

/** x [rows, sizes[0]] times matrices [sizes[i], sizes[i + 1]], one after another in one graph. */
async function chainOfProducts(rows: number, sizes: readonly number[], threads: number): Promise<Products> {
  const random = randomNumbers(rows);
  // Of this variance a product keeps its input's: no number grows or vanishes along the chain.
  const matrix = (height: number, width: number): Float32Array =>
    Float32Array.from({ length: height * width }, () => (2 * random() - 1) * Math.sqrt(3 / height));
  const graph = new Graph('products');
  const [first = 0, ...rest] = sizes;
  let x = graph.input('x', 'float32', [rows, first]);
  let flops = 0;
  let height = first;
  for (const width of rest) {
    x = graph.op('MatMul', [x, graph.floats(matrix(height, width), [height, width])]);
    flops += 2 * rows * height * width;
    height = width;
  }
  graph.output(x, 'y', 'float32', [rows, height]);
  const session = await OnnxSession.create(graph.toModel(), { provider: 'cpu', threads });
  const input = { float32: matrix(rows, first), shape: [rows, first] };
  return { session, contestant: { flops, run: () => session.run({ x: input }) } };
}
