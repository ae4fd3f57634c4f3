/** `npm run verify`: installs, then everything that a reviewer would run, cheapest first. Stops at the first failure. */
import { install, run } from './setup.mjs';

install();
for (const step of ['typecheck', 'lint', 'format:check', 'check:deps', 'check:unused', 'build', 'test']) {
  console.log(`\n== npm run ${step}`);
  run('npm', ['run', '--silent', step], { shell: process.platform === 'win32' });
}
