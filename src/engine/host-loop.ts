/**
 * The child's side of the engine: loads a model and runs one batch at a time, as its parent asks.
 *
 * It lives exactly as long as its parent. A lost IPC channel ends it between two batches; a run of the model blocks this
 * thread, so a watcher on a thread of its own ends it in the middle of one. Signals from the terminal are ignored: they
 * reach the whole group, and it is the parent that decides whether a batch may still finish.
 *
 * The priority is left as it is. A lower one would have to be set before the model's threads exist, costs throughput on
 * any shared machine, and buys nothing: the parent mostly sleeps, and schedulers let a thread that wakes up run at once.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import type { PreparedVoice } from '../core/voice.ts';
import type { BatchItem, BatchOutcome, BatchSynthesiser, HostReply, HostRequest, LoadSynthesiser } from './protocol.ts';

/** Ends the process when its parent has gone, whatever the main thread is blocked in. A string: it must run without a loader. */
const ORPHAN_WATCH = `
  const { workerData: parent } = require('node:worker_threads');
  setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 500);
`;

/** @throws when the process was not forked with an IPC channel */
export function runHost(load: LoadSynthesiser): void {
  if (!process.send) throw new Error('The engine host runs as a child process of EngineProcess only.');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.exit(0));
  process.on('uncaughtException', (error) => void reportAndExit(error));
  process.on('unhandledRejection', (reason) => void reportAndExit(reason));
  const watch = new Worker(ORPHAN_WATCH, { eval: true, execArgv: [], workerData: process.ppid });
  watch.unref();
  const watching = once(watch, 'online');

  let synthesiser: BatchSynthesiser | undefined;
  const answer = async (request: HostRequest): Promise<void> => {
    switch (request.type) {
      case 'load':
        await watching; // nothing may block this thread before
        synthesiser = await load(request.model);
        return send({ type: 'loaded', info: synthesiser.info });
      case 'batch':
        if (!synthesiser) throw new NarratorError('internal', 'A batch came before the model was loaded.');
        return send(await runBatch(synthesiser, request.items, request.voices));
      case 'close':
        await synthesiser?.close();
        return process.exit(0);
    }
  };
  // One after another: a request to close must not pull the model away from under a batch.
  let previous = Promise.resolve();
  process.on('message', (request: HostRequest) => {
    previous = previous
      .then(() => answer(request))
      .catch((error: unknown) => send({ type: 'failed', error: toNarratorError(error).toRecord() }));
  });
}

/** Adds the voices, then synthesises whatever can be: an item whose voice was refused fails alone. */
export async function runBatch(
  synthesiser: BatchSynthesiser,
  items: readonly BatchItem[],
  voices: readonly PreparedVoice[],
): Promise<HostReply> {
  const refused = new Map<string, NarratorError>();
  for (const voice of voices) {
    try {
      await synthesiser.addVoice(voice);
    } catch (error) {
      refused.set(voice.version, toNarratorError(error));
    }
  }
  const runnable = items.filter((item) => !refused.has(item.voiceVersion));
  const wanted = new Set(runnable.map((item) => item.voiceVersion));
  const versions = [...wanted].filter((version) => !synthesiser.hasVoice(version));
  if (versions.length > 0) return { type: 'voices-missing', versions };

  const { outcomes, statistics } =
    runnable.length > 0 ? await synthesiser.synthesise(runnable) : { outcomes: [], statistics: NOTHING_DONE };
  assertOneOutcomeEach(runnable, outcomes);
  const failed = items.flatMap((item): BatchOutcome[] => {
    const error = refused.get(item.voiceVersion);
    return error ? [{ id: item.id, ok: false, error: error.toRecord() }] : [];
  });
  return { type: 'done', outcomes: [...outcomes, ...failed], statistics };
}

const NOTHING_DONE = { size: 0, paddedFrames: 0, realFrames: 0, samplerMs: 0, vocoderMs: 0 } as const;

/** A model that answers for the wrong segment would put words into the wrong file: rather fail the batch. */
function assertOneOutcomeEach(items: readonly BatchItem[], outcomes: readonly BatchOutcome[]): void {
  const inOrder = items.every((item, index) => item.id === outcomes[index]?.id);
  if (outcomes.length === items.length && inOrder) return;
  throw new NarratorError(
    'internal',
    `The model gave ${outcomes.length} outcomes for ${items.length} segments, or gave them out of order.`,
  );
}

/** Resolves when all of it has been handed to the parent: only then is it safe to exit. */
function send(reply: HostReply): Promise<void> {
  return new Promise((resolve) => {
    // A failed send means that the parent has gone; 'disconnect' then ends this process.
    process.send?.(reply, undefined, undefined, () => resolve());
  });
}

async function reportAndExit(reason: unknown): Promise<void> {
  if (process.connected) await send({ type: 'fatal', error: toNarratorError(reason).toRecord() });
  process.exit(1);
}
