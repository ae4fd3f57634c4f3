/**
 * A child of EngineProcess without a model: what it does with a segment is written in the segment's text. Its samples
 * depend on text, voice and seed alone, as a model's must.
 *
 *   sleep 500     answers after so many milliseconds        crash   dies by SIGKILL
 *   hang          blocks its thread for ever                throw   throws outside of any batch
 *   silence       fails alone                               forget  loses the outcome of one segment
 *   memory 2      the batch runs out of memory if it holds more than so many segments
 *   pid           says, in its samples, which process it is
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { NarratorError } from '../../../src/core/errors.ts';
import { runHost } from '../../../src/engine/host-loop.ts';
import type { BatchItem, BatchOutcome, BatchSynthesiser, ModelOptions } from '../../../src/engine/protocol.ts';

const HOP_LENGTH = 256;

runHost(async (model: ModelOptions): Promise<BatchSynthesiser> => {
  switch (model.directory) {
    case '/no-model':
      throw new NarratorError('model_not_found', 'There is no model in /no-model.', { field: 'directory' });
    case '/crashes-at-start':
      process.kill(process.pid, 'SIGKILL');
      break;
    case '/hangs-at-start':
      await new Promise(() => {});
  }
  const voices = new Set<string>();
  return {
    info: {
      modelId: 'fake',
      modelDigest: model.directory === '/changing-model' ? `digest of process ${process.pid}` : 'digest',
      provider: 'cpu',
      precision: 'f32',
      threads: 1,
      sampleRateHz: 24_000,
      runtimeVersion: '0',
    },
    hasVoice: (version) => voices.has(version),
    addVoice: async (voice) => {
      if (voice.samples.length === 0) throw new NarratorError('voice_invalid', 'The voice is empty.');
      voices.add(voice.version);
    },
    synthesise: async (items) => {
      const outcomes: BatchOutcome[] = [];
      for (const item of items) {
        await act(item, items.length);
        if (item.text !== 'forget') outcomes.push(outcomeOf(item));
      }
      const frames = items.reduce((sum, item) => sum + item.frames, 0);
      const size = items.length;
      return { outcomes, statistics: { size, paddedFrames: frames, realFrames: frames, samplerMs: 1, vocoderMs: 1 } };
    },
    close: async () => {},
  };
});

async function act({ text }: BatchItem, batchSize: number): Promise<void> {
  const [verb, number] = text.split(' ');
  if (verb === 'sleep') await sleep(Number(number));
  if (verb === 'crash') process.kill(process.pid, 'SIGKILL');
  if (verb === 'throw') {
    setImmediate(() => {
      throw new Error('thrown outside of any batch');
    });
    await sleep(60_000);
  }
  while (verb === 'hang');
  if (verb === 'memory' && batchSize > Number(number)) throw new NarratorError('out_of_memory', 'made to run out');
}

function outcomeOf({ id, text, voiceVersion, frames, seed }: BatchItem): BatchOutcome {
  if (text === 'silence') {
    return { id, ok: false, error: new NarratorError('waveform_invalid', 'It is silent.').toRecord() };
  }
  const samples = new Float32Array(frames * HOP_LENGTH);
  if (text === 'pid') samples.fill(process.pid);
  else {
    const sound = createHash('sha256').update(`${text}|${voiceVersion}|${seed}|${frames}`).digest();
    for (let index = 0; index < samples.length; index += 1) samples[index] = (sound[index % 32] ?? 0) / 256;
  }
  return { id, ok: true, samples, warnings: [] };
}
