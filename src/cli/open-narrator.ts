/** A narrator that is closed when the command ends or is interrupted. */
import type { Narrator as OpenNarrator } from '../runtime/narrator.ts';
import { logFunction } from '../runtime/logger.ts';
import type { ShutdownPhase } from '../runtime/lifecycle.ts';
import type { CliContext } from './context.ts';
import { configWith, type ModelFlags } from './speaking-flags.ts';

/** @param before a shutdown phase that must end before the narrator closes */
export async function openNarrator(
  { config, lifecycle, log }: CliContext,
  flags: ModelFlags,
  before?: ShutdownPhase,
): Promise<OpenNarrator> {
  const { Narrator } = await import('../runtime/narrator.ts');
  const narrator = await Narrator.open(configWith(config, flags), logFunction(log));
  if (before) lifecycle.add(before);
  lifecycle.add({ name: 'narrator', timeoutMs: 10_000, run: () => narrator.close() });
  return narrator;
}
