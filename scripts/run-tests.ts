/**
 * Runs the named test rings (folders of test/) with Node's own runner, or single files: `npm test -- unit contract`; without a name all rings.
 * Node 20's `--test` knows no globs, hence the walk. The runner's closing lines are the ones CI reads.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', 'test');

const RINGS = ['unit', 'property', 'contract', 'integration', 'e2e'];

/** Its tests start engines, servers and children that use every core: their files run one after another. Those of integration mostly wait. */
const HEAVY_RINGS = ['e2e'];

function testFilesIn(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(path, name))
    .sort();
}

/**
 * Starting a process and its compiler costs more than most unit tests: they share one process a core, each of which imports
 * every n-th file. They are pure, so they cannot disturb each other.
 */
function bundled(files: readonly string[]): string[] {
  const folder = join(root, '..', 'out', 'unit-tests');
  mkdirSync(folder, { recursive: true });
  const shares = Math.min(4, availableParallelism());
  return Array.from({ length: shares }, (_, share) => {
    const bundle = join(folder, `share-${share + 1}-of-${shares}.test.mts`);
    const mine = files.filter((_file, index) => index % shares === share);
    writeFileSync(bundle, mine.map((file) => `await import(${JSON.stringify(file)});\n`).join(''));
    return bundle;
  });
}

/**
 * BullMQ keeps timers for shards that never end and for a Redis that never comes back, which integration tests leave on
 * purpose; the worker's entry ends its process, and so does this flag. Everywhere else a handle that is left open hangs the test.
 */
const FORCED_EXIT = ['integration'];

function run(files: readonly string[], concurrency: number, ring: string): number {
  const flags = ['--import', 'tsx', '--test', `--test-concurrency=${concurrency}`, '--test-reporter=spec'];
  if (FORCED_EXIT.includes(ring)) flags.push('--test-force-exit');
  return spawnSync(process.execPath, [...flags, ...files], { stdio: 'inherit' }).status ?? 1;
}

const named = process.argv.slice(2);
for (const ring of named.length > 0 ? named : RINGS) {
  const path = existsSync(ring) && ring.endsWith('.ts') ? ring : join(root, ring);
  if (!existsSync(path)) throw new Error(`No such test ring or file: ${ring}`);
  const files = testFilesIn(path);
  if (files.length === 0) throw new Error(`No test file in ${ring}: a run without tests proves nothing.`);
  console.log(`\n== ${ring}: ${files.length} files`);
  const status = run(
    ring === 'unit' ? bundled(files) : files,
    HEAVY_RINGS.includes(ring) ? 1 : availableParallelism(),
    ring,
  );
  if (status !== 0) process.exit(status);
}
