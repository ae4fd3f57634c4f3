/** Dates and times of day in Chinese. */
import { rule, type Rule, textBefore } from '../rule.ts';
import { cardinal, digitByDigit } from './numbers.ts';

function calendarDate(year: string, month: string, day: string): string | undefined {
  if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > 31) return undefined;
  return `${digitByDigit(year)}年${cardinal(String(Number(month)))}月${cardinal(String(Number(day)))}日`;
}

/** hours and minutes; '两点', '三点零五分' */
function clock([, hour = '', minute = '', second = '00']: RegExpExecArray): string | undefined {
  if (Number(hour) > 24) return undefined;
  const hours = Number(hour) === 2 ? '两' : cardinal(String(Number(hour)));
  const seconds = Number(second) > 0 ? `${twoDigits(second)}秒` : '';
  const minutes = Number(minute) > 0 || seconds !== '' ? `${twoDigits(minute)}分` : '';
  return `${hours}点${minutes}${seconds}`;
}

function twoDigits(digits: string): string {
  return digits.startsWith('0') ? digitByDigit(digits) : cardinal(digits);
}

const YEAR = '(?:1\\d|20)\\d{2}';

/** Tried at a digit. */
export const DATE_AND_TIME_RULES: readonly Rule[] = [
  rule(
    '(\\d{4})([-/.])(\\d{1,2})\\2(\\d{1,2})(?:[T ](?=\\d{1,2}[:：]\\d)|(?![\\d.]))',
    ([, year = '', , month = '', day = '']) => calendarDate(year, month, day),
  ),
  rule(
    '(\\d{4})[-–—~～至](\\d{4}|\\d{2})(?=年|赛季|财年|学年)',
    ([, from = '', to = '']) => `${digitByDigit(from)}到${digitByDigit(to)}`,
  ),
  rule(`(${YEAR})[-–—~～至](${YEAR})(?![\\d元个人米万亿])`, ([, from = '', to = '']) =>
    Number(to) > Number(from) ? `${digitByDigit(from)}到${digitByDigit(to)}` : undefined,
  ),
  rule('\\d{4}(?=年|赛季|财年|学年)', ([year]) => digitByDigit(year)),
  // '98年': a year, as nobody counts so many; not '80年来'
  rule('[6-9][1-9](?=年(?![来前后间内里以的多级]))', (match) =>
    /\d$/.test(textBefore(match)) ? undefined : digitByDigit(match[0]),
  ),
  rule('(?:[5-9][05]|[01][05])(?=后(?![来面续退期方]))', ([born]) => digitByDigit(born)),
  rule('0(\\d)(?=[月日号])', (match) => (/\d$/.test(textBefore(match)) ? undefined : cardinal(match[1] ?? ''))),
  rule('(\\d{1,2})[:：]([0-5]\\d)(?:[:：]([0-5]\\d))?(?![\\d:：])Z?', clock),
];

/** Tried at an apostrophe: "'98年". */
export const SHORT_YEAR_RULES: readonly Rule[] = [rule("['’](\\d\\d)(?=年)", ([, year = '']) => digitByDigit(year))];
