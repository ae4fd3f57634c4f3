/** English, put together: which rules are tried where, and in which order. After it no digit is left. */
import { foldEnglish } from '../fold.ts';
import { romanValue } from '../roman.ts';
import { type Grammar, rule, type Rule, textAfter, textBefore, WORD } from '../rule.ts';
import { FORMS, READING, SILENCE, WHITE_SPACE } from '../symbols.ts';
import { ABBREVIATION_RULES } from './abbreviations.ts';
import { ADDRESS_RULES, IP_ADDRESS_RULES } from './addresses.ts';
import { CAPITAL_RULES, SPELLED_RULE } from './capitals.ts';
import { CODE_RULES, TELEPHONE_RULES } from './codes.ts';
import { dateAndTimeRules, type DateOrder, MONTH_RULES, YEAR_RANGE_RULES, YEAR_RULES } from './dates-and-times.ts';
import {
  CURRENCY_CODE_RULES,
  fraction,
  mixedFraction,
  MONEY_RULES,
  NUMBER,
  PER_RULES,
  QUANTITY_RULES,
} from './money-and-units.ts';
import { cardinal, decimal, digitByDigit, ordinal, plural, year } from './numbers.ts';
import { LIST_MARK_RULES, NUMERAL_RANGE_RULE, ROMAN_RULES } from './roman-numerals.ts';

const VULGAR = '[¼-¾⅐-⅞↉]';
const FRACTIONS: readonly Rule[] = [
  rule('24[/x]7(?!\\d)', 'twenty-four seven'),
  rule('9/11(?!\\d)', 'nine eleven'),
  rule('50/50(?!\\d)', 'fifty-fifty'),
  rule('(\\d{1,3}(?:\\.\\d{1,2})?)/(\\d{1,3})(?![\\d/])', outOf),
  rule('(\\d{1,9})[ -](\\d{1,3})/(\\d{1,4})(?![\\d/])', ([, whole = '', above = '', below = '']) =>
    mixedFraction(whole, above, below),
  ),
  rule('(\\d{1,6})/(\\d{1,6})(?![\\d/])', ([, above = '', below = '']) => fraction(above, below)),
  rule(`(\\d{1,9}) ?(${VULGAR})`, ([, whole = '', part = '']) => mixedFraction(whole, ...vulgar(part))),
];

const MARK_BEFORE =
  /\b(?:scor(?:e|ed|es)|rat(?:e|ed|es|ing)|grade[ds]?|marks?|got|gave (?:it|them|him|her))(?: of| was| is|:)?(?: an?)? $/i;
const MARK_AFTER = /^ (?:stars?|points?|rating|marks?|score)\b/i;

/** 'rated 7/10', '4.5/5 stars' */
function outOf(match: RegExpExecArray): string | undefined {
  const [, mark = '', best = ''] = match;
  const isMark = mark.includes('.') || MARK_BEFORE.test(textBefore(match)) || MARK_AFTER.test(textAfter(match));
  return isMark ? `${decimal(mark)} out of ${cardinal(best)}` : undefined;
}

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
  // thousands apart by spaces: no-break ones, or two and more, so that it is no list of numbers
  rule('\\d{1,3}(?:[\\u00a0\\u2009\\u202f]\\d{3}){1,5}(?!\\d)|[1-9]\\d?(?: \\d{3}){2,5}(?! ?\\d)', ([groups]) =>
    cardinal(groups.replace(/\s/g, '')),
  ),
  rule(
    '0[xX]([0-9A-Fa-f]{1,16})(?![A-Za-z0-9])',
    ([, code = '']) =>
      `zero X ${Array.from(code.toUpperCase(), (sign) => (/\d/.test(sign) ? cardinal(sign) : sign)).join(' ')}`,
  ),
  rule('(\\d{1,3}(?:,\\d{3}){0,5}|\\d{1,18})(?:st|nd|rd|th|ST|ND|RD|TH)(?![A-Za-z])', ([, digits = '']) =>
    ordinal(digits.replaceAll(',', '')),
  ),
  rule("([12]\\d{2}0|[2-9]0)'?s(?![A-Za-z])", ([, digits = '']) => decade(digits)),
  rule("(\\d{1,18})'?s(?![A-Za-z])", ([, digits = '']) => plural(cardinal(digits))),
  rule('(\\d{1,5}) ?[x×] ?(?=\\d)(?!\\d+(?:\\.\\d+)? ?=)', ([, first = '']) => `${cardinal(first)} by `),
  rule('(\\d{1,5})[x×](?![A-Za-z0-9])', ([, times = '']) => `${cardinal(times)} times`),
  rule(
    `(${NUMBER})[eE]([+−-]?)(\\d{1,3})(?![A-Za-z0-9])`,
    ([, number = '', sign = '', power = '']) =>
      `${decimal(number)} times ten to the power of ${/[−-]/.test(sign) ? 'minus ' : ''}${cardinal(String(Number(power)))}`,
  ),
  ...IP_ADDRESS_RULES,
  rule('\\d+(?:\\.\\d+){2,}', ([version]) => version.split('.').map(cardinal).join(' point ')),
];

const digitRules = (order: DateOrder): readonly Rule[] => [
  ...CODE_RULES,
  ...dateAndTimeRules(order),
  ...YEAR_RANGE_RULES,
  rule('(\\d{1,3}):(\\d{1,3})(?![\\d:])', ([, first = '', second = '']) => `${cardinal(first)} to ${cardinal(second)}`),
  ...FRACTIONS,
  ...NUMBERS,
  ...QUANTITY_RULES,
  ...YEAR_RULES,
  rule(NUMBER, ([number]) => decimal(number)),
];

/** Lone letters of formulas; words in Greek stay what they are. */
const GREEK =
  'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho - sigma tau upsilon phi chi psi omega'.split(
    ' ',
  );
const GREEK_LETTER = rule('[Α-ΡΣ-Ωα-ρσ-ως](?!\\p{L})', ([letter]) => {
  const small = letter.toLowerCase().replace('ς', 'σ');
  return GREEK[small.charCodeAt(0) - 'α'.charCodeAt(0)];
});

const LETTERS: readonly Rule[] = [
  SPELLED_RULE,
  ...LIST_MARK_RULES,
  ...ADDRESS_RULES,
  ...MONTH_RULES,
  ...ABBREVIATION_RULES,
  ...CURRENCY_CODE_RULES,
  ...ROMAN_RULES,
  ...CAPITAL_RULES,
  rule('[vV](?=\\d+\\.\\d)', 'version '),
  GREEK_LETTER,
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

const RANGE_RULE = rule(`${RANGE}(?:[-–—]| [-–] )(?=[$£€]?\\d)`, rangeDash);

const PUNCTUATION: readonly Rule[] = [
  // an interrupted speech trails off
  rule('\\s*(?:[–—]+|--+)(?=["\'](?:\\s|$)|\\s*$)', '...'),
  rule('\\s*(?:[–—―]|--+)[–—―-]*\\s*|\\s+-\\s+', pause),
  // not the area code of a telephone number
  rule('\\s*(?!\\{[^{}|\\s]{1,32}\\|)[([{](?!\\d{3}\\) ?\\d{3})\\s*', ', '),
  rule('\\s*[)\\]}]', (match) =>
    /^\s*["']?[A-Za-z0-9$£€]/.test(textAfter(match)) && !/[.,;:!?]$/.test(textBefore(match)) ? ',' : '',
  ),
  rule('(?:…|\\.{3,}|(?:\\. ){2,}\\.)[….]*', '...'),
  rule("''", '"'),
];

/** 'x²', '10⁻³', 'km²'; behind a word it is the number of a note, which nobody says. */
function superscript(match: RegExpExecArray): string {
  const before = textBefore(match);
  if (/\p{L}{2}$/u.test(before) && !/(?<!\p{L})(?:km|cm|mm|ft|in|mi)$/u.test(before)) return '';
  const [sign = '', ...digits] = Array.from(match[0].normalize('NFKC'));
  const power = /\d/.test(sign) ? [sign, ...digits].join('') : digits.join('');
  if (power === '') return '';
  if (sign === '2' && power === '2') return ' squared ';
  if (sign === '3' && power === '3') return ' cubed ';
  return ` to the power of ${sign === '−' ? 'minus ' : ''}${cardinal(power)} `;
}

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
  rule('\\^(?=-?\\d)', ' to the power of '),
  rule('[⁺⁻]?[²³¹⁰⁴-⁹]+', superscript),
  rule('√(?=[\\dA-Za-z(])', 'square root of '),
  rule('∞', ' infinity '),
  rule('[→⇒➔]', ' to '),
  rule(VULGAR, ([part]) => fraction(...vulgar(part))),
  rule('(?<![\\dA-Za-z])\\.\\d+', ([number]) => decimal(number)),
  rule('(?<=\\d)\\.(?=\\d)', ' point '),
];

const SIGNS: readonly Rule[] = [
  rule("'(\\d0)s(?![A-Za-z])", ([, digits = '']) => decade(digits)),
  rule("'(\\d\\d)(?![\\dA-Za-z'])", ([, digits = '']) => cardinal(String(Number(digits)))),
  rule('©', 'copyright '),
  rule('&', ' and '),
  rule('@', ' at '),
  rule('(?<=(?<![A-Za-z])[A-G])#(?![A-Za-z0-9])', ' sharp'),
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
  // '.NET', 'a .txt file'
  rule('(?<=^|[\\s"(])\\.(?=NET\\b|[a-z]{2})', 'dot '),
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
  plain: /(?!vs |[ivxlc]+(?![a-z]))[a-z]+(?:'[a-z]+){0,2}(?:[,;]? (?=[A-Za-z])|(?=[,;!?"\n]))/y,
  word: WORD,
  letters: [...LETTERS, LIGATURES],
  digits: digitRules('month-first'),
  others: [
    READING,
    ...TELEPHONE_RULES,
    ...PER_RULES,
    ...MONEY_RULES,
    RANGE_RULE,
    NUMERAL_RANGE_RULE,
    ...PUNCTUATION,
    ...ARITHMETIC,
    ...WHITE_SPACE,
    ...SIGNS,
    rule('[Ⅰ-Ⅿⅰ-ⅿ]+', ([numeral]) => cardinal(String(romanValue(numeral.normalize('NFKC').toUpperCase())))),
    SILENCE,
    rule('\\p{M}+', ''),
    rule('[^\\p{L}\\p{M}\\s-]', leftover),
    rule('(?<![A-Za-z0-9])-|-(?![A-Za-z0-9])', ''),
  ],
  gap: ' ',
};

/** Of regions that write 3/4/2026 for the third of April. */
export const ENGLISH_DAY_FIRST: Grammar = { ...ENGLISH, digits: digitRules('day-first') };

/** Characters and punctuation only: numbers, signs, abbreviations and capitals stay as they are written. */
export const ENGLISH_BASIC: Grammar = {
  ...ENGLISH,
  letters: [LIGATURES],
  digits: [],
  others: [
    READING,
    rule('(?<=\\d)[–—](?=\\d)', '-'),
    ...PUNCTUATION,
    ...WHITE_SPACE,
    SILENCE,
    rule('\\p{M}+', ''),
    rule('[*_•·]+', ''),
    FORMS,
  ],
};
