/** One text, spoken as a job of its own in a store that does not outlive it: on disk for long texts, in memory for short ones. */
import { NarratorError, type ErrorRecord } from '../core/errors.ts';
import { audioKey, errorsKey, sidecarKey } from '../core/keys.ts';
import { PRIORITY_MAX } from '../core/job.ts';
import { itemsAsManifest } from '../core/manifest.ts';
import type { ArtifactStore, SynthesisEngine } from '../core/ports.ts';
import type { SegmentEvent } from '../core/process-shard.ts';
import type { JobSummary } from '../core/record.ts';
import type { ResultsPlace } from '../core/results.ts';
import type { PlanTotals } from '../core/shard.ts';
import type { JobRequest } from '../core/submit-job.ts';
import type { Narrator, SpeakingOptions } from './narrator.ts';

export interface SpeakTextOptions extends SpeakingOptions {
  readonly onSegment?: (event: SegmentEvent) => void;
  readonly onPlanned?: (totals: PlanTotals) => void;
  readonly signal?: AbortSignal;
  /** in place of the narrator's own; not closed here */
  readonly engine?: SynthesisEngine;
}

/** One segment of a finished file. Times in seconds from its start. */
export interface SpokenSegmentInfo {
  readonly text: string;
  readonly spoken: string;
  readonly start: number;
  readonly end: number;
  readonly seed: string;
}

export interface SpeechInfo {
  readonly seconds: number;
  readonly samples: number;
  readonly sampleRateHz: number;
  readonly segments: readonly SpokenSegmentInfo[];
}

const RESULTS_PREFIX = 'results/';
const ITEM = 'speech';
export const SPEECH_KEYS = speechKeys(RESULTS_PREFIX);

/**
 * Leaves SPEECH_KEYS in `store`, which must be empty.
 * @throws NarratorError that names what is wrong with the text; engine_stopped once `signal` aborts
 */
export async function speakText(
  narrator: Narrator,
  text: string,
  options: SpeakTextOptions,
  store: ArtifactStore,
): Promise<SpeechInfo> {
  const { onSegment, onPlanned, signal, engine } = options;
  const jobs = narrator.openJobs({
    store,
    openResults: (destination) =>
      Promise.resolve({ store, prefix: destination.kind === 'store' ? destination.prefix : '' }),
    planning: narrator.planning(),
    ...(onSegment && { onSegment }),
    ...(engine && { engine }),
    onEvent: (event) => {
      if (event.type === 'planned') onPlanned?.(event.plan.totals);
    },
  });
  const stop = () => void jobs.close();
  signal?.addEventListener('abort', stop);
  try {
    if (signal?.aborted) throw new NarratorError('cancelled', 'The narrator was told to stop.');
    const results = { kind: 'store', prefix: RESULTS_PREFIX } as const;
    const id = await jobs.submit({ ...speechJob(narrator, text, options), results });
    return await readSpeech(await jobs.finish(id), { store, prefix: RESULTS_PREFIX });
  } finally {
    signal?.removeEventListener('abort', stop);
    await narrator.closeJobs(jobs);
  }
}

/** A job of one item. Its segments are not kept. @throws NarratorError usage */
export function speechJob(narrator: Narrator, text: string, options: SpeakingOptions): JobRequest {
  const { id, digest } = narrator.speechModel;
  return {
    ...narrator.choices(options),
    manifest: { format: 'jsonl', bytes: itemsAsManifest([{ id: ITEM, text }]) },
    model: { id, digest },
    reuse: false,
    // Somebody waits for it.
    priority: PRIORITY_MAX,
    ...(options.format && { format: options.format }),
    ...(options.lexicon && { lexicon: options.lexicon }),
  };
}

/** Where the results of such a job lie. */
export function speechKeys(prefix: string) {
  return { wav: audioKey(prefix, `${ITEM}.wav`), sidecar: sidecarKey(prefix, `${ITEM}.wav`) } as const;
}

/** What such a job came to. @throws NarratorError that names what is wrong with the text */
export async function readSpeech(summary: JobSummary, { store, prefix }: ResultsPlace): Promise<SpeechInfo> {
  if (summary.error) throw NarratorError.fromRecord(summary.error);
  if (summary.succeeded !== 1) throw await firstError(store, errorsKey(prefix));
  const read = (await readJson(store, speechKeys(prefix).sidecar)) as SpeechInfo;
  const { seconds, samples, sampleRateHz, segments } = read;
  return { seconds, samples, sampleRateHz, segments };
}

async function firstError(store: ArtifactStore, key: string): Promise<NarratorError> {
  const lines = new TextDecoder().decode((await store.get(key))?.bytes);
  const [first = ''] = lines.split('\n');
  if (first === '') return new NarratorError('internal', 'The text was not spoken, and no error was recorded.');
  // The only item has a line and an id that the caller never gave.
  const { line: _line, item: _item, ...record } = JSON.parse(first) as ErrorRecord;
  return NarratorError.fromRecord({ ...record, message: record.message.replace(/^Line 1: /, '') });
}

async function readJson(store: ArtifactStore, key: string): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode((await store.get(key))?.bytes));
}
