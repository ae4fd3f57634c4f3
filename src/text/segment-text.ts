/**
 * Text to segments: what the model is given, one pass each. Paragraphs, then language, then normalisation, then sentences;
 * short sentences are joined, long ones cut.
 *
 * 1. A segment never has more than `maxBytes` UTF-8 bytes of spoken text; a reading (`{行|hang2}`) counts as its word and is never cut.
 * 2. `written`, in order, is the input: all of it but white space at segments' ends, lone surrogates as U+FFFD.
 * 3. A segment ends where a sentence ends, if the limit allows. A sentence under 50 bytes is joined to the next, or the last
 *    of a paragraph to the one before, up to 200 bytes and never across paragraphs: F5-TTS guesses the length of an
 *    utterance from its bytes, and that guess is poor for one or two words.
 * 4. Takes time linear in the length of the text.
 */
import { noSuchVoice } from '../core/cast.ts';
import { NarratorError } from '../core/errors.ts';
import type { SegmentText } from '../core/ports.ts';
import { spokenBytes } from '../core/reading-override.ts';
import type { TextSegment } from '../core/segment.ts';
import { cutLong } from './cut-long.ts';
import { primaryTag } from './language-tag.ts';
import type { Words } from './lexicon.ts';
import { readMarkup, wellFormed } from './markup.ts';
import { type SaidWord, speak, type SpeakOptions } from './normalise.ts';
import { PAUSE_MS } from './pauses.ts';
import { sayAs } from './say-as.ts';
import { type Manner, type MarkedText, markupError, placeIn, type Span } from './spans.ts';
import { splitParagraphs, trimmed } from './split-paragraphs.ts';
import { sentenceEnds } from './split-sentences.ts';
import { type Stretch, Stretches } from './stretches.ts';

export { PAUSE_MS } from './pauses.ts';

/** A sentence shorter than this is joined to a neighbour, as long as the two stay within the second. UTF-8 bytes. */
export const JOIN_BYTES = { below: 50, upTo: 200 } as const;

/** One character of UTF-8 */
const LEAST_MAX_BYTES = 4;

/** A SegmentText with lexicons beside it. */
export type SegmentOptions = Omit<Parameters<SegmentText>[1], 'lexicons'> &
  SpeakOptions & {
    /** in place of `lexicon`, where voices have their own: that of a voice that the text switches to, or of its own (undefined) */
    readonly lexiconOf?: (voice: string | undefined) => Words;
  };

/**
 * @param options.language 'en', 'zh', 'auto' (each sentence by its script), or another BCP-47 tag, for which text is cut
 * but not normalised; a region ('en-GB') decides the order of numeric dates
 * @param options.fallback with 'auto': the language of what has no script of its own (numbers) or one that is neither Latin nor
 * Han; by default that of most of the text, or English. If it is neither 'en' nor 'zh' it is the language of everything.
 * @param options.maxBytes longest spoken text of a segment in UTF-8 bytes
 * @returns no segments if nothing of the text can be spoken
 * @throws NarratorError voice_invalid if `maxBytes` is below 4: the voice leaves no room for speech
 */
export function segmentText(input: string, options: SegmentOptions): TextSegment[] {
  const { markup = 'none', voices = NO_VOICES, maxBytes, lexiconOf, ...reading } = options;
  const source = wellFormed(input);
  const marked = readMarkup(source, markup, (name) => voices.has(name));
  checkVoices(marked, source, voices);
  const limitOf = limits(maxBytes);
  limitOf({});
  const stretches = new Stretches(marked, options);
  const pieces: Piece[] = [];
  for (const { start, end } of splitParagraphs(marked.text)) {
    for (const stretch of stretches.of(start, end)) {
      const written = marked.text.slice(stretch.start, stretch.end);
      const said = stretch.spans.map((span) => saidSpan(span, stretch, marked.text, source));
      const lexicon = lexiconOf?.(stretch.manner.voice) ?? reading.lexicon;
      for (const piece of piecesOf(written, stretch, limitOf(stretch.manner), { ...reading, lexicon, said })) {
        pieces.push({ ...piece, start: stretch.start + piece.start });
      }
    }
    const last = pieces.at(-1);
    if (last !== undefined) pieces[pieces.length - 1] = { ...last, pauseAfterMs: PAUSE_MS.paragraph };
  }
  const placed = withPauses(pieces, marked.pauses).map((piece) => ({
    ...piece,
    start: marked.sourceOffset(piece.start),
  }));
  return toSegments(source, placed);
}

/** @throws NarratorError voice_invalid for a voice that leaves no room for speech */
function limits(maxBytes: SegmentOptions['maxBytes']): (manner: Manner) => number {
  const known = new Map<string, number>();
  return ({ voice, speed }) => {
    const name = `${speed ?? ''} ${voice ?? ''}`;
    const manner = { ...(voice !== undefined && { voice }), ...(speed !== undefined && { speed }) };
    const limit = known.get(name) ?? (typeof maxBytes === 'number' ? maxBytes : maxBytes(manner));
    known.set(name, limit);
    if (limit >= LEAST_MAX_BYTES) return limit;
    throw new NarratorError(
      'voice_invalid',
      `the voice${voice === undefined ? '' : ` ${voice}`} leaves room for ${limit} bytes of text in one pass of the model; at least ${LEAST_MAX_BYTES} are needed`,
      { limit: LEAST_MAX_BYTES },
    );
  };
}

const NO_VOICES: NonNullable<SegmentOptions['voices']> = new Map();

/** @throws NarratorError voice_not_found */
function checkVoices({ manners }: MarkedText, source: string, voices: ReadonlyMap<string, unknown>): void {
  for (const { manner, source: offset } of manners) {
    if (manner.voice === undefined || voices.has(manner.voice)) continue;
    throw noSuchVoice({ name: manner.voice, place: placeIn(source, offset) }, [...voices.keys()]);
  }
}

/** What is said for a span, in the place that it has in its stretch. @throws NarratorError item_invalid */
function saidSpan({ start, end, as, source: offset }: Span, stretch: Stretch, text: string, source: string): SaidWord {
  const from = Math.max(start, stretch.start);
  const to = Math.min(end, stretch.end);
  const written = text.slice(from, to);
  const spoken = sayAs(as, written, stretch.language);
  if (spoken !== undefined) return { start: from - stretch.start, end: to - stretch.start, spoken };
  const quoted = JSON.stringify(written.slice(0, 60));
  throw markupError(
    source,
    offset,
    `has ${quoted}, which cannot be said as ${as.kind} in the language ${stretch.language}`,
    {
      hint: 'Correct the text or what it shall be said as; English and Chinese have rules for it.',
    },
  );
}

/** Each pause is that of the last piece before it; of several at one place the longest counts. */
function withPauses(pieces: readonly Piece[], pauses: MarkedText['pauses']): Piece[] {
  const changed = [...pieces];
  let index = 0;
  let last = -1;
  for (const { offset, ms } of pauses) {
    while ((changed[index]?.start ?? Infinity) < offset) index += 1;
    const piece = changed[index - 1];
    if (piece === undefined) continue;
    changed[index - 1] = { ...piece, pauseAfterMs: last === index ? Math.max(piece.pauseAfterMs, ms) : ms };
    last = index;
  }
  return changed;
}

/** A segment before its written end is known: it ends where the next one starts. */
interface Piece {
  /** offset of its first written character */
  readonly start: number;
  readonly spoken: string;
  readonly language: string;
  readonly pauseAfterMs: number;
  /** written characters that nobody says */
  readonly silent: string;
  readonly manner: Manner;
}

/** A stretch, or what of it is said in one pass each; places are those in `written`. */
function piecesOf(written: string, stretch: Stretch, maxBytes: number, reading: SpeakOptions): Piece[] {
  const spoken = speak(written, stretch.language, reading);
  const language = primaryTag(stretch.language);
  const pieces: Piece[] = [];
  let start = 0;
  for (const { end, pauseMs } of segmentEnds(spoken, maxBytes)) {
    pieces.push({
      start: start === 0 ? 0 : spoken.writtenOffset(start, written),
      spoken: spoken.text.slice(start, end).trim(),
      language,
      pauseAfterMs: end === spoken.text.length ? pauseAtEnd(spoken.text, stretch.change) : pauseMs,
      silent: spoken.silentCharacters(start, end, written),
      manner: stretch.manner,
    });
    start = end;
  }
  return pieces;
}

const ENDS_SENTENCE = /[.!?…。！？]["')”’」』]*\s*$/;

/** Where speed or language change inside a sentence there is no pause but that of its marks; where the voice does, a short one. */
function pauseAtEnd(spoken: string, change: Stretch['change']): number {
  const isInside = (change === 'voice' || change === 'manner') && !ENDS_SENTENCE.test(spoken.slice(-10));
  if (!isInside) return PAUSE_MS.sentence;
  return Math.max(pauseAt(spoken, spoken.length), change === 'voice' ? PAUSE_MS.clause : PAUSE_MS.cut);
}

interface End {
  readonly end: number;
  readonly pauseMs: number;
}

/** Where the segments of a paragraph end in its spoken text. */
function* segmentEnds(spoken: ReturnType<typeof speak>, maxBytes: number): Generator<End> {
  for (const { start, end } of joinShort(spoken.text, sentenceEnds(spoken.text), maxBytes)) {
    for (const cut of cutLong(spoken, start, end, maxBytes)) {
      yield { end: cut, pauseMs: cut === end ? PAUSE_MS.sentence : pauseAt(spoken.text, cut) };
    }
  }
}

function pauseAt(text: string, cut: number): number {
  return /[,;:.!?，；：。！？]["')”’]* ?$/.test(text.slice(Math.max(0, cut - 4), cut)) ? PAUSE_MS.clause : PAUSE_MS.cut;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Joins short sentences by rule 3; what can never be spoken alone (marks without a letter) goes with its neighbour too. */
function joinShort(text: string, ends: readonly number[], maxBytes: number): Range[] {
  const below = Math.min(JOIN_BYTES.below, maxBytes / 2);
  const upTo = Math.min(JOIN_BYTES.upTo, maxBytes);
  const joined: (Range & { bytes: number })[] = [];
  let start = 0;
  for (const end of ends) {
    const bytes = spokenBytes(text.slice(start, end).trimEnd());
    const before = joined.at(-1);
    const isShort = before !== undefined && (before.bytes < below || (bytes < below && end === text.length));
    if (isShort && before.bytes + 1 + bytes <= upTo) {
      joined[joined.length - 1] = { start: before.start, end, bytes: before.bytes + 1 + bytes };
    } else {
      joined.push({ start, end, bytes });
    }
    start = end;
  }
  return joined;
}

const SPEAKABLE = /[\p{L}\p{N}]/u;
/** Silent characters that a segment names. */
const SILENT_NAMED_MAX = 50;

/** Each piece takes the written characters up to the next; those that say nothing give theirs to the one before them. */
function toSegments(text: string, pieces: readonly Piece[]): TextSegment[] {
  const speakable: Piece[] = [];
  let leading = '';
  for (const piece of pieces) {
    const last = speakable.at(-1);
    if (SPEAKABLE.test(piece.spoken)) {
      speakable.push(last === undefined ? { ...piece, silent: leading + piece.silent } : piece);
      continue;
    }
    const silent = piece.silent + piece.spoken;
    if (last === undefined) leading += silent;
    else {
      const pauseAfterMs = Math.max(last.pauseAfterMs, piece.pauseAfterMs);
      speakable[speakable.length - 1] = { ...last, pauseAfterMs, silent: last.silent + silent };
    }
  }
  return speakable.map(({ start, spoken, language, pauseAfterMs, silent, manner: { voice, speed } }, index) => {
    const next = speakable[index + 1];
    const { start: from, end } = trimmed(text, index === 0 ? 0 : start, next?.start ?? text.length);
    return {
      spoken,
      written: text.slice(from, end),
      language,
      pauseAfterMs: next === undefined ? 0 : pauseAfterMs,
      ...(silent !== '' && { silent: eachOnce(silent) }),
      ...(voice !== undefined && { voice }),
      ...(speed !== undefined && { speed }),
    };
  });
}

function eachOnce(characters: string): string {
  return [...new Set(characters.replace(/\s/g, ''))].slice(0, SILENT_NAMED_MAX).join('');
}
