/**
 * `npm run bench [-- PART ... --quick]`: tables for docs/performance.md. Each part runs in a process of its own, so that
 * none is measured in the heap, or with the warm caches, of another.
 */
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { type BenchOptions, describeMachine } from './report.ts';

type Part = (options: BenchOptions) => Promise<void> | void;

const PARTS: Readonly<Record<string, () => Promise<Part>>> = {
  sampler: async () => (await import('./sampler.ts')).benchSampler,
  throughput: async () => (await import('./throughput.ts')).benchThroughput,
  batching: async () => (await import('./batching.ts')).benchBatching,
  planner: async () => (await import('./planner.ts')).benchPlanner,
  'planning-s3': async () => (await import('./planning-s3.ts')).benchPlanningS3,
  memory: async () => (await import('./memory.ts')).benchMemory,
  text: async () => (await import('./text.ts')).benchText,
  queue: async () => (await import('./queue.ts')).benchQueue,
  api: async () => (await import('./api.ts')).benchApi,
  service: async () => (await import('./service.ts')).benchService,
  'engine-presets': async () => (await import('./engine-presets.ts')).benchEnginePresets,
};

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { quick: { type: 'boolean' } } });
  const unknown = positionals.filter((name) => !(name in PARTS));
  if (unknown.length > 0) {
    console.error(`There is no part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}.`);
    return 2;
  }
  const names = positionals.length > 0 ? positionals : Object.keys(PARTS);
  const options = { quick: values.quick ?? false };
  const [only] = names;
  if (only !== undefined && names.length === 1) {
    const load = loadavg().map((average) => average.toFixed(1));
    console.log(`\n## ${only}\n\n${describeMachine()}`);
    console.log(`${new Date().toISOString().slice(0, 16)}Z, load average before the start: ${load.join(', ')}`);
    await (await PARTS[only]!())(options);
    return 0;
  }
  const flags = options.quick ? ['--quick'] : [];
  const failed = names.filter((name) => {
    const command = [...process.execArgv, import.meta.filename, name, ...flags];
    return spawnSync(process.execPath, command, { stdio: 'inherit' }).status !== 0;
  });
  if (failed.length > 0) console.error(`\nFailed: ${failed.join(', ')}`);
  return failed.length > 0 ? 1 : 0;
}

process.exitCode = await main();
