/** Where models lie: the package's own, and those that were pulled or built. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ModelPlaces } from '../engine/models/list-models.ts';
import type { Config } from './config.ts';

/** The nearest folder above with a package.json: the same from the sources and from dist/. */
export const PACKAGE_ROOT = rootAbove(import.meta.dirname);

function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json')) || dirname(folder) === folder) return folder;
  return rootAbove(dirname(folder));
}

export function modelPlaces(config: Pick<Config, 'home'>): Required<ModelPlaces> {
  return { modelsDirectory: join(config.home, 'models'), builtInDirectory: join(PACKAGE_ROOT, 'models') };
}
