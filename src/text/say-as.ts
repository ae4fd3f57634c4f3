/**
 * What is said by a rule that the author names, not by the one that its look would call: SSML's say-as, readings, and what is
 * spelled. In English and Chinese; dates, times and units go through the normaliser's own rules, in a form that only one of them takes.
 */
import * as chinese from './chinese/numbers.ts';
import { spell } from './english/capitals.ts';
import { fraction, mixedFraction } from './english/money-and-units.ts';
import * as english from './english/numbers.ts';
import { primaryTag, readsDayFirst } from './language-tag.ts';
import { normalise } from './normalise.ts';
import { romanValue } from './roman.ts';

/** Orders of a date's parts, as SSML's format has them. */
export const DATE_FORMATS = ['mdy', 'dmy', 'ymd', 'md', 'dm', 'ym', 'my', 'y', 'm', 'd'] as const;
export type DateFormat = (typeof DATE_FORMATS)[number];

export type SayAs =
  | { readonly kind: 'characters' | 'cardinal' | 'ordinal' | 'digits' | 'telephone' | 'time' | 'fraction' | 'unit' }
  | { readonly kind: 'date'; readonly format: DateFormat | undefined }
  /** syllables of pinyin with their tones, for models that speak it */
  | { readonly kind: 'reading'; readonly syllables: string };

/** How one language says what the author asks for. Each gives undefined for what is nothing of its kind. */
interface Sayings {
  readonly signs: Readonly<Record<string, string>>;
  readonly digits: (digits: string) => string;
  readonly dialled: (digits: string) => string;
  readonly cardinal: (decimal: string) => string;
  readonly ordinal: (digits: string) => string;
  readonly fraction: (whole: string | undefined, above: string, below: string) => string;
  readonly date: (date: CalendarDate, language: string) => string;
  /** between groups of digits */
  readonly comma: string;
  readonly gap: string;
  readonly minus: string;
  readonly plus: string;
}

const ENGLISH: Sayings = {
  signs: {
    ...{
      '.': 'dot',
      ',': 'comma',
      '/': 'slash',
      '\\': 'backslash',
      '-': 'dash',
      '–': 'dash',
      '—': 'dash',
      _: 'underscore',
    },
    ...{
      ':': 'colon',
      ';': 'semicolon',
      '~': 'tilde',
      '+': 'plus',
      '=': 'equals',
      '&': 'and',
      '%': 'percent',
      '@': 'at',
    },
    ...{
      '#': 'hash',
      '*': 'asterisk',
      '!': 'exclamation mark',
      '?': 'question mark',
      $: 'dollar',
      '€': 'euro',
      '£': 'pound',
    },
    ...{ '(': 'open bracket', ')': 'close bracket', "'": 'apostrophe', '"': 'quote', '|': 'bar', '<': 'less than' },
    ...{ '>': 'greater than', '^': 'caret' },
  },
  digits: english.digitByDigit,
  dialled: english.digitByDigit,
  cardinal: english.decimal,
  ordinal: english.ordinal,
  fraction: (whole, above, below) =>
    whole === undefined ? fraction(above, below) : mixedFraction(whole, above, below),
  date: englishDate,
  comma: ', ',
  gap: ' ',
  minus: 'minus ',
  plus: 'plus ',
};

const CHINESE: Sayings = {
  signs: {
    ...{
      '.': '点',
      ',': '逗号',
      '/': '斜杠',
      '\\': '反斜杠',
      '-': '横杠',
      '–': '横杠',
      '—': '横杠',
      _: '下划线',
      ':': '冒号',
    },
    ...{
      ';': '分号',
      '~': '波浪号',
      '+': '加',
      '=': '等于',
      '&': '和',
      '%': '百分号',
      '@': '艾特',
      '#': '井号',
      '*': '星号',
    },
    ...{ '!': '感叹号', '?': '问号', $: '美元', '€': '欧元', '£': '英镑', '¥': '元', '(': '左括号', ')': '右括号' },
  },
  digits: chinese.digitByDigit,
  dialled: chinese.codeDigits,
  cardinal: chinese.decimal,
  ordinal: (digits) => `第${chinese.cardinal(digits)}`,
  fraction: (whole, above, below) =>
    `${whole === undefined ? '' : `${chinese.cardinal(whole)}又`}${chinese.cardinal(below)}分之${chinese.cardinal(above)}`,
  date: chineseDate,
  comma: '，',
  gap: '',
  minus: '负',
  plus: '加',
};

/** As the tokenizer takes it: see core/reading-override.ts. */
export const readingOf = (word: string, syllables: string) => `{${word.trim()}|${syllables}}`;

/** @returns what is said, or undefined if this is nothing of the kind, or the language has no rules for it */
export function sayAs(as: SayAs, written: string, language: string): string | undefined {
  if (as.kind === 'reading') return readingOf(written, as.syllables);
  const text = written.normalize('NFKC').replace(/\s+/g, ' ').trim();
  const primary = primaryTag(language);
  const sayings = primary === 'en' ? ENGLISH : primary === 'zh' ? CHINESE : undefined;
  if (sayings === undefined) return undefined;
  switch (as.kind) {
    case 'characters':
      return characters(text, sayings);
    case 'cardinal':
      return cardinal(text, sayings);
    case 'ordinal':
      return ordinal(text, sayings);
    case 'digits':
      return /^\d[\d ]*$/.test(text) ? groups(text, sayings.digits, sayings) : undefined;
    case 'telephone':
      return telephone(text, sayings);
    case 'fraction':
      return fractionOf(text, sayings);
    case 'date':
      return date(text, as.format, language, sayings);
    case 'time':
      return TIME.test(text) ? inWords(text, language) : undefined;
    case 'unit':
      return /^[+-]?\d[\d.,]{0,30} ?[^\d\s][^\d]{0,30}$/.test(text) ? inWords(text, language) : undefined;
  }
}

/** By the normaliser's own rules: undefined if they leave a digit. What they put at the start of a sentence may stand inside one. */
function inWords(text: string, language: string): string | undefined {
  const words = normalise(text, language);
  if (words === '' || /\p{N}/u.test(words)) return undefined;
  if (/^\p{L}/u.test(text) || MONTHS.some((month) => words.startsWith(month))) return words;
  return words.charAt(0).toLowerCase() + words.slice(1);
}

/** 'ABC-12' -> 'A.B.C dash one two'. F5-TTS says capitals letter by letter, "best with form like K.F.C.". */
function characters(text: string, { signs, digits, comma, gap }: Sayings): string | undefined {
  const words = Array.from(text.matchAll(/[A-Za-z]+|\d+| |[^A-Za-z\d ]/gu), ([part]) => {
    if (/^[A-Za-z]/.test(part)) return spell(part.toUpperCase());
    if (/^\d/.test(part)) return digits(part);
    if (part === ' ') return comma.trim();
    return signs[part] ?? (/\p{L}/u.test(part) ? part : '');
  }).filter((word) => word !== '');
  if (!words.some((word) => word !== comma.trim())) return undefined;
  return words.join(gap === '' ? '' : ' ').replaceAll(` ${comma.trim()}`, comma.trim());
}

const ROMAN = /^(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})$/;

function cardinal(text: string, sayings: Sayings): string | undefined {
  const [, sign, digits] = /^([+−-]?)((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)$/.exec(text) ?? [];
  if (digits === undefined) return ROMAN.test(text) ? sayings.cardinal(String(romanValue(text))) : undefined;
  return `${sign === '' ? '' : sign === '+' ? sayings.plus : sayings.minus}${sayings.cardinal(digits)}`;
}

function ordinal(text: string, sayings: Sayings): string | undefined {
  if (ROMAN.test(text)) return sayings.ordinal(String(romanValue(text)));
  const digits = /^第?(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)?\.?$/i.exec(text)?.[1];
  return digits === undefined ? undefined : sayings.ordinal(digits.replaceAll(',', ''));
}

function groups(text: string, say: (digits: string) => string, { comma }: Sayings): string {
  return Array.from(text.matchAll(/\d+/g), ([digits]) => say(digits)).join(comma);
}

function telephone(text: string, sayings: Sayings): string | undefined {
  if (!/^\+?[\d ().\-/]*\d[\d ().\-/]*$/.test(text)) return undefined;
  return `${text.startsWith('+') ? sayings.plus : ''}${groups(text, sayings.dialled, sayings)}`;
}

function fractionOf(text: string, sayings: Sayings): string | undefined {
  const [, whole, above, below] = /^(?:(\d{1,9})[ +])?(\d{1,6})[/\u2044](\d{1,6})$/.exec(text) ?? [];
  return above === undefined || below === undefined ? undefined : sayings.fraction(whole, above, below);
}

const TIME =
  /^(?:[01]?\d|2[0-4])(?:[:.：][0-5]\d){0,2} ?(?:[ap]\.?m\.?)?(?: ?[A-Z]{1,5})?$|^[上下中]午\d{1,2}[:：]\d{2}$|^\d{1,2}[点时]/i;

// ---------------------------------------------------------------- dates

interface CalendarDate {
  readonly y?: number;
  readonly m?: number;
  readonly d?: number;
}

const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
];

const DAY_OR_YEAR = /\d|[〇零一二三四五六七八九十]/;
const NUMERIC_DATE = /^\d{1,4}([-/.])\d{1,2}\1\d{1,4}$|^\d{4}$/;

function date(text: string, format: DateFormat | undefined, language: string, sayings: Sayings): string | undefined {
  // with the name of a month, or in a form that says itself what it is
  if (/\p{L}/u.test(text) ? DAY_OR_YEAR.test(text) : format === undefined && NUMERIC_DATE.test(text)) {
    return inWords(text, language);
  }
  const found = format === undefined ? undefined : partsOf(text, format);
  return found === undefined ? undefined : sayings.date(found, language);
}

/** '05/03/2024' with 'dmy' -> { d: 5, m: 3, y: 2024 }; undefined if there is no such day */
function partsOf(text: string, format: DateFormat): CalendarDate | undefined {
  const names = Array.from(format) as ('y' | 'm' | 'd')[];
  const solid = new RegExp(`^${names.map((name) => (name === 'y' ? '(\\d{4})' : '(\\d{2})')).join('')}$`);
  const parted = new RegExp(`^${names.map((name) => (name === 'y' ? '(\\d{1,4})' : '(\\d{1,2})')).join('[-/. ]')}$`);
  const values = (solid.exec(text) ?? parted.exec(text))?.slice(1);
  if (values === undefined) return undefined;
  const { y, m, d } = Object.fromEntries(names.map((name, at) => [name, Number(values[at])]));
  const isDay = (m ?? 1) >= 1 && (m ?? 1) <= 12 && (d ?? 1) >= 1 && (d ?? 1) <= 31;
  if (!isDay) return undefined;
  return {
    // two digits: the century that Unix and Excel take
    ...(y !== undefined && { y: y < 70 ? y + 2000 : y < 100 ? y + 1900 : y }),
    ...(m !== undefined && { m }),
    ...(d !== undefined && { d }),
  };
}

function englishDate({ y, m, d }: CalendarDate, language: string): string {
  const month = m === undefined ? undefined : MONTHS[m - 1];
  const day = d === undefined ? undefined : english.ordinal(String(d));
  const year = y === undefined ? [] : [y < 1000 ? english.cardinal(String(y)) : english.year(String(y))];
  if (day === undefined) return [month ?? [], year].flat().join(' ');
  const named = month === undefined ? day : readsDayFirst(language) ? `the ${day} of ${month}` : `${month} ${day}`;
  return [named, ...year].join(', ');
}

function chineseDate({ y, m, d }: CalendarDate): string {
  return [
    y === undefined ? '' : `${chinese.digitByDigit(String(y))}年`,
    m === undefined ? '' : `${chinese.cardinal(String(m))}月`,
    d === undefined ? '' : `${chinese.cardinal(String(d))}日`,
  ].join('');
}
