/** Where models lie: the package's own, and those that were pulled or built. */
import { join } from 'node:path';
import type { ModelPlaces } from '../engine/models/list-models.ts';
import type { Config } from './config.ts';

/** Works from src/ and from dist/: both lie one folder below the package's root. */
export const PACKAGE_ROOT = join(import.meta.dirname, '..', '..');

export function modelPlaces(config: Pick<Config, 'home'>): Required<ModelPlaces> {
  return { modelsDirectory: join(config.home, 'models'), builtInDirectory: join(PACKAGE_ROOT, 'models') };
}
