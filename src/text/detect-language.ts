/** The language of a text, by its script: English, Chinese, or one that the caller must name. */

export type DetectedLanguage = 'en' | 'zh' | 'other';

const WORDS =
  /(\p{Script=Han}+)|((?:\p{Script=Hiragana}|\p{Script=Katakana})+)|(\p{Script=Latin}[\p{Script=Latin}\p{M}]*)|\p{L}[\p{L}\p{M}]{0,30}?/gu;

/**
 * What most of it is said in; undefined if it has no letters at all. A Han character is about a word's worth of speech, so the
 * majority decides: a Chinese sentence with a brand name stays Chinese, an English one that quotes 你好 stays English. Kana makes
 * Han characters Japanese. Languages in Latin letters are not told apart: all of them are 'en' here.
 */
export function detectLanguage(text: string): DetectedLanguage | undefined {
  let han = 0;
  let kana = 0;
  let latin = 0;
  let others = 0;
  for (const [, hanRun, kanaRun, latinWord] of text.matchAll(WORDS)) {
    if (hanRun !== undefined) han += hanRun.length;
    else if (kanaRun !== undefined) kana += kanaRun.length;
    else if (latinWord !== undefined) latin += 1;
    else others += 1;
  }
  if (han + kana + latin + others === 0) return undefined;
  if (kana > 0) {
    others += han + kana;
    han = 0;
  }
  if (others > Math.max(han, latin)) return 'other';
  return han >= latin ? 'zh' : 'en';
}

export interface LanguageRun {
  /** offsets into the text */
  readonly start: number;
  readonly end: number;
  readonly language: string;
}

/** A sentence as it is written: abbreviations may cut it too short, but then its parts are of one language. */
const SENTENCE_END = /[。！？]+[”’」』）]*|[.!?]+["'”’)]*(?=\s)/gu;
const HAN = /\p{Script=Han}/u;
/** Words (Han characters, words of letters) that a change of language takes: below, they belong to their neighbour. */
const LEAST_WORDS = 3;

/**
 * The parts of a paragraph by language, each of whole sentences; together they are the paragraph. A part in another script than
 * Latin and Han has the language `fallback`, one without letters that of the part before it.
 *
 * @param fallback what the client or the voice says. Only 'en' and 'zh' are ever exchanged for each other: a text for a German or
 * Japanese voice is German or Japanese.
 */
export function languageRuns(paragraph: string, fallback: string): LanguageRun[] {
  const whole = { start: 0, end: paragraph.length };
  if (fallback !== 'en' && fallback !== 'zh') return [{ ...whole, language: fallback }];
  const known = (language: DetectedLanguage | undefined): string | undefined =>
    language === 'other' ? fallback : language;
  if (!HAN.test(paragraph)) return [{ ...whole, language: known(detectLanguage(paragraph)) ?? fallback }];
  const runs: LanguageRun[] = [];
  let start = 0;
  const add = (end: number): void => {
    const sentence = paragraph.slice(start, end);
    const last = runs.at(-1);
    const language = known(detectLanguage(sentence)) ?? last?.language ?? fallback;
    if (last !== undefined && (last.language === language || isBrief(sentence))) {
      runs[runs.length - 1] = { ...last, end };
    } else if (last !== undefined && runs.length === 1 && isBrief(paragraph.slice(last.start, last.end))) {
      runs[0] = { start: 0, end, language };
    } else {
      runs.push({ start, end, language });
    }
    start = end;
  };
  for (const match of paragraph.matchAll(SENTENCE_END)) add(match.index + match[0].length);
  if (start < paragraph.length) add(paragraph.length);
  return runs;
}

function isBrief(sentence: string): boolean {
  let words = 0;
  for (const [, hanRun] of sentence.matchAll(WORDS)) {
    words += hanRun?.length ?? 1;
    if (words >= LEAST_WORDS) return false;
  }
  return true;
}
