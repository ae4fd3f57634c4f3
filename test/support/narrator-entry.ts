/** How tests start the command line. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

/** Runs TypeScript; by its address, as children work in folders from which the name leads nowhere. */
export const LOADER = ['--import', import.meta.resolve('tsx')] as const;

/** For node: the built command line if it is newer than all sources (CI builds before it tests), else the sources. */
export const ENTRY: readonly string[] = isBuilt()
  ? [join(ROOT, 'dist/cli/main.js')]
  : [...LOADER, join(ROOT, 'src/cli/main.ts')];

function isBuilt(): boolean {
  const built = join(ROOT, 'dist/cli/main.js');
  if (!existsSync(built)) return false;
  const builtAtMs = statSync(built).mtimeMs;
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return sources.every((name) => statSync(join(ROOT, 'src', name)).mtimeMs < builtAtMs);
}
