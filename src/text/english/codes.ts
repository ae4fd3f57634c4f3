/** Numbers that name rather than count: telephones, cards, rooms, flights, roads. */
import { rule, type Rule, textBefore } from '../rule.ts';
import { cardinal, digitByDigit, year } from './numbers.ts';

/** '555-0134' -> 'five five five, zero one three four' */
function digitGroups(written: string): string {
  return Array.from(written.matchAll(/\d+/g), ([digits]) => digitByDigit(digits)).join(', ');
}

const DIALLED = /\b(?:call|dial|phone|ring)(?:ed|s|ing)? $/i;
const NUMBERED_PLACE =
  /\b(?:room|suite|flight|route|highway|interstate|gate|channel|bus|boeing|airbus|apartment|area code|rfc)(?: no\.| number)? $/i;

/** '101' -> 'one oh one', '747' -> 'seven forty-seven', '1408' -> 'fourteen oh eight' */
function inPairs(digits: string): string | undefined {
  if (digits.length === 4) return year(digits);
  const rest = digits.slice(1);
  if (digits.startsWith('0') || rest === '00') return undefined;
  return `${cardinal(digits.charAt(0))} ${rest.startsWith('0') ? 'oh ' : ''}${cardinal(String(Number(rest)))}`;
}

/** Tried at a digit: in the shapes that people write, or after a word that says so. */
export const CODE_RULES: readonly Rule[] = [
  rule('(?:1-)?\\d{3}[-.]\\d{3}[-.]\\d{4}(?!\\d)', ([groups]) => digitGroups(groups)),
  rule('\\d{3}-\\d{4}(?!\\d)', ([groups]) => digitGroups(groups)),
  // with a trunk zero: '020 7946 0958', '01632 960983'
  rule('0\\d{1,4}[ -](?:\\d{3,4}[ -]\\d{3,4}|\\d{5,8})(?!\\d)', ([groups]) => digitGroups(groups)),
  rule('\\d{3}-\\d{2}-\\d{4}(?!\\d)', ([groups]) => digitGroups(groups)),
  rule('\\d{4}([ -])\\d{4}\\1\\d{4}\\1\\d{4}(?!\\d)', ([groups]) => digitGroups(groups)),
  rule('(?:911|999|112|988)(?![\\d.,-]{0,9}\\d)', (match) =>
    DIALLED.test(textBefore(match)) ? digitByDigit(match[0]) : undefined,
  ),
  rule('\\d{3,4}(?![\\d.,:/-]{0,9}\\d|[A-Za-z%])', (match) =>
    NUMBERED_PLACE.test(textBefore(match)) ? inPairs(match[0]) : undefined,
  ),
];

/** Tried at a sign. */
export const TELEPHONE_RULES: readonly Rule[] = [
  rule('\\+(?:\\d{1,3}(?:[ .-]\\(?\\d{1,4}\\)?){2,5}|\\d{7,15})(?!\\d)', ([groups]) => `plus ${digitGroups(groups)}`),
  rule('\\(\\d{3}\\) ?\\d{3}[-. ]\\d{4}(?!\\d)', ([groups]) => digitGroups(groups)),
];
