/** Texts with the tokens that the official converter gives them, against the tokens that this project gives them. */
import { readFileSync } from 'node:fs';
import { tokenizeText } from '../../src/engine/f5/tokenizer.ts';

export interface TokenCase {
  readonly text: string;
  readonly tokens: readonly string[];
}

export interface TokenParity {
  readonly texts: number;
  readonly equalTexts: number;
  readonly tokens: number;
  /** tokens that stand in the official order in ours as well */
  readonly equalTokens: number;
  readonly differences: readonly TokenDifference[];
}

export interface TokenDifference {
  /** of the file */
  readonly line: number;
  readonly text: string;
  /** the tokens from the first that differs to the last */
  readonly official: readonly string[];
  readonly ours: readonly string[];
}

/** In per cent. Both must be reached. */
export const TOKEN_BAR = { tokens: 99.9, texts: 98 };

/** JSONL of `{text, tokens}`. Throws with the number of the line that is not. */
export function readTokenCases(path: string): TokenCase[] {
  const cases = readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [readCase(line, `${path}, line ${index + 1}`)]));
  if (cases.length === 0) throw new Error(`${path} has no lines`);
  return cases;
}

function readCase(line: string, where: string): TokenCase {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new Error(`${where} is not JSON`, { cause });
  }
  const { text, tokens } = (value ?? {}) as Partial<Record<keyof TokenCase, unknown>>;
  if (typeof text !== 'string' || !Array.isArray(tokens) || !tokens.every((token) => typeof token === 'string')) {
    throw new Error(`${where} is not {"text": string, "tokens": string[]}`);
  }
  return { text, tokens };
}

export function measureTokens(cases: readonly TokenCase[]): TokenParity {
  let tokens = 0;
  let equalTokens = 0;
  const differences: TokenDifference[] = [];
  for (const [index, { text, tokens: official }] of cases.entries()) {
    const ours = tokenizeText(text, 'pinyin').map(({ token }) => token);
    tokens += official.length;
    const { common, first, last } = compare(official, ours);
    equalTokens += common;
    if (common === official.length && common === ours.length) continue;
    differences.push({
      line: index + 1,
      text,
      official: official.slice(first, official.length - last),
      ours: ours.slice(first, ours.length - last),
    });
  }
  return { texts: cases.length, equalTexts: cases.length - differences.length, tokens, equalTokens, differences };
}

export function meetsBar({ texts, equalTexts, tokens, equalTokens }: TokenParity): boolean {
  return percent(equalTokens, tokens) >= TOKEN_BAR.tokens && percent(equalTexts, texts) >= TOKEN_BAR.texts;
}

export function percent(part: number, whole: number): number {
  return whole === 0 ? 100 : (100 * part) / whole;
}

/** How many tokens the two share in order, and how many are equal before and after all differences. */
function compare(a: readonly string[], b: readonly string[]): { common: number; first: number; last: number } {
  let first = 0;
  while (first < a.length && a[first] === b[first]) first++;
  let last = 0;
  while (last < Math.min(a.length, b.length) - first && a.at(-1 - last) === b.at(-1 - last)) last++;
  const middle = longestCommon(a.slice(first, a.length - last), b.slice(first, b.length - last));
  return { common: first + middle + last, first, last };
}

/** Length of the longest common subsequence. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const token of a) {
    const next = [0];
    for (const [index, other] of b.entries()) {
      next.push(token === other ? row[index]! + 1 : Math.max(row[index + 1]!, next[index]!));
    }
    row = next;
  }
  return row.at(-1)!;
}
