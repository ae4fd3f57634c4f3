/** How tests start the command line. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

/** Runs TypeScript; by its address, as children work in folders from which the name leads nowhere. */
export const LOADER = ['--import', import.meta.resolve('tsx')] as const;

/** For node: the built command line if it is newer than all sources (CI builds before it tests), else the sources. */
export const ENTRY: readonly string[] = isBuilt()
  ? [join(ROOT, 'dist/src/cli/main.js')]
  : [...LOADER, join(ROOT, 'src/cli/main.ts')];

function isBuilt(): boolean {
  const built = join(ROOT, 'dist/src/cli/main.js');
  if (!existsSync(built)) return false;
  const builtAtMs = statSync(built).mtimeMs;
  const sources = ['src', 'worker', 'container'].flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' }).map((name) => join(ROOT, room, name)),
  );
  return sources.every((path) => !path.endsWith('.ts') || statSync(path).mtimeMs < builtAtMs);
}
