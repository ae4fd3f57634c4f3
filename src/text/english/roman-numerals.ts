/** Roman numerals, where the text leaves no doubt that the letters are one: chapters, pages, kings, years, marks of lists. */
import { ROMAN, romanValue } from '../roman.ts';
import { rule, type Rule, textAfter, textBefore } from '../rule.ts';
import { cardinal, ordinal, year } from './numbers.ts';

/** above a thousand, and long enough to be no word ('MIX', 'MILD') */
const ROMAN_YEAR = '(?=[MDCLXVI]{5})M{1,2}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})';
const NUMBERED =
  /\b(?:chapter|part|volume|vol\.|book|act|scene|section|appendix|article|canto|figure|fig\.|grade|group|level|phase|stage|table|title|type|class|version|episode|lesson|unit|no\.|world war|super bowl|apollo|gemini|psalm|sonnet|symphony|mark|annex|schedule|exhibit|amendment|division|zone|category|tier|round|season) $/i;
/** 'the XXI century' */
const ORDINAL_AFTER = /^[- ](?:century|centuries|dynasty|legion|corps|olympiad)\b/i;
const REIGNING =
  /\b(?:Louis|Henry|George|Elizabeth|Charles|Edward|Richard|William|James|John|Paul|Pius|Benedict|Philip|Francis|Frederick|Catherine|Napoleon|Alexander|Nicholas|Leo|Gregory|Clement|Innocent|Ivan|Peter|Mary|Henri|Ferdinand|Friedrich|Gustav|Haakon|Leopold|Otto|Ramses|Urban|Wilhelm|Pope [A-Z][a-z]+|King [A-Z][a-z]+|Queen [A-Z][a-z]+|Emperor [A-Z][a-z]+) $/;

/** 'Charles I was', 'Part I.' but 'Mary I think', 'the part I like' */
const I_IS_NUMBER = /^(?:[.,;:!?)'"]|\s*$| (?:of|was|were|and|had|in|is|ruled|became|reigned|died)\b)/;

function capitalNumeral(match: RegExpExecArray): string | undefined {
  const [roman] = match;
  if (roman === 'C' || roman === 'L') return undefined; // 'Section C' is a letter
  if (ORDINAL_AFTER.test(textAfter(match))) return ordinal(String(romanValue(roman)));
  const before = textBefore(match);
  const isNumbered = NUMBERED.test(before) || PAGE.test(before);
  if (!isNumbered && !REIGNING.test(before)) return undefined;
  const isHeading = isNumbered && /[A-Z]\S* $/.test(before);
  if (roman === 'I' && !isHeading && !I_IS_NUMBER.test(textAfter(match))) return undefined;
  const digits = String(romanValue(roman));
  return isNumbered ? cardinal(digits) : `the ${ordinal(digits)}`;
}

/** what is numbered in small numerals, as front matter is */
const PAGE =
  /\b(?:pages?|pp?\.|ch(?:ap)?\.|sec\.|para\.|vols\.|figs\.|folios?|plates?|verses?|lines?|notes?|items?|clauses?|paragraphs?|stanzas?) $/i;
/** the second of a pair: 'pages ix–xii', 'pp. iv and vi' */
const FIRST_OF_PAIR = /(?:^|[^A-Za-z])([ivxlc]{1,9})(?: ?[-–—] ?| and | to |, )$/;

/** 'page xii', 'chapter iv', 'act ii, scene i'. Letters that are words or signs of their own ('c', 'l', 'x') are none. */
function smallNumeral(match: RegExpExecArray): string | undefined {
  const [roman] = match;
  const before = textBefore(match);
  const { 0: pair = '', 1: first = '' } = FIRST_OF_PAIR.exec(before) ?? [];
  const place = first === '' ? before : `${before.slice(0, before.length - pair.length)} `.replace(/ {2}$/, ' ');
  if (!NUMBERED.test(place) && !PAGE.test(place)) return undefined;
  const after = textAfter(match);
  if (roman === 'c' || roman === 'l' || (roman === 'x' && /^ of [a-z](?![a-z])/.test(after))) return undefined;
  if (roman === 'i' && !I_IS_NUMBER.test(after) && !/^ ?[-–—]/.test(after)) return undefined;
  return cardinal(String(romanValue(roman.toUpperCase())));
}

/** Longest paragraph that may be a heading, in characters. */
const LONGEST_HEADING = 60;

/** 'XIV' alone, 'IV. The Harbour', 'I. Introduction'; not 'I. Newton wrote it.' and not a lone 'I', 'V' or 'XL'. */
function headingNumber({ 0: roman, index, input }: RegExpExecArray): string | undefined {
  if (index > 0) return undefined;
  const rest = input.slice(roman.length);
  const isAlone = rest.trim() === '';
  const isTitled = /^[.:)] ?["']?[A-Z]/.test(rest);
  const isHeading = input.length <= LONGEST_HEADING && !/[.!?]["']?\s*$/.test(rest);
  if (!(isAlone ? roman.length > 1 : isTitled && (roman.length > 1 || isHeading))) return undefined;
  return cardinal(String(romanValue(roman)));
}

/** How far the neighbours of '(i)' and '(v)' are looked for. */
const LIST_CONTEXT = 300;

/** 'ii. Second' and 'ii) second' where a paragraph begins, '(ii) to leave' anywhere. */
function listMark(match: RegExpExecArray): string | undefined {
  const { 0: roman, index, input } = match;
  const number = cardinal(String(romanValue(roman.toUpperCase())));
  if (index === 0) return /^[.)] ["'(]?[A-Za-z]/.test(textAfter(match)) ? number : undefined;
  if (!/(?:^|[\s;,:])\($/.test(textBefore(match)) || !/^\)(?=\s)/.test(textAfter(match))) return undefined;
  if (roman.length > 1) return number;
  // '(i)' may be the ninth letter, and '(x)' anything: the neighbour in the list decides
  const neighbours = input.slice(Math.max(0, index - LIST_CONTEXT), index + LIST_CONTEXT);
  return neighbours.includes(`(${{ i: 'ii', v: 'iv', x: 'ix' }[roman] ?? '?'})`) ? number : undefined;
}

/** Tried at a letter, before initials and abbreviations. */
export const LIST_MARK_RULES: readonly Rule[] = [
  rule('(?=[IVX])X{0,3}(?:IX|IV|V?I{0,3})(?![A-Za-z0-9])', headingNumber),
  rule('(?=[ivx])x{0,3}(?:ix|iv|v?i{0,3})(?![A-Za-z0-9])', listMark),
];

/** Between two small numerals of pages a dash is 'to'. */
export const NUMERAL_RANGE_RULE: Rule = rule(
  '(?<=(?:pp?\\.|[Pp]ages?) [ivxl]{1,8}) ?[-–—] ?(?=[ivxl]{1,8}(?![a-z]))',
  ' to ',
);

/** Tried at a letter, before words in capitals. */
export const ROMAN_RULES: readonly Rule[] = [
  rule(`${ROMAN_YEAR}(?![A-Za-z0-9])`, ([roman]) => year(String(romanValue(roman)))),
  rule(`(?=[IVXLC])${ROMAN}(?![A-Za-z0-9])`, capitalNumeral),
  rule(`(?=[ivxlc])${ROMAN.toLowerCase()}(?![A-Za-z0-9'])`, smallNumeral),
];
