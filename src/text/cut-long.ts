/** Cuts what is too long for one pass of the model into balanced pieces, at the best places there are. */
import type { SpokenText } from './spoken-text.ts';

/**
 * What a cut costs, in units of a piece's ideal length: any clause end is better than a word's, wherever it lies, and a cut
 * between words that were written as one thing ('one hundred | five') or inside a word is for where nothing else is.
 */
const COST = { sentence: 0, clause: 0.1, word: 1, insideChange: 1.5, grapheme: 3 } as const;
/** Pieces shorter than this share of the ideal are tails: one word, spoken alone, sounds lost. */
const SHORTEST_SHARE = 0.4;
const TAIL_COST = 3;

interface Boundary {
  readonly offset: number;
  /** UTF-8 bytes from the start of the range to here */
  readonly bytes: number;
  readonly cost: number;
}

/**
 * @param spoken spoken text with single spaces
 * @param maxBytes at least 4, the longest character of UTF-8
 * @returns ascending offsets behind each piece, the last being `end`. No piece, less the space at its end, has more than
 * `maxBytes`. Time is linear in the length.
 */
export function cutLong(spoken: SpokenText, start: number, end: number, maxBytes: number): number[] {
  if (Buffer.byteLength(spoken.text.slice(start, end).trimEnd()) <= maxBytes) return [end];
  const boundaries = boundariesWithin(spoken, start, end, maxBytes);
  const last = boundaries.at(-1);
  const total = last === undefined ? 0 : trimmedBytes(spoken.text, last);
  const cuts: number[] = [];
  let first = 0;
  let done = 0;
  while (total - done > maxBytes) {
    const ideal = (total - done) / Math.ceil((total - done) / maxBytes);
    let best: Boundary | undefined;
    let bestCost = Infinity;
    for (let index = first; index < boundaries.length; index += 1) {
      const boundary = boundaries[index];
      if (boundary === undefined || trimmedBytes(spoken.text, boundary) - done > maxBytes) break;
      const bytes = boundary.bytes - done;
      const isTail = Math.min(bytes, total - boundary.bytes) < SHORTEST_SHARE * ideal;
      const cost = Math.abs(bytes / ideal - 1) + boundary.cost + (isTail ? TAIL_COST : 0);
      if (cost < bestCost && bytes > 0) {
        best = boundary;
        bestCost = cost;
        first = index + 1;
      }
    }
    if (best === undefined || best.offset === end) break;
    cuts.push(best.offset);
    done = best.bytes;
  }
  return [...cuts, end];
}

function trimmedBytes(text: string, boundary: Boundary): number {
  return text.charAt(boundary.offset - 1) === ' ' ? boundary.bytes - 1 : boundary.bytes;
}

/** Behind a clause mark or a dash with its space, behind a full-width mark, behind a space. */
const PLACES = /[.!?]["')]* |[,;:]["')]* |[。！？][”’]?|[，；：][”’]?| /gu;

/** All places for a cut, no two further apart than `maxBytes`: where words are longer, places inside them are added. */
function boundariesWithin(spoken: SpokenText, start: number, end: number, maxBytes: number): Boundary[] {
  const boundaries: Boundary[] = [];
  let last = start;
  let bytes = 0;
  const add = (offset: number, cost: number): void => {
    bytes += Buffer.byteLength(spoken.text.slice(last, offset));
    last = offset;
    boundaries.push({ offset, bytes, cost });
  };
  const addGap = (offset: number, cost: number): void => {
    const gap = spoken.text.slice(last, offset);
    if (Buffer.byteLength(gap.trimEnd()) > maxBytes) {
      const from = last;
      for (const inner of innerBoundaries(gap, maxBytes)) add(from + inner.offset, inner.cost);
    }
    if (last < offset) add(offset, cost);
  };
  const range = spoken.text.slice(start, end);
  for (const match of range.matchAll(PLACES)) {
    const offset = start + match.index + match[0].length;
    if (offset >= end) break;
    addGap(offset, spoken.isInsideChange(offset) ? COST.insideChange : placeCost(match[0]));
  }
  addGap(end, 0);
  return boundaries;
}

function placeCost(place: string): number {
  if (place === ' ') return COST.word;
  return /[.!?。！？]/.test(place) ? COST.sentence : COST.clause;
}

/** ICU's iterators take quadratic time in V8: they see this much at once. */
const WINDOW = 500;
/** every character a grapheme of its own: letters without combining marks, and the commonest scripts without spaces */
const SIMPLE = /^[\u0020-\u02ff\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff，。、]*$/;
const NO_SPACES =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const WORDS = new Intl.Segmenter('zh', { granularity: 'word' });
const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Inside a run without spaces: words where the script has none, else graphemes, else (no grapheme fits) code points. */
function* innerBoundaries(run: string, maxBytes: number): Generator<{ offset: number; cost: number }> {
  for (let start = 0; start < run.length; ) {
    let end = Math.min(run.length, start + WINDOW);
    if (isLowSurrogate(run, end)) end -= 1;
    const window = run.slice(start, end);
    const words = NO_SPACES.test(window) ? new Set(pieces(WORDS, window)) : undefined;
    const graphemes = SIMPLE.test(window) ? Array.from(window, (_, index) => index + 1) : pieces(GRAPHEMES, window);
    let last = 0;
    for (const offset of graphemes) {
      const grapheme = window.slice(last, offset);
      if (Buffer.byteLength(grapheme) > maxBytes) {
        for (const character of grapheme) {
          last += character.length;
          if (last < offset) yield { offset: start + last, cost: COST.grapheme };
        }
      }
      yield { offset: start + offset, cost: words?.has(offset) === true ? COST.word : COST.grapheme };
      last = offset;
    }
    start = end;
  }
}

function pieces(segmenter: Intl.Segmenter, text: string): number[] {
  return Array.from(segmenter.segment(text), ({ index, segment }) => index + segment.length);
}

function isLowSurrogate(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0xdc00 && code <= 0xdfff;
}
