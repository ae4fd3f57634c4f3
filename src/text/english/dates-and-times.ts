/** Dates and times of day in English words. */
import { rule, type Rule, textAfter, textBefore } from '../rule.ts';
import { cardinal, ordinal, year } from './numbers.ts';
import { endsSentence } from './sentence-end.ts';

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;
export const MONTH = `(?:${MONTHS.join('|')}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\\b\\.?)`;
const DAY = '(?:0?[1-9]|[12]\\d|3[01])';
const YEAR = '[12]\\d{3}';
/** not the start of a longer number, a time or a decimal */
const WHOLE = '(?!\\d|%|[.,:]\\d)';

export function monthName(written: string): string {
  return MONTHS.find((month) => month.startsWith(written.slice(0, 3))) ?? written;
}

function dayOrdinal(day: string): string {
  return ordinal(String(Number(day)));
}

/** undefined if there is no such day. */
function calendarDate(yearDigits: string, month: number, day: number): string | undefined {
  const name = MONTHS[month - 1];
  if (name === undefined || day < 1 || day > 31) return undefined;
  return `${name} ${ordinal(String(day))}, ${year(yearDigits)}`;
}

/** Two digits mean this century up to 69: the rule of POSIX for '%y'. */
function fullYear(digits: string): string {
  if (digits.length === 4) return digits;
  return (Number(digits) < 69 ? '20' : '19') + digits;
}

/** Which of two numbers comes first in 3/4/2026: the month in American English, the day in British. */
export type DateOrder = 'month-first' | 'day-first';

/** Three numbers: the day or the month first, as it is `written`, or else the other way round where that is no date. */
function numericDate(match: RegExpExecArray, written: DateOrder, said: DateOrder): string | undefined {
  const { first = '', second = '', year: digits = '' } = match.groups ?? {};
  const full = fullYear(digits);
  const [day, month] = written === 'day-first' ? [first, second] : [second, first];
  return dayOfYear(match, full, month, day, said) ?? dayOfYear(match, full, day, month, said);
}

function dayOfYear(match: RegExpExecArray, digits: string, month: string, day: string, said: DateOrder) {
  const american = calendarDate(digits, Number(month), Number(day));
  return american === undefined || said === 'month-first'
    ? american
    : dayOfMonth(match, MONTHS[Number(month) - 1] ?? '', day, digits);
}

/** 'the fifth of March, twenty twenty-four'; the article once */
function dayOfMonth(match: RegExpExecArray, month: string, day: string, digits: string | undefined): string {
  const the = /\bthe $/i.test(textBefore(match)) ? '' : 'the ';
  return `${the}${dayOrdinal(day)} of ${month}${digits === undefined ? '' : `, ${year(digits)}`}`;
}

const MERIDIEM = ' ?(?<half>[AaPp])(?:\\.[Mm]\\.|[Mm]\\b)';

function meridiem(match: RegExpExecArray): string {
  const half = match.groups?.['half'];
  if (half === undefined) return '';
  return ` ${half.toUpperCase()}.M${match[0].endsWith('.') && endsSentence(textAfter(match)) ? '.' : ''}`;
}

function clock(match: RegExpExecArray): string | undefined {
  const [, hour = '', minute = '', second] = match;
  if (Number(hour) > 24 || Number(minute) > 59 || Number(second ?? 0) > 59) return undefined;
  const half = meridiem(match);
  const hours = cardinal(String(Number(hour)));
  let spoken = hours;
  if (Number(minute) > 0) {
    spoken += minute.startsWith('0') ? ` oh ${cardinal(minute.slice(1))}` : ` ${cardinal(minute)}`;
  } else if (half === '') {
    spoken += Number(hour) >= 1 && Number(hour) <= 12 && !hour.startsWith('0') ? " o'clock" : ' hundred';
  }
  if (Number(second ?? 0) > 0) {
    spoken += ` and ${cardinal(String(Number(second)))} second${Number(second) === 1 ? '' : 's'}`;
  }
  return spoken + half + (match.groups?.['zulu'] === undefined ? '' : ' U.T.C');
}

/** Tried at a digit. 3/4/2026 is read in this order, unless only the other one is a date. */
export const dateAndTimeRules = (order: DateOrder): readonly Rule[] => [
  rule(`(${YEAR})([-/.])(\\d{1,2})\\2(\\d{1,2})(?:T(?=\\d)|(?!\\d))`, (match) => {
    const [whole, digits = '', , month, day] = match;
    const date = calendarDate(digits, Number(month), Number(day));
    return date === undefined || !whole.endsWith('T') ? date : `${date}, `;
  }),
  // '2003-04' is a winter, '2024-03' a month
  rule(`(${YEAR})-(0[1-9]|1[0-2])(?![\\d-])`, ([, digits = '', month = '']) =>
    Number(month) > Number(digits.slice(2)) ? undefined : `${MONTHS[Number(month) - 1] ?? ''} ${year(digits)}`,
  ),
  rule('(?<first>\\d{1,2})/(?<second>\\d{1,2})/(?<year>\\d{4}|\\d{2})(?![\\d/])', (match) =>
    numericDate(match, order, order),
  ),
  // with dots or dashes it is the European order
  rule('(?<first>\\d{1,2})(?<mark>[.-])(?<second>\\d{1,2})\\k<mark>(?<year>\\d{4})(?![\\d.-]\\d)', (match) =>
    numericDate(match, 'day-first', order),
  ),
  rule(`(${DAY})(?:st|nd|rd|th)?( of)? (${MONTH})(?:,? (${YEAR})${WHOLE})?(?![A-Za-z])`, (match) => {
    const [, day = '', of, month = '', digits] = match;
    if (of === undefined) return dayOfMonth(match, monthName(month), day, digits);
    return `${dayOrdinal(day)} of ${monthName(month)}${digits === undefined ? '' : `, ${year(digits)}`}`;
  }),
  rule(`(\\d{1,2}):([0-5]\\d)(?::([0-5]\\d))?(?![\\d:])(?:${MERIDIEM}|(?<zulu>Z)(?![A-Za-z]))?`, clock),
  // the British dot
  rule(`(\\d{1,2})\\.([0-5]\\d)${MERIDIEM}`, clock),
  rule(`(\\d{1,2})${MERIDIEM}`, (match) => {
    const hour = Number(match[1]);
    return hour >= 1 && hour <= 12 ? cardinal(String(hour)) + meridiem(match) : undefined;
  }),
];

const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
const WEEKDAY = '(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\\b\\.?';

function weekday(written: string): string {
  return WEEKDAYS.find((day) => day.startsWith(written.slice(0, 3))) ?? written;
}

/** Tried at a letter: 'March 5th, 2024', 'Sept. 5-7', 'May 1999'. */
export const MONTH_RULES: readonly Rule[] = [
  rule(
    `(${MONTH}) (${DAY})(?:st|nd|rd|th)?(?: ?[-–] ?(${DAY})(?:st|nd|rd|th)?)?(?:,? (${YEAR}))?${WHOLE}(?![A-Za-z/])`,
    ([, month = '', first = '', last, digits]) =>
      `${monthName(month)} ${dayOrdinal(first)}${last === undefined ? '' : ` to ${dayOrdinal(last)}`}` +
      (digits === undefined ? '' : `, ${year(digits)}`),
  ),
  rule(`(${WEEKDAY}) ?[-–—] ?(${WEEKDAY})`, ([, first = '', last = '']) => `${weekday(first)} to ${weekday(last)}`),
  rule(
    `(${MONTH}) ?[-–—] ?(${MONTH})(?! ?\\d{1,2}\\b)`,
    ([, first = '', last = '']) => `${monthName(first)} to ${monthName(last)}`,
  ),
  rule(
    `(${MONTH}),? (${YEAR})${WHOLE}(?!-\\d)`,
    ([, month = '', digits = '']) => `${monthName(month)} ${year(digits)}`,
  ),
];

/** 'thirty to forty' readings of a year need a reason: a word about time before it, or nothing countable after it. */
const TIME_WORD =
  /\b(?:in|since|by|until|till|from|during|before|after|around|circa|between|year|years|of|early|late|mid|spring|summer|autumn|fall|winter)[- ]$/i;
const COUNTABLE =
  /^ (?!(?:was|is|has|as|its|this|his|yes|us|thus|perhaps|always)\b)(?:[a-z]+s|people|men|women|children)\b/;

/** '1939-45', '2020/21': before fractions. */
export const YEAR_RANGE_RULES: readonly Rule[] = [
  rule(`(${YEAR})[-–/](\\d{2})(?![\\d.,]\\d|\\d)`, ([, digits = '', end = '']) =>
    Number(end) > Number(digits.slice(2)) ? `${year(digits)} to ${cardinal(String(Number(end)))}` : undefined,
  ),
];

export const YEAR_RULES: readonly Rule[] = [
  rule(`(?:1\\d|20)\\d{2}${WHOLE}(?![A-Za-z°/])`, (match) => {
    const [digits] = match;
    // 1066 is a year only where the text says so: 'ten sixty-six' is no quantity, as 'fifteen hundred' is
    const isSurely = TIME_WORD.test(textBefore(match));
    if (!isSurely && (digits.startsWith('10') || COUNTABLE.test(textAfter(match)))) return undefined;
    return year(digits);
  }),
];
