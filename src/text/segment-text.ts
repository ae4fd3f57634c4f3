/**
 * Text to segments: what the model is given, one pass each. Paragraphs, then language, then normalisation, then sentences;
 * short sentences are joined, long ones cut.
 *
 * 1. A segment never has more than `maxBytes` UTF-8 bytes of spoken text.
 * 2. `written`, in order, is the input: all of it but white space at segments' ends, lone surrogates as U+FFFD.
 * 3. A segment ends where a sentence ends, if the limit allows. A sentence under 50 bytes is joined to the next, or the last
 *    of a paragraph to the one before, up to 200 bytes and never across paragraphs: F5-TTS guesses the length of an
 *    utterance from its bytes, and that guess is poor for one or two words.
 * 4. Takes time linear in the length of the text.
 */
import { NarratorError } from '../core/errors.ts';
import type { SegmentText } from '../core/ports.ts';
import type { TextSegment } from '../core/segment.ts';
import { cutLong } from './cut-long.ts';
import { detectLanguage, languageRuns } from './detect-language.ts';
import { type PlainText, readMarkdown } from './markdown.ts';
import { speak, type SpeakOptions } from './normalise.ts';
import { splitParagraphs, trimmed } from './split-paragraphs.ts';
import { sentenceEnds } from './split-sentences.ts';

/**
 * Silence between segments in milliseconds, on top of the little that the model leaves at the ends itself. Narrators pause
 * 0.3 to 0.5 s between sentences and about twice that between paragraphs; a cut that the text does not ask for shall not
 * be heard. All stay under 1.2 s with what the model adds.
 */
export const PAUSE_MS = { cut: 0, clause: 80, sentence: 350, paragraph: 700 } as const;

/** A sentence shorter than this is joined to a neighbour, as long as the two stay within the second. UTF-8 bytes. */
export const JOIN_BYTES = { below: 50, upTo: 200 } as const;

/** One character of UTF-8 */
const LEAST_MAX_BYTES = 4;

/** A SegmentText with a lexicon beside it. */
export type SegmentOptions = Parameters<SegmentText>[1] & SpeakOptions;

/**
 * @param options.language 'en', 'zh', 'auto' (each sentence by its script), or another BCP-47 tag, for which text is cut
 * but not normalised
 * @param options.fallback with 'auto': the language of what has no script of its own (numbers) or one that is neither Latin nor
 * Han; by default that of most of the text, or English. If it is neither 'en' nor 'zh' it is the language of everything.
 * @param options.maxBytes longest spoken text of a segment in UTF-8 bytes
 * @returns no segments if nothing of the text can be spoken
 * @throws NarratorError voice_invalid if `maxBytes` is below 4: the voice leaves no room for speech
 */
export function segmentText(input: string, options: SegmentOptions): TextSegment[] {
  const { language, fallback, maxBytes, markup = 'none', ...reading } = options;
  if (!(maxBytes >= LEAST_MAX_BYTES)) {
    throw new NarratorError(
      'voice_invalid',
      `the voice leaves room for ${maxBytes} bytes of text in one pass of the model; at least ${LEAST_MAX_BYTES} are needed`,
      { limit: LEAST_MAX_BYTES },
    );
  }
  const source = input.replace(/\p{Cs}/gu, '\ufffd');
  const plain = markup === 'markdown' ? readMarkdown(source) : undefined;
  const text = plain?.text ?? source;
  const isAuto = language === 'auto';
  const tag = isAuto ? mainLanguage(text, fallback) : primaryTag(language);
  const pieces: Piece[] = [];
  for (const { start, end } of splitParagraphs(text)) {
    const paragraph = text.slice(start, end);
    const runs = isAuto ? languageRuns(paragraph, tag) : [{ start: 0, end: paragraph.length, language: tag }];
    for (const run of runs) {
      const ofRun = segmentRun(paragraph.slice(run.start, run.end), run.language, maxBytes, reading);
      for (const piece of ofRun) pieces.push({ ...piece, start: start + run.start + piece.start });
    }
    const last = pieces.at(-1);
    if (last !== undefined) pieces[pieces.length - 1] = { ...last, pauseAfterMs: PAUSE_MS.paragraph };
  }
  if (plain === undefined) return toSegments(source, pieces);
  return toSegments(
    source,
    withPauses(pieces, plain.pauses).map((piece) => ({ ...piece, start: plain.sourceOffset(piece.start) })),
  );
}

/** Each pause is that of the last piece before it; of several at one place the longest counts. */
function withPauses(pieces: readonly Piece[], pauses: PlainText['pauses']): Piece[] {
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

/** What the main language of a text is judged by. */
const SAMPLE_CHARACTERS = 10_000;

function mainLanguage(text: string, fallback: string | undefined): string {
  const tag = fallback === undefined ? undefined : primaryTag(fallback);
  if (tag !== undefined && tag !== 'en' && tag !== 'zh') return tag;
  const detected = detectLanguage(text.slice(0, SAMPLE_CHARACTERS));
  return detected === undefined || detected === 'other' ? (tag ?? 'en') : detected;
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
}

function primaryTag(language: string): string {
  return language.split('-', 1)[0]?.toLowerCase() ?? language;
}

/** A paragraph, or a part of one in a language of its own. */
function segmentRun(written: string, language: string, maxBytes: number, reading: SpeakOptions): Piece[] {
  const spoken = speak(written, language, reading);
  const pieces: Piece[] = [];
  let start = 0;
  for (const { end, pauseMs } of segmentEnds(spoken, maxBytes)) {
    pieces.push({
      start: start === 0 ? 0 : spoken.writtenOffset(start, written),
      spoken: spoken.text.slice(start, end).trim(),
      language,
      pauseAfterMs: pauseMs,
      silent: spoken.silentCharacters(start, end, written),
    });
    start = end;
  }
  return pieces;
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
    const bytes = Buffer.byteLength(text.slice(start, end).trimEnd());
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
  return speakable.map(({ start, spoken, language, pauseAfterMs, silent }, index) => {
    const next = speakable[index + 1];
    const { start: from, end } = trimmed(text, index === 0 ? 0 : start, next?.start ?? text.length);
    return {
      spoken,
      written: text.slice(from, end),
      language,
      pauseAfterMs: next === undefined ? 0 : pauseAfterMs,
      ...(silent !== '' && { silent: eachOnce(silent) }),
    };
  });
}

function eachOnce(characters: string): string {
  return [...new Set(characters.replace(/\s/g, ''))].slice(0, SILENT_NAMED_MAX).join('');
}
