/** Numbers that name rather than count in Chinese: telephones, rooms, buses, trains, addresses of machines. */
import { IP_ADDRESS } from '../addresses.ts';
import { rule, type Rule, textAfter, textBefore } from '../rule.ts';
import { codeDigits, digitByDigit } from './numbers.ts';

function codeGroups(written: string): string {
  return Array.from(written.matchAll(/\d+/g), ([digits]) => codeDigits(digits)).join('，');
}

const DIALLED_BEFORE = /(?:拨打|致电|电话|热线|客服|火警|报警|急救|号码)[：:是为]? ?$/;
const DIALLED_AFTER = /^(?:热线|客服|急救|报警)/;

/** Tried at a digit. */
export const CODE_RULES: readonly Rule[] = [
  rule(IP_ADDRESS, ([address]) => address.split('.').map(digitByDigit).join('点')),
  // mobile, land-line and service numbers
  rule('1[3-9]\\d(?:\\d{8}|([ -])\\d{4}\\1\\d{4})(?!\\d)', ([number]) => codeGroups(number)),
  rule('(?:0\\d{2,3}|[48]00)-(?:\\d{3,4}-\\d{3,4}|\\d{7,8})(?!\\d)', ([number]) => codeGroups(number)),
  rule('\\d{3,8}(?![\\d.,:%/-])', (match) =>
    DIALLED_BEFORE.test(textBefore(match)) || DIALLED_AFTER.test(textAfter(match)) ? codeDigits(match[0]) : undefined,
  ),
  rule('\\d{3,4}(?=号?(?:室|房(?!源|屋|产|价)))|\\d{3}(?=路(?:公交|车|站|[^\\p{L}]|$))', ([digits]) =>
    codeDigits(digits),
  ),
  rule('(?:720|1080|1440|2160)(?=[pPi](?![A-Za-z]))', ([digits]) => digitByDigit(digits)),
];

/** Tried at a letter: 'G1234次', 'CA1831航班'. */
export const LETTERED_CODE_RULES: readonly Rule[] = [
  rule('([A-Z])(\\d{1,4})(?=次)', ([, letter = '', digits = '']) => letter + codeDigits(digits)),
  rule('([A-Z][A-Z0-9])(\\d{3,4})(?=次?航班)', ([, airline = '', digits = '']) => airline + codeDigits(digits)),
];

/** Tried at a plus sign. */
export const TELEPHONE_RULES: readonly Rule[] = [
  rule('\\+(?:\\d{1,3}(?:[ -]\\d{2,11}){1,4}|\\d{8,15})(?!\\d)', ([number]) => `加${codeGroups(number)}`),
];
