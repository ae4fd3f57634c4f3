/** Word error rate: the edit distance between two word sequences, as a share of the reference's words. */
export interface Tally {
  words: number;
  errors: number;
}

/** Lower-case words without punctuation: what a recogniser can be compared with. */
export function words(text: string): string[] {
  return (
    text
      .toLowerCase()
      .replaceAll('’', "'")
      .match(/[\p{L}\p{N}']+/gu) ?? []
  );
}

/** Substitutions, insertions and deletions that turn `reference` into `heard` (Levenshtein, over words). */
export function countErrors(reference: readonly string[], heard: readonly string[]): number {
  let previous = heard.map((_, column) => column + 1);
  previous.unshift(0);
  for (const [row, expected] of reference.entries()) {
    const current = [row + 1];
    for (const [column, actual] of heard.entries()) {
      const substitution = previous[column]! + (expected === actual ? 0 : 1);
      current.push(Math.min(substitution, previous[column + 1]! + 1, current[column]! + 1));
    }
    previous = current;
  }
  return previous[heard.length]!;
}
