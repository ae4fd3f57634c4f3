/**
 * Checks the arrows between the rooms, and that the checker really saw them: with an unsuitable TypeScript it cruises
 * zero modules and reports success.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

const root = join(import.meta.dirname, '..');
process.chdir(root);

const options = await extractDepcruiseOptions('./.dependency-cruiser.mjs');
/** All that is shipped. */
const ROOMS = ['src', 'worker', 'container'];
const { output } = await cruise(ROOMS, options, undefined, { tsConfig: extractTSConfig('./tsconfig.json') });
const result = output as ICruiseResult;

const onDisk = ROOMS.flatMap((room) =>
  readdirSync(room, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(room, name)),
);
const seen = new Map(result.modules.map((module) => [module.source, module]));
const unseen = onDisk.filter((path) => !seen.has(path));
const arrows = onDisk.reduce((sum, path) => sum + (seen.get(path)?.dependencies.length ?? 0), 0);

for (const violation of result.summary.violations) {
  console.error(`${violation.rule.severity}  ${violation.rule.name}: ${violation.from} -> ${violation.to}`);
}
for (const path of unseen) console.error(`error  not seen by the checker: ${path}`);
if (arrows < onDisk.length)
  console.error(`error  only ${arrows} imports seen in ${onDisk.length} files: the checker is blind`);

const failed = result.summary.error > 0 || unseen.length > 0 || arrows < onDisk.length;
console.log(`${onDisk.length} modules, ${arrows} imports, ${result.summary.error} violations`);
process.exit(failed ? 1 : 0);
