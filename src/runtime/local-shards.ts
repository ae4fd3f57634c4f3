/** Shards that are synthesised in this process: what jobs on a folder and the embedded server have in common. */
import { InProcessDispatcher } from '../adapters/dispatch-in-process.ts';
import { audioFunctions } from '../audio/audio-functions.ts';
import type { NarratorError } from '../core/errors.ts';
import type { ArtifactStore, ShardMessage, SynthesisEngine } from '../core/ports.ts';
import { processShard, type SegmentEvent } from '../core/process-shard.ts';
import type { OpenResults } from '../core/results.ts';
import { sleep } from './sleep.ts';

export interface LocalShardsOptions {
  readonly store: ArtifactStore;
  readonly openResults: OpenResults;
  readonly engine: SynthesisEngine;
  readonly modelDigest: string;
  /** shards held at once, so that batches fill across them */
  readonly concurrency: number;
  readonly onSegment?: ((event: SegmentEvent) => void) | undefined;
  readonly onSettled: (message: ShardMessage, error?: NarratorError) => void;
}

export function openLocalShards({
  concurrency,
  onSegment,
  onSettled,
  ...deps
}: LocalShardsOptions): InProcessDispatcher {
  const shardDeps = { ...deps, audio: audioFunctions, now: () => new Date(), ...(onSegment && { onSegment }) };
  return new InProcessDispatcher({
    concurrency,
    handler: (message, run) => processShard(message, run, shardDeps),
    sleep,
    onSettled,
  });
}
