/** `npm run demo`: installs, builds, and narrates examples/story.jsonl with the built-in model into out/story. */
import { install, run } from './setup.mjs';

install();
run('npm', ['run', '--silent', 'build'], { shell: process.platform === 'win32' });
run(process.execPath, [
  'dist/src/cli/main.js',
  'run',
  'examples/story.jsonl',
  '-o',
  'out/story',
  ...process.argv.slice(2),
]);
