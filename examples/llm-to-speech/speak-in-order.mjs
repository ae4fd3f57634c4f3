/** Sentences to speech: some at once, in order, and no faster than they are taken. */

/**
 * @template {{ text: string }} S, T
 * @typedef {{ sentence: S, sound: T, error?: undefined } | { sentence: S, error: Error }} Spoken
 */

/**
 * @template {{ text: string }} S, T
 * @param {AsyncIterable<S>} sentences asked for another one only when there is room for its request
 * @param {(text: string) => Promise<T>} speak
 * @param {number} ahead requests that are under way or spoken and not taken yet, at most
 * @returns {AsyncGenerator<Spoken<S, T>>} one for each sentence, in their order; a sentence that fails takes no other with it
 * @throws what `sentences` throws, once all before it are given
 */
export async function* speakInOrder(sentences, speak, ahead = 2) {
  const source = sentences[Symbol.asyncIterator]();
  /** @type {Promise<Spoken<S, T>>[]} */
  const queue = [];
  const attempt = async (sentence) => {
    try {
      return { sentence, sound: await speak(sentence.text) };
    } catch (error) {
      return { sentence, error };
    }
  };
  /** the sentence that is being waited for: read while speech is on its way, so kept when that comes first */
  let reading;
  let isOver = false;
  let failure;
  try {
    for (;;) {
      while (!isOver && queue.length < ahead) {
        reading ??= source.next().then(
          (read) => ({ read }),
          (error) => ({ error }),
        );
        const first = await Promise.race(queue.length === 0 ? [reading] : [reading, queue[0].then(() => 'spoken')]);
        if (first === 'spoken') break;
        reading = undefined;
        isOver = first.error !== undefined || first.read.done;
        failure = first.error;
        if (!isOver) queue.push(attempt(first.read.value));
      }
      const next = queue.shift();
      if (next === undefined) break;
      yield await next;
    }
  } finally {
    source.return?.().catch(() => undefined);
  }
  if (failure !== undefined) throw failure;
}
