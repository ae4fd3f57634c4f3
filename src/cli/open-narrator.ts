/** A narrator that is closed when the command ends or is interrupted. */
import { Narrator } from '../runtime/narrator.ts';
import { logFunction } from '../runtime/logger.ts';
import type { CliContext } from './context.ts';
import { configWith, type ModelFlags } from './speaking-flags.ts';

export async function openNarrator({ config, lifecycle, log }: CliContext, flags: ModelFlags): Promise<Narrator> {
  const narrator = await Narrator.open(configWith(config, flags), logFunction(log));
  lifecycle.add({ name: 'narrator', timeoutMs: 10_000, run: () => narrator.close() });
  return narrator;
}
