/**
 * English numbers in words, the American way: no 'and' inside ('one hundred five'), hyphens in compound tens, which is
 * how the transcripts read that public English speech models are trained on. All inputs are ASCII digits.
 */

const ONES = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
  'thirteen',
  'fourteen',
  'fifteen',
  'sixteen',
  'seventeen',
  'eighteen',
  'nineteen',
] as const;
const TENS = ['', '', 'twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'] as const;
const SCALES = ['', ' thousand', ' million', ' billion', ' trillion', ' quadrillion'] as const;
const IRREGULAR_ORDINALS: Readonly<Record<string, string>> = {
  one: 'first',
  two: 'second',
  three: 'third',
  five: 'fifth',
  eight: 'eighth',
  nine: 'ninth',
  twelve: 'twelfth',
};

/** Longer numbers are codes rather than quantities: nobody follows 'quintillion', and everybody can note down digits. */
const LONGEST_CARDINAL = SCALES.length * 3;

function belowHundred(value: number): string {
  if (value < 20) return ONES[value] ?? '';
  const tens = TENS[Math.floor(value / 10)] ?? '';
  return value % 10 === 0 ? tens : `${tens}-${ONES[value % 10] ?? ''}`;
}

function belowThousand(value: number): string {
  if (value < 100) return belowHundred(value);
  const hundreds = `${ONES[Math.floor(value / 100)] ?? ''} hundred`;
  return value % 100 === 0 ? hundreds : `${hundreds} ${belowHundred(value % 100)}`;
}

/** '407' -> 'four zero seven' */
export function digitByDigit(digits: string): string {
  return Array.from(digits, (digit) => ONES[Number(digit)] ?? '').join(' ');
}

/** '1234' -> 'one thousand two hundred thirty-four'. Digit by digit with a leading zero or above 18 digits. */
export function cardinal(digits: string): string {
  if (digits.length > LONGEST_CARDINAL || (digits.length > 1 && digits.startsWith('0'))) return digitByDigit(digits);
  const words: string[] = [];
  for (let end = digits.length, scale = 0; end > 0; end -= 3, scale += 1) {
    const group = Number(digits.slice(Math.max(0, end - 3), end));
    if (group > 0) words.unshift(belowThousand(group) + (SCALES[scale] ?? ''));
  }
  return words.join(' ') || 'zero';
}

/** '21' -> 'twenty-first' */
export function ordinal(digits: string): string {
  return inLastWord(cardinal(digits), (word) => {
    const irregular = IRREGULAR_ORDINALS[word];
    if (irregular !== undefined) return irregular;
    return word.endsWith('y') ? `${word.slice(0, -1)}ieth` : `${word}th`;
  });
}

/** 'twenty-six' -> 'twenty-sixes', 'ninety' -> 'nineties' */
export function plural(words: string): string {
  return inLastWord(words, (word) => {
    if (word.endsWith('y')) return `${word.slice(0, -1)}ies`;
    return word.endsWith('x') ? `${word}es` : `${word}s`;
  });
}

function inLastWord(words: string, change: (word: string) => string): string {
  const start = Math.max(words.lastIndexOf(' '), words.lastIndexOf('-')) + 1;
  return words.slice(0, start) + change(words.slice(start));
}

/** '1,234.50' -> 'one thousand two hundred thirty-four point five zero'; '.5' -> 'point five' */
export function decimal(written: string): string {
  const [whole = '', fraction = ''] = written.replaceAll(',', '').split('.');
  if (fraction === '') return cardinal(whole);
  return `${whole === '' ? '' : `${cardinal(whole)} `}point ${digitByDigit(fraction)}`;
}

/** Four digits as a year: '1999' -> 'nineteen ninety-nine', '1905' -> 'nineteen oh five', '2009' -> 'two thousand nine'. */
export function year(digits: string): string {
  const century = digits.slice(0, 2);
  const rest = digits.slice(2);
  if (digits.startsWith('0') || (century.endsWith('0') && rest.startsWith('0'))) return cardinal(digits);
  if (rest === '00') return `${cardinal(century)} hundred`;
  return `${cardinal(century)} ${rest.startsWith('0') ? 'oh ' : ''}${cardinal(String(Number(rest)))}`;
}
