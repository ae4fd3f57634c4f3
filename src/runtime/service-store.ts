/** Where a server that was told of no store keeps its jobs. */
import { join } from 'node:path';
import type { Config } from './config.ts';

/** Within the narrator's home. Workers in other processes need a store that somebody has named. */
export function withServiceStore<C extends Pick<Config, 'store' | 'home' | 'dispatch'>>(config: C): C {
  if (config.store !== undefined || config.dispatch.kind !== 'in-process') return config;
  return { ...config, store: { kind: 'filesystem', path: join(config.home, 'service') } };
}
