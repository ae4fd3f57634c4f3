/** English, put together: which rules are tried where, and in which order. After it no digit is left. */
import { foldEnglish } from '../fold.ts';
import { type Grammar, rule, type Rule, textAfter, textBefore } from '../rule.ts';
import { SILENCE, WHITE_SPACE } from '../symbols.ts';
import { ABBREVIATION_RULES } from './abbreviations.ts';
import { CAPITAL_RULES } from './capitals.ts';
import { DATE_AND_TIME_RULES, MONTH_RULES, YEAR_RULES } from './dates-and-times.ts';
import {
  CURRENCY_CODE_RULES,
  digitGroups,
  fraction,
  mixedFraction,
  MONEY_RULES,
  NUMBER,
  QUANTITY_RULES,
} from './money-and-units.ts';
import { cardinal, decimal, digitByDigit, ordinal, plural, year } from './numbers.ts';

/** Said digit by digit: telephone, card and account numbers, in the shapes that people write. */
const DIGIT_GROUPS: readonly Rule[] = [
  rule('(?:1-)?\\d{3}[-.]\\d{3}[-.]\\d{4}(?!\\d)', ([groups]) => digitGroups(groups)),
  rule('\\d{3}-\\d{4}(?!\\d)', ([groups]) => digitGroups(groups)),
  rule('\\d{3}-\\d{2}-\\d{4}(?!\\d)', ([groups]) => digitGroups(groups)),
  rule('\\d{4}([ -])\\d{4}\\1\\d{4}\\1\\d{4}(?!\\d)', ([groups]) => digitGroups(groups)),
];
const TELEPHONE: readonly Rule[] = [
  rule('\\+(?:\\d{1,3}(?:[ .-]\\(?\\d{1,4}\\)?){2,5}|\\d{7,15})(?!\\d)', ([groups]) => `plus ${digitGroups(groups)}`),
  rule('\\(\\d{3}\\) ?\\d{3}[-. ]\\d{4}(?!\\d)', ([groups]) => digitGroups(groups)),
];

const VULGAR = '[¼-¾⅐-⅞↉]';
const FRACTIONS: readonly Rule[] = [
  rule('24/7(?!\\d)', 'twenty-four seven'),
  rule('9/11(?!\\d)', 'nine eleven'),
  rule('(\\d{1,9})[ -](\\d{1,3})/(\\d{1,4})(?![\\d/])', ([, whole = '', above = '', below = '']) =>
    mixedFraction(whole, above, below),
  ),
  rule('(\\d{1,6})/(\\d{1,6})(?![\\d/])', ([, above = '', below = '']) => fraction(above, below)),
  rule(`(\\d{1,9}) ?(${VULGAR})`, ([, whole = '', part = '']) => mixedFraction(whole, ...vulgar(part))),
];

/** '½' -> ['1', '2'] by its compatibility decomposition */
function vulgar(character: string): [string, string] {
  const [above = '0', below = '1'] = character.normalize('NFKC').split('\u2044');
  return [above, below];
}

function decade(digits: string): string {
  if (digits.length === 2) return plural(cardinal(digits));
  return plural(
    digits.endsWith('00') && !digits.endsWith('000') ? `${cardinal(digits.slice(0, 2))} hundred` : year(digits),
  );
}

const NUMBERS: readonly Rule[] = [
  rule('(\\d{1,3}(?:,\\d{3}){0,5}|\\d{1,18})(?:st|nd|rd|th)(?![A-Za-z])', ([, digits = '']) =>
    ordinal(digits.replaceAll(',', '')),
  ),
  rule("([12]\\d{2}0|[2-9]0)'?s(?![A-Za-z])", ([, digits = '']) => decade(digits)),
  rule("(\\d{1,18})'?s(?![A-Za-z])", ([, digits = '']) => plural(cardinal(digits))),
  rule('(\\d{1,5}) ?[x×] ?(?=\\d)', ([, first = '']) => `${cardinal(first)} by `),
  rule('(\\d{1,5})[x×](?![A-Za-z0-9])', ([, times = '']) => `${cardinal(times)} times`),
  rule('\\d+(?:\\.\\d+){2,}', ([version]) => version.split('.').map(cardinal).join(' point ')),
];

const DIGITS: readonly Rule[] = [
  ...DIGIT_GROUPS,
  ...DATE_AND_TIME_RULES,
  rule('(\\d{1,3}):(\\d{1,3})(?![\\d:])', ([, first = '', second = '']) => `${cardinal(first)} to ${cardinal(second)}`),
  ...FRACTIONS,
  ...NUMBERS,
  ...QUANTITY_RULES,
  ...YEAR_RULES,
  rule(NUMBER, ([number]) => decimal(number)),
];

const KNOWN_DOMAINS = '(?:com|org|net|edu|gov|io|info|co|uk|de|fr|eu|cn|jp)';

const LETTERS: readonly Rule[] = [
  ...MONTH_RULES,
  ...ABBREVIATION_RULES,
  rule('https?://(?:www\\.)?(?=[A-Za-z])', ''),
  rule(`(?:[A-Za-z-]{1,63}\\.){1,4}${KNOWN_DOMAINS}(?![A-Za-z])`, ([name]) =>
    name
      .replace(/^www\./, 'w w w.')
      .replaceAll('-', ' dash ')
      .replaceAll('.', ' dot '),
  ),
  ...CURRENCY_CODE_RULES,
  ...CAPITAL_RULES,
];

/** A mark that separates is the pause of a comma, unless the paragraph or a quotation ends there. */
function pause(match: RegExpExecArray): string {
  return /^["']?(?:\s|$)|^[.,;:!?)\]}]/.test(textAfter(match)) ? '' : ', ';
}

/** Between two numbers a dash is 'to'. */
function rangeDash(match: RegExpExecArray): string {
  const isSubtraction = match[0].startsWith(' -') && /^[\d.,]+ ?=/.test(textAfter(match));
  return isSubtraction ? ' minus ' : ' to ';
}

const RANGE = '(?<=[\\d%°]|[ap]\\.m\\.|\\d ?(?:[ap]m|[A-Za-z°]{1,3}))';

const PUNCTUATION: readonly Rule[] = [
  rule(`${RANGE}(?:[-–—]| [-–] )(?=[$£€]?\\d)`, rangeDash),
  // an interrupted speech trails off
  rule('\\s*(?:[–—]+|--+)(?=["\'](?:\\s|$)|\\s*$)', '...'),
  rule('\\s*(?:[–—―]|--+)[–—―-]*\\s*|\\s+-\\s+', pause),
  // not the area code of a telephone number
  rule('\\s*[([{](?!\\d{3}\\) ?\\d{3})\\s*', ', '),
  rule('\\s*[)\\]}]', (match) =>
    /^\s*["']?[A-Za-z0-9$£€]/.test(textAfter(match)) && !/[.,;:!?]$/.test(textBefore(match)) ? ',' : '',
  ),
  rule('(?:…|\\.{3,}|(?:\\. ){2,}\\.)+', '...'),
  rule("''", '"'),
];

const ARITHMETIC: readonly Rule[] = [
  rule('(?<![A-Za-z0-9)])-(?=[$£€]?\\.?\\d)', 'minus '),
  rule('±', ' plus or minus '),
  rule('(?<![A-Za-z0-9])\\+(?=\\d)', 'plus '),
  rule('\\+', ' plus '),
  rule('=+', ' equals '),
  rule('≠', ' is not equal to '),
  rule('≈|(?<![A-Za-z0-9])~(?=[$£€]?\\d)', ' about '),
  rule('≤', ' less than or equal to '),
  rule('≥', ' greater than or equal to '),
  rule('<(?= ?\\d)|(?<= )<(?= )', ' less than '),
  rule('>(?= ?\\d)|(?<= )>(?= )', ' greater than '),
  rule('×|(?<=\\d ?)\\*(?= ?\\d)', ' times '),
  rule('÷', ' divided by '),
  rule('\\^(?=\\d)', ' to the power of '),
  rule('²', ' squared '),
  rule('³', ' cubed '),
  rule(VULGAR, ([part]) => fraction(...vulgar(part))),
  rule('(?<![\\dA-Za-z])\\.\\d+', ([number]) => decimal(number)),
];

const SIGNS: readonly Rule[] = [
  rule("'(\\d0)s(?![A-Za-z])", ([, digits = '']) => decade(digits)),
  rule("'(\\d\\d)(?![\\dA-Za-z'])", ([, digits = '']) => cardinal(String(Number(digits)))),
  rule('&', ' and '),
  rule('@', ' at '),
  rule('#(?=\\d)', 'number '),
  rule('#(?=[A-Za-z])', 'hashtag '),
  rule('[%％]', ' percent '),
  rule('‰', ' per mille '),
  rule('℃|°C(?![A-Za-z])', ' degrees Celsius '),
  rule('℉|°F(?![A-Za-z])', ' degrees Fahrenheit '),
  rule('°', ' degrees '),
  rule('§+ ?', ' section '),
  rule('\\$', ' dollar '),
  rule('€', ' euro '),
  rule('£', ' pound '),
  rule('¥', ' yen '),
  rule('¢', ' cent '),
  rule('№ ?', ' number '),
  rule('(?<=[Aa]nd)/(?=or)', ' '),
  rule('(?<=[A-Za-z0-9])/(?=[A-Za-z0-9])', ' slash '),
  rule('\\|', ', '),
  rule('(?<=[A-Za-z])\\.(?=[a-z]{2,4}(?![A-Za-z.]))', ' dot '),
];

/** Kept as they are: what every vocabulary of the model has besides letters and space. */
const SPOKEN_MARKS = /[.,!?;:'"]/;
/** Ligatures, letters of other Latin alphabets and loose accents: the whole word is said in plain letters. */
const TWO_LETTERS: Readonly<Record<string, string>> = { ß: 'ss', æ: 'ae', Æ: 'Ae', œ: 'oe', Œ: 'Oe', þ: 'th', ð: 'th' };
const TWO_LETTER_FORMS = '[ßæÆœŒþð\\ufb00-\\ufb06\\u{1d400}-\\u{1d7cb}\\u0300-\\u036f]';
const LIGATURES = rule(`[A-Za-z]*${TWO_LETTER_FORMS}(?:[A-Za-z]|${TWO_LETTER_FORMS})*`, ([word]) =>
  Array.from(word, (letter) => TWO_LETTERS[letter] ?? letter.normalize('NFKC'))
    .join('')
    .replace(/\p{M}+/gu, ''),
);

/** The rest: compatibility forms are read as what they stand for, other signs and marks are silent. */
function leftover([character]: RegExpExecArray): string | undefined {
  if (SPOKEN_MARKS.test(character)) return undefined;
  const plain = character.normalize('NFKC');
  if (/^[0-9]+$/.test(plain)) return cardinal(plain);
  const digits = /\d+/.exec(plain)?.[0];
  if (digits !== undefined) return digitByDigit(digits);
  return /^[A-Za-z]+$/.test(plain) ? plain : ' ';
}

export const ENGLISH: Grammar = {
  fold: foldEnglish,
  plain: /[a-z]+(?:'[a-z]+){0,2}(?:[,;]? (?=[A-Za-z])|(?=[,;!?"\n]))/y,
  letters: [...LETTERS, LIGATURES],
  digits: DIGITS,
  others: [
    ...TELEPHONE,
    ...MONEY_RULES,
    ...PUNCTUATION,
    ...ARITHMETIC,
    ...WHITE_SPACE,
    ...SIGNS,
    SILENCE,
    rule('\\p{M}+', ''),
    rule('[^\\p{L}\\p{M}\\s-]', leftover),
    rule('(?<![A-Za-z0-9])-|-(?![A-Za-z0-9])', ''),
  ],
  gap: ' ',
};
