/** Which operators the sampler's time goes to, by ONNX Runtime's own profiler, on one thread. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import '../src/engine/f5/disable-telemetry.ts'; // before the runtime is loaded
import * as ort from 'onnxruntime-node';
import { z } from 'zod';
import type { Model } from '../src/engine/f5/model-directory.ts';
import type { SampleInput } from '../src/engine/f5/session.ts';
import type { Architecture } from '../src/engine/graph/architecture.ts';
import { PRESETS } from '../src/engine/graph/network.ts';
import { Safetensors } from '../src/engine/graph/safetensors.ts';
import { buildSamplerGraph } from '../src/engine/graph/sampler-graph.ts';
import { percent, printTable } from './report.ts';
import { samplerFlops } from './sampler-flops.ts';
import { withFolder } from './workload.ts';

/** Operators below this share of the whole are one line. */
const SMALL = 0.01;

const eventsSchema = z.array(
  z.object({ cat: z.string(), name: z.string(), dur: z.number(), args: z.object({ op_name: z.string().optional() }) }),
);

export async function printOperators(model: Model, input: SampleInput, runs: number): Promise<void> {
  const { architecture } = model.description;
  const milliseconds = await withFolder((folder) => profile(model, input, runs, folder));
  const total = [...milliseconds.values()].reduce((sum, ms) => sum + ms, 0);
  const byShare = [...milliseconds].sort(([, a], [, b]) => b - a);
  const large = byShare.filter(([, ms]) => ms >= SMALL * total);
  const smallMs = byShare.slice(large.length).reduce((sum, [, ms]) => sum + ms, 0);
  const flops = flopsByOperator(architecture, input);
  const rows = [...large, [`${byShare.length - large.length} others`, smallMs] as const].map(([operator, ms]) => {
    const counted = flops[operator];
    return [operator, ms.toFixed(1), percent(ms / total), counted === undefined ? '' : (counted / ms / 1e6).toFixed(1)];
  });
  const steps = input.times.length - 1;
  printTable(
    `Operators of the sampler: one thread, ${input.frames} frames, ${steps} steps, the first tenth of ${runs} calls' times of each node`,
    ['operator', 'ms a call', 'share', 'GFLOP/s'],
    rows,
  );
}

/** What can be counted by kind: Gemm are the linear layers of the loop, MatMul those before it. */
function flopsByOperator(architecture: Architecture, input: SampleInput): Record<string, number> {
  const { batch, frames, passes } = input;
  const steps = input.times.length - 1;
  const { linear, attention } = samplerFlops(architecture, { batch, frames, passes, steps });
  return { Gemm: steps * linear, MultiHeadAttention: steps * attention };
}

/** Milliseconds of one call by operator. */
async function profile(model: Model, input: SampleInput, runs: number, folder: string): Promise<Map<string, number>> {
  const { architecture, files } = model.description;
  const weights = await Safetensors.open(join(model.directory, files.weights.path));
  const graph = buildSamplerGraph(architecture, weights, { ...PRESETS.cpu, precision: 'f32' });
  const session = await ort.InferenceSession.create(graph, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
    enableProfiling: true,
    profileFilePrefix: join(folder, 'profile'),
    extra: { session: { model_external_initializers_file_folder_path: model.directory } },
  });
  const { batch, frames, textLength } = input;
  const floats = (data: Float32Array, shape: readonly number[]) => new ort.Tensor('float32', data, shape);
  const integers = (data: readonly number[], shape: readonly number[]) =>
    new ort.Tensor('int64', BigInt64Array.from(data, BigInt), shape);
  const state = [batch, frames, architecture.mel_dim];
  const feeds = {
    noise: floats(input.noise, state),
    cond: floats(input.cond, state),
    text: integers(input.text, [batch, textLength]),
    duration: integers(input.durations, [batch]),
    times: floats(input.times, [input.times.length]),
    cfg: floats(Float32Array.from(input.cfg), [batch]),
    passes: integers([input.passes], [1]),
  };
  for (let run = 0; run < runs; run += 1) await session.run(feeds);
  session.endProfiling();
  const [file] = readdirSync(folder);
  const events = eventsSchema.parse(JSON.parse(readFileSync(join(folder, file!), 'utf8')));
  await session.release();
  return byOperator(events, runs);
}

/**
 * A node's time is the tenth percentile of all its executions, times their number in one call: on a shared machine, what is
 * added to that is other programs. The Loop itself contains all the others and does not count.
 */
function byOperator(events: z.infer<typeof eventsSchema>, runs: number): Map<string, number> {
  const executions = new Map<string, { operator: string; microseconds: number[] }>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || args.op_name === undefined || args.op_name === 'Loop')
      continue;
    const node = executions.get(name) ?? { operator: args.op_name, microseconds: [] };
    executions.set(name, node);
    node.microseconds.push(dur);
  }
  const milliseconds = new Map<string, number>();
  for (const { operator, microseconds } of executions.values()) {
    const usual = microseconds.sort((a, b) => a - b)[Math.floor(microseconds.length / 10)]!;
    const ms = (usual * microseconds.length) / runs / 1000;
    milliseconds.set(operator, (milliseconds.get(operator) ?? 0) + ms);
  }
  return milliseconds;
}
