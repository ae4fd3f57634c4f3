/**
 * Applies `load` to each of `items` with at most `depth` at work, and yields the results in order. Once it throws or is left, no more
 * is started, and what is at work is waited for.
 */
export async function* readAhead<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  depth: number,
  load: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = load(item);
      // It is awaited in its turn; until then a rejection must not count as unhandled.
      result.catch(() => undefined);
      running.push(result);
      if (running.length >= depth) yield await (running.shift() as Promise<R>);
    }
    while (running.length > 0) yield await (running.shift() as Promise<R>);
  } finally {
    await Promise.allSettled(running);
  }
}
