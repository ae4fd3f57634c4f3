/** Where finished audio goes, and how one item's files get there. */
import { NarratorError } from './errors.ts';
import type { JobHead, ResultsDestination } from './job.ts';
import { audioKey, sidecarKey } from './keys.ts';
import { putJson } from './ledger.ts';
import type { ArtifactStore, AudioFunctions } from './ports.ts';
import type { DoneItem, SegmentOutcome } from './record.ts';
import type { PlannedSegment } from './segment.ts';
import type { ItemPart } from './shard.ts';

/** Results are keys below `prefix` (empty or ending in '/') of `store`. */
export interface ResultsPlace {
  readonly store: ArtifactStore;
  readonly prefix: string;
}

/** Called once a shard and once a finished job: an adapter may keep what it opened. */
export type OpenResults = (destination: ResultsDestination) => Promise<ResultsPlace>;

/** A segment of an item with its sound. */
export interface SpokenSegment {
  readonly planned: PlannedSegment;
  readonly outcome: SegmentOutcome;
  /** called once, in order: a long item's samples are never all in memory */
  readonly samples: () => Promise<Float32Array>;
}

/** One whole item: what its part says, and all of its segments in order. */
export interface SpokenItem {
  readonly part: ItemPart;
  readonly sampleRateHz: number;
  readonly segments: readonly SpokenSegment[];
}

/**
 * Writes `<output>.wav`, then `<output>.json`. Doing it again writes the same bytes.
 * @throws NarratorError of the store; ledger_corrupt when a segment is not as long as its outcome says
 */
export async function writeItem(
  item: SpokenItem,
  context: { head: JobHead; audio: AudioFunctions; results: ResultsPlace; signal?: AbortSignal },
): Promise<DoneItem> {
  const { head, audio, results, signal } = context;
  const { part, sampleRateHz, segments } = item;
  const places = placesOf(item);
  const samples = places.at(-1)?.endWithPause ?? 0;
  const wav = audio.encodeWav(samplesOf(item), { totalSamples: samples, sampleRateHz, format: head.format });
  await results.store.put(audioKey(results.prefix, part.output), wav, {
    contentType: 'audio/wav',
    ...(signal !== undefined && { signal }),
  });
  await putJson(results.store, sidecarKey(results.prefix, part.output), sidecarOf(item, head, places));
  return {
    status: 'done',
    line: part.line,
    item: part.item,
    output: part.output,
    samples,
    sampleRateHz,
    segments: segments.map(({ outcome }) => outcome),
    ...(part.metadata !== undefined && { metadata: part.metadata }),
  };
}

const pauseSamples = (segment: PlannedSegment, sampleRateHz: number) =>
  Math.round((segment.pauseAfterMs * sampleRateHz) / 1000);

/** First sample, end, and end of the pause behind it, of every segment. */
function placesOf({ segments, sampleRateHz }: SpokenItem) {
  let at = 0;
  return segments.map(({ planned, outcome }) => {
    const start = at;
    const end = start + outcome.samples;
    at = end + pauseSamples(planned, sampleRateHz);
    return { start, end, endWithPause: at };
  });
}

async function* samplesOf({ part, segments, sampleRateHz }: SpokenItem): AsyncGenerator<Float32Array> {
  for (const { planned, outcome, samples } of segments) {
    const spoken = await samples();
    if (spoken.length !== outcome.samples) {
      throw new NarratorError(
        'ledger_corrupt',
        `Segment ${outcome.key} of item ${part.item} has ${spoken.length} samples, its record says ${outcome.samples}.`,
      );
    }
    yield spoken;
    const pause = pauseSamples(planned, sampleRateHz);
    if (pause > 0) yield new Float32Array(pause);
  }
}

/** What a player, an editor or a subtitle writer wants to know of the file beside it. Seconds from its start. */
function sidecarOf(item: SpokenItem, head: JobHead, places: ReturnType<typeof placesOf>) {
  const { part, sampleRateHz, segments } = item;
  const samples = places.at(-1)?.endWithPause ?? 0;
  return {
    v: 1,
    item: part.item,
    line: part.line,
    output: part.output,
    seconds: seconds(samples, sampleRateHz),
    samples,
    sampleRateHz,
    format: head.format,
    voice: { id: part.voice.id, version: part.voice.version },
    model: head.model,
    parameters: part.parameters,
    metadata: part.metadata,
    unknownCharacters: part.unknownCharacters,
    segments: segments.map(({ planned, outcome }, index) => ({
      text: planned.written ?? planned.text,
      spoken: planned.text,
      language: planned.language,
      ...(planned.voice !== undefined && { voice: { id: planned.voice.id, version: planned.voice.version } }),
      ...(planned.speed !== undefined && { speed: planned.speed }),
      start: seconds(places[index]?.start ?? 0, sampleRateHz),
      end: seconds(places[index]?.end ?? 0, sampleRateHz),
      seed: outcome.seed,
      take: outcome.take,
      key: outcome.key,
      warnings: outcome.warnings,
    })),
  };
}

/** To the microsecond: what follows is noise of the division. */
export const seconds = (samples: number, sampleRateHz: number) => Math.round((samples / sampleRateHz) * 1e6) / 1e6;
