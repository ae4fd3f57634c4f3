/**
 * `npm run cuda:install`: fetches ONNX Runtime's CUDA provider (Linux x64) by running onnxruntime-node's own install
 * script, which every other install of this project leaves out.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { run } from './setup.mjs';

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(
    `ONNX Runtime publishes its CUDA provider for Node on Linux x64 only; this is ${process.platform} ${process.arch}.`,
  );
  process.exit(1);
}
const packageJson = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
// 'true' = install now; without it the script sees a local install and does nothing.
const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'true' };
run(process.execPath, [join(dirname(packageJson), 'script', 'install.js')], { cwd: dirname(packageJson), env });
console.log('CUDA provider installed. Check it with `narrator doctor --provider cuda`.');
