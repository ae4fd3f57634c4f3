/**
 * Words in capitals: acronyms, shouting and headings. F5-TTS says capitals letter by letter (its inference README), so
 * whatever is a word must not stay in capitals, and what is spelled is written with spaces.
 */
import { rule, type Rule, textAfter, textBefore } from '../rule.ts';
import { cardinal, ordinal } from './numbers.ts';

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '));

/** Spelled although they have vowels; those without are spelled anyway, all others are said as words (NASA, UNESCO). */
const SPELLED = words(
  'ABC AC ACLU AD AFP AI AM AMD AOL AP API ATM AWS BBQ BCE CE CEO CFO CIA CIO CPU CTO DIY DNA DUI EDT EPA ER EST ETA EU EV FAA ' +
    'FAQ FBI FDA GDP GPA GPU HIV IBM ICU IDE IEEE IMF IOU IP IPO IQ IRA IRS ISBN ISO ISP ISS IVF LAPD LED MBA MIT MRI NBA ' +
    'NGO NIH NYU OS RAF RIP RNA RSVP SUV TBA UAE UCLA UFC UFO UI UK UN UPI UPS URL USA USB USSR UV UX VIP',
);
/** The same, but not in a run of capitals: there they are the common words ('JOIN US'). */
const SPELLED_ALONE = words('US ID');
/** Longest run of consonants that is taken for an acronym. */
const LONGEST_ACRONYM = 5;

const VOWEL = /[AEIOUY]/;

function spell(letters: string): string {
  return Array.from(letters).join(' ');
}

function isSpelled(word: string): boolean {
  return SPELLED.has(word) || (word.length <= LONGEST_ACRONYM && !VOWEL.test(word));
}

/** Is one of the neighbours a word in capitals that is not an acronym? Then this is a heading, or somebody shouts. */
function isInRun(match: RegExpExecArray): boolean {
  const left = /(?:^|[^A-Za-z])([A-Z]{2,})[ ,'"-]+(?:[AI] )?$/.exec(textBefore(match))?.[1];
  const right = /^[ ,'"-]+(?:[AI] )?([A-Z]{2,})(?![A-Za-z])/.exec(textAfter(match))?.[1];
  return [left, right].some((word) => word !== undefined && !isSpelled(word));
}

function inCapitals(match: RegExpExecArray): string {
  const [word, letters = '', suffix = ''] = match;
  if (word === 'OK') return 'okay';
  if (isSpelled(letters) || (SPELLED_ALONE.has(letters) && !isInRun(match))) {
    return spell(letters) + suffix.toLowerCase();
  }
  // the first letter stays: it may begin a sentence
  return word.charAt(0) + word.slice(1).toLowerCase();
}

const ROMAN = '(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})';
const ROMAN_VALUES: Readonly<Record<string, number>> = { I: 1, V: 5, X: 10, L: 50, C: 100 };

/** 'XIV' -> 14. The letters must be Roman. */
function romanValue(roman: string): number {
  let sum = 0;
  Array.from(roman).forEach((letter, index) => {
    const value = ROMAN_VALUES[letter] ?? 0;
    sum += value < (ROMAN_VALUES[roman.charAt(index + 1)] ?? 0) ? -value : value;
  });
  return sum;
}

const NUMBERED =
  /\b(?:chapter|part|volume|vol\.|book|act|scene|section|appendix|article|canto|figure|fig\.|grade|group|level|phase|stage|table|title|type|class|version|episode|lesson|unit|no\.|world war|super bowl) $/i;
const REIGNING =
  /\b(?:Louis|Henry|George|Elizabeth|Charles|Edward|Richard|William|James|John|Paul|Pius|Benedict|Philip|Francis|Frederick|Catherine|Napoleon|Alexander|Nicholas|Leo|Gregory|Clement|Innocent|Ivan|Peter|Mary|Henri|Ferdinand|Friedrich|Gustav|Haakon|Leopold|Otto|Ramses|Urban|Wilhelm|Pope [A-Z][a-z]+|King [A-Z][a-z]+|Queen [A-Z][a-z]+|Emperor [A-Z][a-z]+) $/;

/** 'Charles I was', 'Part I.' but 'Mary I think', 'the part I like' */
const I_IS_NUMBER = /^(?:[.,;:!?)'"]|\s*$| (?:of|was|were|and|had|in|is|ruled|became|reigned|died)\b)/;

function romanNumeral(match: RegExpExecArray): string | undefined {
  const [roman] = match;
  if (roman === 'C' || roman === 'L') return undefined; // 'Section C' is a letter
  const before = textBefore(match);
  const isNumbered = NUMBERED.test(before);
  if (!isNumbered && !REIGNING.test(before)) return undefined;
  const isHeading = isNumbered && /[A-Z]\S* $/.test(before);
  if (roman === 'I' && !isHeading && !I_IS_NUMBER.test(textAfter(match))) return undefined;
  const digits = String(romanValue(roman));
  return isNumbered ? cardinal(digits) : `the ${ordinal(digits)}`;
}

/** Tried at a letter. */
export const CAPITAL_RULES: readonly Rule[] = [
  rule(`${ROMAN}(?![A-Za-z0-9])`, romanNumeral),
  rule('[A-Z]{2,5}(?=s(?![A-Za-z]))', ([word]) => (isSpelled(word) ? `${spell(word)}'` : undefined)),
  rule(
    '([A-Z]{1,4})&([A-Z]{1,4})(?![A-Za-z])',
    ([, first = '', second = '']) => `${spell(first)} and ${spell(second)}`,
  ),
  rule("(?=[A-Z]'?[A-Z])([A-Z]+)('[A-Z]{1,2})?(?![A-Za-z])", inCapitals),
];
