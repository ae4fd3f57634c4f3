/** `npm run verify`: installs, then everything that a reviewer would run, cheapest first. Stops at the first failure. */
import { spawn, spawnSync } from 'node:child_process';
import { install, root, run } from './setup.mjs';

/** What tests start besides Node: from Debian's packages where that can be done, else it must be there. */
const PROGRAMS = [
  { command: 'redis-server', debian: 'redis-server', macos: 'redis', why: 'the tests of the queue' },
  { command: 'chromium', debian: 'chromium', macos: 'chromium', why: 'the tests of the documentation page' },
  { command: 'curl', debian: 'curl', macos: 'curl', why: "the tests of the README's commands" },
];

const isThere = ({ command }) => spawnSync(command, ['--version']).status === 0;

function requirePrograms() {
  const missing = PROGRAMS.filter((program) => !isThere(program));
  if (missing.length === 0) return;
  const canInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;
  if (canInstall) {
    // RUNLEVEL: the programs are wanted, not the packages' own services.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    const quiet = { env, stdio: ['ignore', 'ignore', 'inherit'] };
    run('apt-get', ['update', '-qq'], quiet);
    const packages = missing.map(({ debian }) => debian);
    run('apt-get', ['install', '-qq', '--no-install-recommends', ...packages], quiet);
  }
  const stillMissing = missing.filter((program) => !isThere(program));
  for (const { command, debian, macos, why } of stillMissing) {
    console.error(
      `${why} need ${command}: install it (Debian: apt-get install ${debian}; macOS: brew install ${macos}).`,
    );
  }
  if (stillMissing.length > 0) process.exit(1);
}

/** What only reads the sources, as many lanes as every machine has cores: the linter takes as long as all others. */
const CHECKS = [['lint'], ['typecheck', 'format:check', 'check:deps', 'check:unused', 'check:images', 'build']];
const TESTS = ['test', 'test:deploy'];

const npmRun = (step) => ['npm', ['run', '--silent', step]];
const shell = process.platform === 'win32';

/** Shows what a step printed once it has ended: lanes that talk at once are not to be understood. */
function check(step) {
  return new Promise((resolve, reject) => {
    const child = spawn(...npmRun(step), { cwd: root, shell, stdio: ['ignore', 'pipe', 'pipe'] });
    const printed = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => printed.push(chunk));
    child.on('error', reject);
    child.on('close', (status) => {
      process.stdout.write(`\n== npm run ${step}\n${Buffer.concat(printed)}`);
      if (status === 0) resolve();
      else process.exit(status ?? 1);
    });
  });
}

install();
requirePrograms();
await Promise.all(
  CHECKS.map(async (lane) => {
    for (const step of lane) await check(step);
  }),
);
for (const step of TESTS) {
  console.log(`\n== npm run ${step}`);
  run(...npmRun(step), { shell });
}
