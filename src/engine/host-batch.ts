/** One batch on one child: requests to items, the voices that the child lacks, outcomes back to their requests. */
import { NarratorError, toNarratorError } from '../core/errors.ts';
import type { LoadVoice, SynthesisedSpeech, SynthesisRequest } from '../core/ports.ts';
import type { PreparedVoice } from '../core/voice.ts';
import type { BatchResult } from './batcher.ts';
import type { HostProcess } from './host-process.ts';
import type { BatchItem, BatchOutcome } from './protocol.ts';

export interface HostBatchOptions {
  readonly host: Pick<HostProcess, 'run'>;
  readonly loadVoice: LoadVoice;
  readonly sampleRateHz: number;
  readonly timeoutMs: number;
}

/**
 * The child knows which voices it holds and asks for the others, so that nobody keeps a second account of them. Segments
 * whose voice cannot be loaded fail alone, with the reason. Rejects as HostProcess.run does.
 */
export async function runOnHost(
  batch: readonly SynthesisRequest[],
  { host, loadVoice, sampleRateHz, timeoutMs }: HostBatchOptions,
): Promise<BatchResult> {
  const items = batch.map(toItem);
  const first = await host.run(items, [], timeoutMs);
  const { voices, failures } = await loadVoices(first.type === 'done' ? [] : first.versions, loadVoice);
  const loadable = items.filter((item) => !failures.has(item.voiceVersion));
  const reply = first.type === 'done' ? first : await host.run(loadable, voices, timeoutMs);
  if (reply.type === 'voices-missing') {
    throw new NarratorError('internal', `The model did not keep ${reply.versions.length} voices of one batch.`);
  }

  const byId = new Map(reply.outcomes.map((outcome) => [outcome.id, outcome]));
  const outcomes = items.map((item): SynthesisedSpeech | NarratorError => {
    const outcome = byId.get(item.id);
    if (outcome) return toSpeech(outcome, sampleRateHz, batch.length);
    return failures.get(item.voiceVersion) ?? new NarratorError('internal', 'The engine process forgot a segment.');
  });
  return { outcomes, statistics: reply.statistics };
}

function toItem({ text, voiceVersion, frames, seed, parameters }: SynthesisRequest, id: number): BatchItem {
  return { id, text, voiceVersion, frames, seed, parameters };
}

function toSpeech(outcome: BatchOutcome, sampleRateHz: number, batchSize: number): SynthesisedSpeech | NarratorError {
  if (!outcome.ok) return NarratorError.fromRecord(outcome.error);
  // What arrives are views into the one message of the batch: one segment must not keep all the others in memory.
  const samples = batchSize === 1 ? outcome.samples : outcome.samples.slice();
  return { samples, sampleRateHz, warnings: outcome.warnings };
}

async function loadVoices(
  versions: readonly string[],
  loadVoice: LoadVoice,
): Promise<{ voices: PreparedVoice[]; failures: Map<string, NarratorError> }> {
  const failures = new Map<string, NarratorError>();
  const voices: PreparedVoice[] = [];
  await Promise.all(
    versions.map(async (version) => {
      try {
        voices.push(await loadVoice(version));
      } catch (error) {
        failures.set(version, toNarratorError(error));
      }
    }),
  );
  return { voices, failures };
}
