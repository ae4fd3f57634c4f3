/**
 * From what is written to what is said. One pass from left to right: at each place the language's rules are tried in order
 * and the first that speaks takes its characters; everything else stays. See rule.ts for the shape of a grammar.
 */
import type { ReadingOptions } from '../core/ports.ts';
import { CHINESE, CHINESE_BASIC } from './chinese/grammar.ts';
import { emojiRule } from './emoji.ts';
import { ENGLISH, ENGLISH_BASIC } from './english/grammar.ts';
import type { Lexicon } from './lexicon.ts';
import { type Grammar, rule, type Rule, WORD } from './rule.ts';
import { type SpokenText, SpokenTextBuilder } from './spoken-text.ts';
import { COMMON_RULES } from './symbols.ts';

/** For languages without a grammar of their own: white space and what nobody says, nothing else. */
const PLAIN: Grammar = {
  fold: (text) => text,
  plain: /[\p{L}\p{M}]+ (?=[\p{L}])/uy,
  word: WORD,
  letters: [],
  digits: [],
  others: COMMON_RULES,
  gap: ' ',
};
const OFF: Grammar = { ...PLAIN, others: [rule('\\s+', ' ')] };

const GRAMMARS: Readonly<Record<'basic' | 'full', ReadonlyMap<string, Grammar>>> = {
  basic: new Map([
    ['en', ENGLISH_BASIC],
    ['zh', CHINESE_BASIC],
  ]),
  full: new Map([
    ['en', ENGLISH],
    ['zh', CHINESE],
  ]),
};

function grammarOf(language: string, { normalise: level = 'full', emoji }: ReadingOptions): Grammar {
  if (level === 'off') return OFF;
  const grammar = GRAMMARS[level].get(language) ?? PLAIN;
  return emoji === 'name' ? { ...grammar, others: [emojiRule(language), ...grammar.others] } : grammar;
}

const LETTER = /\p{L}/uy;
const DIGIT = /[0-9]/y;

/**
 * One paragraph as it is spoken: numbers, dates, money, units, abbreviations and symbols in words (English 'en', Chinese
 * 'zh'), white space single, emoji and control characters gone. Takes time linear in the length.
 *
 * @param language BCP-47 primary tag. Languages other than en and zh keep their numbers as they are
 */
export function normalise(paragraph: string, language: string, options: SpeakOptions = {}): string {
  return speak(paragraph, language, options).text.trim();
}

export interface SpeakOptions extends ReadingOptions {
  /** what it says of a word comes before every rule, and is not normalised */
  readonly lexicon?: Lexicon | undefined;
}

/** The same, with the way back to the written characters. Not trimmed. */
export function speak(paragraph: string, language: string, options: SpeakOptions = {}): SpokenText {
  const grammar = grammarOf(language, options);
  const text = grammar.fold(paragraph);
  const builder = new SpokenTextBuilder(text, grammar.gap);
  const words = options.lexicon?.matches(paragraph, language) ?? [];
  let nextWord = 0;
  let at = 0;
  while (at < text.length) {
    const word = words[nextWord];
    if (word?.start === at) {
      builder.keep(at);
      builder.say(word.spoken, word.end);
      at = word.end;
      nextWord += 1;
      continue;
    }
    const limit = word?.start ?? text.length;
    const plainEnd = Math.min(limit, endOf(grammar.plain, text, at));
    if (plainEnd > at) {
      at = plainEnd;
      continue;
    }
    const isLetter = endOf(LETTER, text, at) > at;
    const said = firstToSpeak(
      isLetter ? grammar.letters : endOf(DIGIT, text, at) > at ? grammar.digits : grammar.others,
      text,
      { at, limit },
    );
    if (said !== undefined) {
      builder.keep(at);
      builder.say(said.words, said.end);
      at = said.end;
    } else {
      const end = isLetter ? endOf(grammar.word, text, at) : at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
      at = Math.min(limit, end);
    }
  }
  builder.keep(text.length);
  return builder.finish();
}

/** The first rule that speaks and does not reach over `limit`, where a word of the lexicon stands. */
function firstToSpeak(
  rules: readonly Rule[],
  text: string,
  { at, limit }: { at: number; limit: number },
): { words: string; end: number } | undefined {
  for (const { at: pattern, say } of rules) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null || match[0] === '' || at + match[0].length > limit) continue;
    const words = say(match);
    if (words !== undefined) return { words, end: at + match[0].length };
  }
  return undefined;
}

function endOf(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at;
  return sticky.test(text) ? sticky.lastIndex : at;
}
