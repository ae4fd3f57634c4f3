/** What every language shares: white space, and characters that nobody says. */
import { READING_FORM, readingPlaces } from '../core/reading-override.ts';
import { rule, type Rule } from './rule.ts';

/** Emoji and their joiners, controls, zero-width and private characters, and the mark of a broken encoding. */
const SILENT =
  '[\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\p{Regional_Indicator}\\p{Variation_Selector}\\p{Cc}\\p{Cf}\\p{Co}\\p{Cn}\\p{Cs}\\u20e3\\ufffd]+';

export const SILENCE: Rule = rule(SILENT, '');

/** A reading given in the text, '{行|hang2}': the tokenizer's, and kept for it as it is. */
export const READING: Rule = rule(READING_FORM, ([reading]) =>
  readingPlaces(reading).length === 1 ? reading.replace(/\s+/g, ' ') : undefined,
);

export const WHITE_SPACE: readonly Rule[] = [
  // 'word , word' as some languages and some typists write it
  rule('\\s+(?=[,;:!?.](?:\\s|$))', ''),
  rule('\\s+', ' '),
];

export const COMMON_RULES: readonly Rule[] = [READING, ...WHITE_SPACE, SILENCE];

/** Compatibility forms of letters and digits ('①', 'ⅳ', '𝐀') in their plain ones; all else stays. */
export const FORMS: Rule = rule('[^\\p{L}\\p{M}\\s\\x20-\\x7e]', ([character]) => {
  const plain = character.normalize('NFKC');
  return /^[A-Za-z0-9]+$/.test(plain) ? plain : undefined;
});
