/**
 * A reading given in the text itself: `{行|hang2}`, `{重庆|chong2 qing4}`, `{Python|pai4 sen1}`. The word is said with these
 * syllables exactly, without any tone sandhi; the text around it is read as if the word stood there alone. Tones are digits
 * (5 for the neutral one) or marks (háng); ü may be written v, u: or ü. A word of Chinese characters takes as many syllables,
 * any other word at least one. Whatever is not of this form is text like any other.
 */
export interface ReadingOverride {
  /** UTF-16 offset into the plain text */
  readonly start: number;
  readonly end: number;
  readonly word: string;
  /** as the vocabulary has them: tone as a last digit, none for the neutral tone, ü as v */
  readonly syllables: readonly string[];
}

/** Where it stands in the text, braces included. */
export interface ReadingPlace {
  readonly start: number;
  readonly end: number;
  readonly word: string;
  readonly syllables: readonly string[];
}

export interface PlainText {
  /** the text with each override replaced by its word */
  readonly text: string;
  /** in order, never overlapping */
  readonly overrides: readonly ReadingOverride[];
}

/** What may be one. A full stop inside would end a sentence. */
export const READING_FORM = '\\{([^{}|\\s。！？｡]{1,32})\\|([^{}|]{2,256})\\}';
const OVERRIDE = new RegExp(READING_FORM, 'gu');
const CHINESE = /[\u3100-\u9fff]/u;
const ALL_CHINESE = /^[\u3100-\u9fff]+$/u;
const SYLLABLE = /^[a-z]{1,6}$/;
const NUMBERED = /^(.+)([0-5])$/;
const TONE_MARKS = ['\u0304', '\u0301', '\u030c', '\u0300'];

/** Never throws. Linear in the length of the text. */
export function readOverrides(text: string): PlainText {
  const overrides: ReadingOverride[] = [];
  let plain = '';
  let last = 0;
  for (const { start, end, word, syllables } of readingPlaces(text)) {
    plain += text.slice(last, start);
    overrides.push({ start: plain.length, end: plain.length + word.length, word, syllables });
    plain += word;
    last = end;
  }
  return { text: plain + text.slice(last), overrides };
}

/** In order, never overlapping. Never throws. Linear in the length of the text. */
export function readingPlaces(text: string): ReadingPlace[] {
  if (!text.includes('{')) return [];
  const places: ReadingPlace[] = [];
  for (const { 0: match, 1: word, 2: list, index } of text.matchAll(OVERRIDE)) {
    const syllables = syllablesFor(word!, list!);
    if (syllables !== undefined) places.push({ start: index, end: index + match.length, word: word!, syllables });
  }
  return places;
}

/** UTF-8 bytes of what is spoken: a reading counts as its word, its letters take no time. */
export function spokenBytes(text: string): number {
  return Buffer.byteLength(readOverrides(text).text);
}

function syllablesFor(word: string, list: string): string[] | undefined {
  const syllables: string[] = [];
  for (const written of list.trim().split(/\s+/)) {
    const syllable = asToken(written);
    if (syllable === undefined) return undefined;
    syllables.push(syllable);
  }
  const fits = ALL_CHINESE.test(word) ? syllables.length === word.length : !CHINESE.test(word);
  return fits ? syllables : undefined;
}

/** hang2, háng, lv4, lu:4 and lǜ become hang2 and lv4; without any tone it is not a reading. */
function asToken(written: string): string | undefined {
  const decomposed = written
    .toLowerCase()
    .normalize('NFD')
    .replace(/u(?:\u0308|:)/, 'v');
  const mark = TONE_MARKS.find((candidate) => decomposed.includes(candidate));
  const [, body, digit] = NUMBERED.exec(decomposed) ?? [];
  if ((mark === undefined) === (digit === undefined)) return undefined;
  const letters = mark === undefined ? body! : decomposed.replace(mark, '');
  const tone = mark === undefined ? Number(digit) : TONE_MARKS.indexOf(mark) + 1;
  return SYLLABLE.test(letters) ? letters + (tone >= 1 && tone <= 4 ? tone : '') : undefined;
}
