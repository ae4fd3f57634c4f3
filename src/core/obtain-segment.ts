/** One segment's sound: from the store if it is there, else from the engine, in further takes if a waveform fails its checks. */
import { z } from 'zod';
import { NarratorError } from './errors.ts';
import { segmentDigest, segmentKey, segmentWarningsKey } from './keys.ts';
import { putJson, readJson } from './ledger.ts';
import type { ArtifactStore, AudioFunctions, SynthesisEngine, WaveformWarning } from './ports.ts';
import { type SegmentOutcome, warningSchema } from './record.ts';
import { TAKES_MAX, takeSeed } from './seeds.ts';
import type { PlannedSegment } from './segment.ts';
import { type ItemPart, mannerOf } from './shard.ts';

export interface ObtainedSegment {
  readonly outcome: SegmentOutcome;
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
}

export interface SegmentSource {
  readonly store: ArtifactStore;
  readonly engine: SynthesisEngine;
  readonly audio: AudioFunctions;
  readonly modelDigest: string;
  readonly signal: AbortSignal;
  /** of the job, for the engine */
  readonly priority?: number;
}

/** How segments/ is used: `none` neither looks nor stores; `store` stores only (a later shard needs it); `reuse` does both. */
export type SegmentCache = 'none' | 'store' | 'reuse';

/**
 * @param label names the segment in messages: 'item chapter-3, segment 17'
 * @throws NarratorError of the engine and the store; waveform_invalid after the last take
 */
export async function obtainSegment(
  planned: PlannedSegment,
  part: ItemPart,
  label: string,
  cache: SegmentCache,
  source: SegmentSource,
): Promise<ObtainedSegment> {
  for (let take = 1; ; take++) {
    try {
      return await obtainTake(planned, part, { label, cache, take }, source);
    } catch (error) {
      // Deterministic for this seed: the same take again would fail again.
      if (!(error instanceof NarratorError) || error.code !== 'waveform_invalid') throw error;
      if (take >= (part.takes ?? TAKES_MAX)) throw error;
    }
  }
}

async function obtainTake(
  planned: PlannedSegment,
  part: ItemPart,
  { label, cache, take }: { label: string; cache: SegmentCache; take: number },
  source: SegmentSource,
): Promise<ObtainedSegment> {
  const { store, engine, audio, modelDigest, signal, priority } = source;
  const seed = takeSeed(planned.seed, take);
  const { voice, parameters } = mannerOf(part, planned);
  const identity = { text: planned.text, voiceVersion: voice.version, modelDigest, parameters };
  const key = take === 1 ? planned.key : segmentDigest({ ...identity, seed });

  const stored = cache === 'reuse' ? await storedSegment(key, source) : undefined;
  if (stored !== undefined) {
    return obtained(stored.samples, stored.sampleRateHz, stored.warnings, { key, seed, take, reused: true });
  }
  const speech = await engine.synthesise(
    {
      key,
      label,
      text: planned.text,
      voiceVersion: voice.version,
      promptSamples: voice.promptSamples,
      frames: planned.frames,
      seed,
      parameters,
      ...(priority !== undefined && { priority }),
    },
    { signal },
  );
  const samples = audio.finishSegment(speech.samples, speech.sampleRateHz);
  if (cache !== 'none') {
    // Warnings first: a segment that is there has all of them.
    if (speech.warnings.length > 0) await putJson(store, segmentWarningsKey(key), speech.warnings);
    await store.put(segmentKey(key), audio.encodeSegment(samples, speech.sampleRateHz), { contentType: 'audio/wav' });
  }
  return obtained(samples, speech.sampleRateHz, speech.warnings, { key, seed, take, reused: false });
}

function obtained(
  samples: Float32Array,
  sampleRateHz: number,
  warnings: readonly WaveformWarning[],
  facts: Pick<SegmentOutcome, 'key' | 'seed' | 'take' | 'reused'>,
): ObtainedSegment {
  const outcome = { ...facts, samples: samples.length, ...(warnings.length > 0 && { warnings: [...warnings] }) };
  return { outcome, samples, sampleRateHz };
}

/** A stored segment that cannot be read counts as absent: it is made and stored again. */
async function storedSegment(key: string, { store, audio }: Pick<SegmentSource, 'store' | 'audio'>) {
  const stored = await store.get(segmentKey(key));
  if (stored === undefined) return undefined;
  try {
    const warnings = await readJson(store, segmentWarningsKey(key), z.array(warningSchema));
    return { ...audio.decodeSegment(stored.bytes), warnings: warnings ?? [] };
  } catch (error) {
    if (error instanceof NarratorError && error.code === 'ledger_corrupt') return undefined;
    throw error;
  }
}
