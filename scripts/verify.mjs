/** `npm run verify`: installs, then everything that a reviewer would run, cheapest first. Stops at the first failure. */
import { spawnSync } from 'node:child_process';
import { install, run } from './setup.mjs';

/** The queue's tests start a redis-server of their own: from Debian's packages where that can be done, else it must be there. */
function requireRedis() {
  const isThere = () => spawnSync('redis-server', ['--version']).status === 0;
  if (isThere()) return;
  const canInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;
  if (canInstall) {
    // RUNLEVEL: the program is wanted, not the package's own service.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    run('apt-get', ['update', '-qq'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    run('apt-get', ['install', '-qq', '--no-install-recommends', 'redis-server'], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  if (isThere()) return;
  console.error(
    'The tests of the queue need redis-server: install it (Debian: apt-get install redis-server; macOS: brew install redis).',
  );
  process.exit(1);
}

install();
requireRedis();
for (const step of ['typecheck', 'lint', 'format:check', 'check:deps', 'check:unused', 'build', 'test']) {
  console.log(`\n== npm run ${step}`);
  run('npm', ['run', '--silent', step], { shell: process.platform === 'win32' });
}
