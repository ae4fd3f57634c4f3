/** Roman numerals. */

/** A part of a pattern: any numeral below 400, in capitals. It can match nothing: put a lookahead before it. */
export const ROMAN = 'C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})';

const VALUES: Readonly<Record<string, number>> = { I: 1, V: 5, X: 10, L: 50, C: 100, D: 500, M: 1000 };

/** 'XIV' -> 14. The letters must be Roman, in capitals. */
export function romanValue(roman: string): number {
  let sum = 0;
  Array.from(roman).forEach((letter, index) => {
    const value = VALUES[letter] ?? 0;
    sum += value < (VALUES[roman.charAt(index + 1)] ?? 0) ? -value : value;
  });
  return sum;
}
