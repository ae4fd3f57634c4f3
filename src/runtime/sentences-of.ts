/** Sentences of a text while somebody, a language model, still writes it. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Sentence, SentenceStream, type SentenceStreamOptions } from '../text/sentence-stream.ts';

export interface SentencesOptions extends SentenceStreamOptions {
  /**
   * So long, in milliseconds, a sentence without an end is held for more of it, then what there is of it is given, up to a clause
   * or a word. Counted while the consumer waits for the next sentence. Default 5000; Infinity: held until it ends
   */
  readonly maxWaitMs?: number;
}

const MAX_WAIT_MS = 5_000;

/**
 * @param chunks text in any pieces, or UTF-8 (a character may be split over pieces; what is no UTF-8 becomes U+FFFD). Asked for
 * more only while a sentence is waited for
 * @returns sentences in order, each as soon as nothing that follows can change it: all of the text but white space, marks of
 * Markdown if `markup` says so, and what has no letter or number
 * @throws what `chunks` throws, without the sentence that was being written; RangeError for a `maxCharacters` below 40
 */
export async function* sentencesOf(
  chunks: AsyncIterable<string | Uint8Array>,
  { maxWaitMs = MAX_WAIT_MS, ...options }: SentencesOptions = {},
): AsyncGenerator<Sentence, void, undefined> {
  const stream = new SentenceStream(options);
  const decoder = new TextDecoder();
  const source = chunks[Symbol.asyncIterator]();
  let reading: Promise<IteratorResult<string | Uint8Array>> | undefined;
  let heldSince: number | undefined;
  try {
    for (;;) {
      reading ??= source.next();
      const arrived = await within(
        reading,
        heldSince === undefined ? Infinity : heldSince + maxWaitMs - performance.now(),
      );
      if (arrived === 'overdue') {
        yield* stream.giveUp();
        heldSince = stream.isHolding ? performance.now() : undefined;
        continue;
      }
      reading = undefined;
      if (arrived.done === true) break;
      const text = typeof arrived.value === 'string' ? arrived.value : decoder.decode(arrived.value, { stream: true });
      const sentences = stream.push(text);
      yield* sentences;
      if (!stream.isHolding) heldSince = undefined;
      else if (heldSince === undefined || sentences.length > 0) heldSince = performance.now();
    }
    yield* stream.push(decoder.decode());
    yield* stream.end();
  } finally {
    const closed = source.return?.();
    // A generator closes when what it waits for has come: nobody here needs that any more.
    if (reading === undefined) await closed;
    else closed?.catch(() => undefined);
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T | 'overdue'> {
  if (ms === Infinity) return promise;
  const timer = new AbortController();
  try {
    return await Promise.race([promise, delay(Math.max(0, ms), 'overdue' as const, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}
