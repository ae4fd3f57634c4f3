/** How batches are formed on each kind of machine. Data only; docs/decisions/0005-cpu-preset.md has the measurements. */
import type { EngineInfo } from '../core/ports.ts';
import type { BatchPolicyOptions } from './batch-policy.ts';

export const BATCH_PRESETS: Readonly<Record<EngineInfo['provider'], BatchPolicyOptions>> = {
  /** One segment at a time over all cores: batching gains nothing for equal lengths there and loses for unequal ones. */
  cpu: { budgetFrames: 8 * 1024, maxItems: 1, equalBucketsOnly: true, lingerMs: 0, ageLimitMs: 60_000 },
  /** Full batches: the fixed cost of a step is shared, and memory (which grows with the largest batch) stays bounded. */
  cuda: { budgetFrames: 8 * 1024, maxItems: 64, equalBucketsOnly: false, lingerMs: 20, ageLimitMs: 60_000 },
};
