/** `npm run test:deploy`: installs deploy/, a package of its own, then types, lint and tests, which make the templates. Needs no account and no credentials. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './setup.mjs';

const folder = join(root, 'deploy');
const shell = process.platform === 'win32';
const lock = join(folder, 'package-lock.json');
const stamp = join(folder, 'node_modules', '.package-lock.json');

const isFresh = existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(lock).mtimeMs;
if (!isFresh) run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, shell });

// What AWS would find on this machine has no part in it.
const isOfAws = ([name]) => name.startsWith('AWS_');
const env = Object.fromEntries(Object.entries(process.env).filter((variable) => !isOfAws(variable)));
run('npx', ['--no-install', 'eslint', 'deploy', '--max-warnings', '0'], { shell });
for (const step of ['typecheck', 'test']) run('npm', ['run', '--silent', step], { cwd: folder, env, shell });
