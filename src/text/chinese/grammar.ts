/** Chinese in plain form: numbers, dates, times, money, units and signs in characters. After it no digit is left. */
import { addressRules } from '../addresses.ts';
import { foldChinese } from '../fold.ts';
import { ROMAN, romanValue } from '../roman.ts';
import { type Grammar, rule, type Rule, textAfter, textBefore } from '../rule.ts';
import { FORMS, READING, SILENCE } from '../symbols.ts';
import { CODE_RULES, LETTERED_CODE_RULES, TELEPHONE_RULES } from './codes.ts';
import { DATE_AND_TIME_RULES, SHORT_YEAR_RULES } from './dates-and-times.ts';
import { cardinal, decimal, digitByDigit } from './numbers.ts';
import { CURRENCY_CODE_RULES, MONEY_RULES, NUMBER, PER_RULES, RANGE, UNIT, UNIT_RULES } from './units.ts';

/** Words that count: before them 2 is 两. (月, 号, 日, 楼 and 班 name, and keep 二.) */
const MEASURE =
  '(?=[个只位天次件本张条种名块辆家座场斤倍组句岁点年周米吨人元万千亿份杯瓶根双对]|小时|分钟|公里|英里|星期)';

const SCORE_BEFORE = /(?:比分|比数)(?:为|是)?$/;
const SCORE_AFTER = /^(?:获胜|取胜|战胜|击败|战平|战成|领先|落后|大胜|险胜|逆转|告负|不敌|的比分)/;

function score(match: RegExpExecArray): string | undefined {
  const [, first = '', second = ''] = match;
  const isScore = SCORE_BEFORE.test(textBefore(match)) || SCORE_AFTER.test(textAfter(match));
  return isScore ? `${cardinal(first)}比${cardinal(second)}` : undefined;
}

const VULGAR = '[¼-¾⅐-⅞]';

/** '½' -> 二分之一, by its compatibility decomposition */
function vulgar(character: string): string {
  const [above = '', below = ''] = character.normalize('NFKC').split('\u2044');
  return `${cardinal(below)}分之${cardinal(above)}`;
}

const DIGITS: readonly Rule[] = [
  ...CODE_RULES,
  ...DATE_AND_TIME_RULES,
  rule('(\\d{1,3})[-–—:：](\\d{1,3})(?![\\d:：%])', score),
  rule(
    '(\\d{1,3})[:：](\\d{1,3})(?![\\d:：])',
    ([, first = '', second = '']) => `${cardinal(first)}比${cardinal(second)}`,
  ),
  rule(
    `(${NUMBER})%${RANGE}(${NUMBER})%`,
    ([, first = '', last = '']) => `百分之${decimal(first)}到百分之${decimal(last)}`,
  ),
  rule(`(${NUMBER})${RANGE}(${NUMBER})%`, ([, first = '', last = '']) => `百分之${decimal(first)}到${decimal(last)}`),
  rule('100 ?%', '百分之百'),
  rule(`(${NUMBER}) ?%`, ([, number = '']) => `百分之${decimal(number)}`),
  rule(`(${NUMBER}) ?‰`, ([, number = '']) => `千分之${decimal(number)}`),
  rule('(\\d{1,6})/(\\d{1,6})(?![\\d/])', ([, above = '', below = '']) => `${cardinal(below)}分之${cardinal(above)}`),
  rule(`(\\d{1,6}) ?(${VULGAR})`, ([, whole = '', part = '']) => `${cardinal(whole)}又${vulgar(part)}`),
  rule('\\d+(?:\\.\\d+){2,}', ([version]) => version.split('.').map(cardinal).join('点')),
  rule(`2${MEASURE}`, (match) => (/(?:第|[\d.零〇年月])$/.test(textBefore(match)) ? undefined : '两')),
  rule(`(${NUMBER})(?=${RANGE}(?:${NUMBER}))`, ([, number = '']) => decimal(number)),
  ...UNIT_RULES,
  rule('(\\d{1,9})\\+(?=[人个名家次件元岁天年位款种万亿所座])', ([, number = '']) => `${cardinal(number)}多`),
  rule(NUMBER, ([number]) => decimal(number)),
];

/** Titles of English names in Chinese text; the names themselves are said as they are. */
const TITLES: Readonly<Record<string, string>> = {
  Mr: 'Mister',
  Mrs: 'Missus',
  Ms: 'Miz',
  Dr: 'Doctor',
  Prof: 'Professor',
  St: 'Saint',
};

const LETTERS: readonly Rule[] = [
  ...addressRules({
    signs: {
      '.': '点',
      '/': '斜杠',
      '-': '横杠',
      _: '下划线',
      ':': '冒号',
      '+': '加',
      '=': '等于',
      '&': '和',
      '%': '百分号',
      '@': '艾特',
    },
    number: digitByDigit,
    gap: '',
    www: 'www点',
  }),
  ...CURRENCY_CODE_RULES,
  ...LETTERED_CODE_RULES,
  rule('N[oO]\\. ?(?=\\d)', '第'),
  rule('(Mrs?|Ms|Dr|Prof|St)\\.(?= ?[A-Z])', ([, title = '']) => TITLES[title]),
  rule(`(?=[IVXLC])${ROMAN}(?![A-Za-z0-9])|(?=[ivxlc])${ROMAN.toLowerCase()}(?![A-Za-z0-9])`, (match) =>
    textBefore(match).endsWith('第') ? cardinal(String(romanValue(match[0].toUpperCase()))) : undefined,
  ),
];

const HAN_OR_MARK = '[\\p{Script=Han}，。！？；：、“”‘’…]';
/** what the vocabularies of Chinese models have besides characters and letters */
const SPOKEN_MARKS = /[，。！？；：、“”‘’,.!?;:'"-]/;
const STANDARD_MARKS: Readonly<Record<string, string>> = {
  '「': '“',
  '」': '”',
  '『': '‘',
  '』': '’',
  '｡': '。',
  '､': '、',
};

/** between amounts, times and dates; not between letters, where it joins */
const AMOUNT_END = `[\\d%℃]|\\d(?:月\\d{1,2})?[年月日号点时分周岁元万亿人天米克度]|\\d ?(?:${UNIT})`;

/** Chinese is written without spaces: one between two characters is layout. */
const LAYOUT_SPACE = rule(`(?<=${HAN_OR_MARK})\\s+(?=${HAN_OR_MARK}|\\d)|(?<=\\d)\\s+(?=\\p{Script=Han})`, '');
const PUNCTUATION: readonly Rule[] = [
  // broken off, or a pause
  rule('\\s*(?:[—–―]+|--+)(?=[”’"]|\\s*$)', '...'),
  rule('\\s*(?:[—–―]+|--+)\\s*', '，'),
  rule('\\s*[（([【〔]\\s*', '，'),
  rule('[）)\\]】〕](?=[\\p{L}\\d])', '，'),
  rule('(?:…|\\.{3,}|。{2,})[….。]*', '...'),
  rule('\\s+', ' '),
];
const QUOTES = rule(`[${Object.keys(STANDARD_MARKS).join('')}]`, ([mark]) => STANDARD_MARKS[mark]);

const OTHERS: readonly Rule[] = [
  READING,
  ...TELEPHONE_RULES,
  ...MONEY_RULES,
  ...PER_RULES,
  ...SHORT_YEAR_RULES,
  LAYOUT_SPACE,
  rule(`(?<=${AMOUNT_END})(?:[-–—~～]| [-–~～] )(?=\\d)`, '到'),
  rule('(?<![A-Za-z0-9])[-−](?=\\d[\\d.]* ?(?:℃|°C|度))', '零下'),
  rule('(?<![A-Za-z0-9])[-−](?=[¥￥$€£]?\\d)', '负'),
  ...PUNCTUATION,
  rule('(?<=[\\dA-Za-z])²', '的平方'),
  rule('(?<=[\\dA-Za-z])³', '的立方'),
  rule(VULGAR, ([part]) => vulgar(part)),
  rule('[Ⅰ-Ⅿⅰ-ⅿ]+', ([numeral]) => cardinal(String(romanValue(numeral.normalize('NFKC').toUpperCase())))),
  rule('№ ?', '第'),
  rule('√(?=[\\dA-Za-z])', '根号'),
  rule('@(?=[\\p{L}\\d])', '艾特'),
  rule('≤', '小于等于'),
  rule('≥', '大于等于'),
  rule('≠', '不等于'),
  rule('\\+', '加'),
  rule('=+', '等于'),
  rule('×', '乘以'),
  rule('÷', '除以'),
  rule('±', '正负'),
  rule('≈', '约等于'),
  rule('<(?=\\d)', '小于'),
  rule('>(?=\\d)', '大于'),
  rule('&', '和'),
  rule('%', '百分号'),
  rule('℃', '摄氏度'),
  SILENCE,
  QUOTES,
  rule('[^\\p{L}\\p{M}\\s]', ([character]) => {
    if (SPOKEN_MARKS.test(character)) return undefined;
    const plain = character.normalize('NFKC');
    const digits = /\d+/.exec(plain)?.[0];
    return digits === undefined ? '' : cardinal(digits);
  }),
];

export const CHINESE: Grammar = {
  fold: foldChinese,
  plain: /(?:[\p{Script=Han}，！？；：、“”]|。(?!。))+/uy,
  word: /[A-Za-z]+|\p{L}\p{M}*/uy,
  letters: LETTERS,
  digits: DIGITS,
  others: OTHERS,
  gap: '',
};

/** Characters and punctuation only: numbers, signs and letters stay as they are written. */
export const CHINESE_BASIC: Grammar = {
  ...CHINESE,
  letters: [],
  digits: [],
  others: [
    READING,
    LAYOUT_SPACE,
    rule('(?<=\\d)[–—](?=\\d)', '-'),
    ...PUNCTUATION,
    SILENCE,
    QUOTES,
    rule('[《》〈〉）)\\]】〕*_•·]+', ''),
    FORMS,
  ],
};
