/** Manifests for runs: made, not kept, so that they can be of any length. */

const WORDS =
  'the river ran past an old mill and a quiet garden where children played until evening came with rain over green hills'.split(
    ' ',
  );

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Line {
  readonly id: string;
  readonly text: string;
  readonly voice: 'slt' | 'rms';
}

/** Items of mixed length in both voices: mostly a few words, each tenth of several sentences. */
export function lines(count: number, seed = 1): Line[] {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const sentence = (words: number) => {
    const text = Array.from({ length: words }, () => WORDS[below(WORDS.length)]).join(' ');
    return `${text[0]?.toUpperCase()}${text.slice(1)}.`;
  };
  return Array.from({ length: count }, (_, index) => ({
    id: `line-${String(index + 1).padStart(4, '0')}`,
    text: index % 10 === 9 ? [8, 5, 12].map(sentence).join(' ') : sentence(1 + below(6)),
    voice: below(3) === 0 ? 'rms' : 'slt',
  }));
}

/** Its voice may be nobody's. */
type BrokenLine = Omit<Line, 'voice'> & { readonly voice: string };

/** Every such line cannot be spoken, each in another way. */
const BROKEN_EVERY = 50;

/** Good lines, and among them broken ones with the code of the error that each must end with. */
export function linesWithBroken(count: number, seed: number): { items: BrokenLine[]; broken: Map<string, string> } {
  const broken = new Map<string, string>();
  const items = lines(count, seed).map((line, index): BrokenLine => {
    if (index % BROKEN_EVERY !== BROKEN_EVERY - 1) return line;
    const kind = Math.floor(index / BROKEN_EVERY) % 3;
    broken.set(line.id, ['voice_not_found', 'text_empty', 'text_unspeakable'][kind]!);
    return { ...line, ...[{ voice: 'nobody' }, { text: ' ' }, { text: '🎉' }][kind] };
  });
  return { items, broken };
}

export const jsonl = (items: readonly unknown[]): string => items.map((item) => `${JSON.stringify(item)}\n`).join('');
