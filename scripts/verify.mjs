/** `npm run verify`: installs, then everything that a reviewer would run, cheapest first. Stops at the first failure. */
import { spawnSync } from 'node:child_process';
import { install, run } from './setup.mjs';

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

const STEPS = [
  'typecheck',
  'lint',
  'format:check',
  'check:deps',
  'check:unused',
  'check:images',
  'build',
  'test',
  'test:deploy',
];

install();
requirePrograms();
for (const step of STEPS) {
  console.log(`\n== npm run ${step}`);
  run('npm', ['run', '--silent', step], { shell: process.platform === 'win32' });
}
