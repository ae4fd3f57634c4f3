/** Cuts what is too long for one pass of the model into balanced pieces, at the best places there are. */
import { NarratorError } from '../core/errors.ts';
import { type ReadingPlace, readingPlaces, spokenBytes } from '../core/reading-override.ts';
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
  /** UTF-8 bytes that are spoken from the start of the range to here: a reading counts as its word */
  readonly bytes: number;
  readonly cost: number;
}

/**
 * @param spoken spoken text with single spaces
 * @param maxBytes at least 4, the longest character of UTF-8
 * @returns ascending offsets behind each piece, the last being `end`. No piece, less the space at its end, has more than
 * `maxBytes` that are spoken, and none begins or ends inside a reading (`{行|hang2}`). Time is linear in the length.
 * @throws NarratorError text_too_long if the word of a reading alone has more
 */
export function cutLong(spoken: SpokenText, start: number, end: number, maxBytes: number): number[] {
  if (spokenBytes(spoken.text.slice(start, end).trimEnd()) <= maxBytes) return [end];
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
  const range = spoken.text.slice(start, end);
  const readings = readingPlaces(range);
  const boundaries: Boundary[] = [];
  let last = 0;
  let bytes = 0;
  const add = (offset: number, cost: number): void => {
    bytes += spokenBytes(range.slice(last, offset));
    last = offset;
    boundaries.push({ offset: start + offset, bytes, cost });
  };
  const addGap = (offset: number, cost: number): void => {
    const gap = range.slice(last, offset);
    if (spokenBytes(gap.trimEnd()) > maxBytes) {
      const from = last;
      for (const inner of innerBoundaries(gap, maxBytes)) add(from + inner.offset, inner.cost);
    }
    if (last < offset) add(offset, cost);
  };
  let next = 0;
  for (const { index, 0: place } of range.matchAll(PLACES)) {
    const offset = index + place.length;
    if (offset >= range.length) break;
    while ((readings[next]?.end ?? Infinity) < offset) next += 1;
    if (offset > (readings[next]?.start ?? Infinity) && offset < (readings[next]?.end ?? 0)) continue;
    addGap(offset, spoken.isInsideChange(start + offset) ? COST.insideChange : placeCost(place));
  }
  addGap(range.length, 0);
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

/** Inside a run without spaces: around its readings, and between them as innerCharacters has it. */
function* innerBoundaries(run: string, maxBytes: number): Generator<{ offset: number; cost: number }> {
  let last = 0;
  for (const reading of readingPlaces(run)) {
    for (const { offset, cost } of innerCharacters(run.slice(last, reading.start), maxBytes)) {
      yield { offset: last + offset, cost: last + offset === reading.start ? COST.word : cost };
    }
    checkReading(reading, maxBytes);
    yield { offset: reading.end, cost: COST.word };
    last = reading.end;
  }
  for (const { offset, cost } of innerCharacters(run.slice(last), maxBytes)) yield { offset: last + offset, cost };
}

function checkReading({ word }: ReadingPlace, maxBytes: number): void {
  const bytes = Buffer.byteLength(word);
  if (bytes <= maxBytes) return;
  throw new NarratorError(
    'text_too_long',
    `The word ${word}, which has a reading of its own, has ${bytes} bytes; one pass of the model has room for ${maxBytes}, and such a word is not cut.`,
    { field: 'text', limit: maxBytes, hint: 'Give readings to shorter words, or use a shorter reference.' },
  );
}

/** Words where the script has no spaces, else graphemes, else (no grapheme fits) code points. */
function* innerCharacters(run: string, maxBytes: number): Generator<{ offset: number; cost: number }> {
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
