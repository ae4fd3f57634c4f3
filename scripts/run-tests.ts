/**
 * Runs the named test rings (folders of test/) with Node's own runner: `npm test -- unit contract`, or single files.
 * Node 20's `--test` knows no globs, hence the walk. The runner's closing lines are the ones CI reads.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', 'test');

function testFilesIn(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(path, name))
    .sort();
}

const files = process.argv.slice(2).flatMap((ring) => {
  const path = existsSync(ring) && ring.endsWith('.ts') ? ring : join(root, ring);
  if (!existsSync(path)) throw new Error(`No such test ring or file: ${ring}`);
  return testFilesIn(path);
});
if (files.length === 0) throw new Error('No test file found: a run without tests proves nothing.');

// End-to-end tests start engines that use every core: files run one after another there.
const concurrency = process.argv.includes('e2e') || process.argv.includes('integration') ? '1' : '2';
const result = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--test', `--test-concurrency=${concurrency}`, '--test-reporter=spec', ...files],
  { stdio: 'inherit' },
);
process.exit(result.status ?? 1);
