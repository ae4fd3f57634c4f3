/**
 * From what is written to what is said. One pass from left to right: at each place the language's rules are tried in order
 * and the first that speaks takes its characters; everything else stays. See rule.ts for the shape of a grammar.
 */
import type { ReadingOptions } from '../core/ports.ts';
import { readingPlaces } from '../core/reading-override.ts';
import { CHINESE, CHINESE_BASIC } from './chinese/grammar.ts';
import { emojiRule } from './emoji.ts';
import { ENGLISH, ENGLISH_BASIC, ENGLISH_DAY_FIRST } from './english/grammar.ts';
import { primaryTag, readsDayFirst } from './language-tag.ts';
import type { Words } from './lexicon.ts';
import { type Grammar, rule, type Rule, type RuleList, ruleList, WORD } from './rule.ts';
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

/** Most words have no rule, whereas every number and nearly every sign has one. */
interface ReadyGrammar extends Omit<Grammar, 'letters'> {
  readonly letters: RuleList;
}

/** One for each choice there is, made when it is first asked for. */
const ready = new Map<string, ReadyGrammar>();

function grammarOf(language: string, { normalise: level = 'full', emoji = 'drop' }: ReadingOptions): ReadyGrammar {
  const primary = primaryTag(language);
  const isDayFirst = level === 'full' && primary === 'en' && readsDayFirst(language);
  const known = level !== 'off' && GRAMMARS[level].has(primary) ? primary : 'other';
  const key = `${level} ${known} ${emoji} ${isDayFirst}`;
  let grammar = ready.get(key);
  if (grammar === undefined) {
    const chosen = level === 'off' ? OFF : isDayFirst ? ENGLISH_DAY_FIRST : (GRAMMARS[level].get(known) ?? PLAIN);
    const others = emoji === 'name' && level !== 'off' ? [emojiRule(known), ...chosen.others] : chosen.others;
    grammar = { ...chosen, others, letters: ruleList(chosen.letters) };
    ready.set(key, grammar);
  }
  return grammar;
}

const LETTER = /\p{L}/uy;
const DIGIT = /[0-9]/y;

/**
 * One paragraph as it is spoken: numbers, dates, money, units, abbreviations and symbols in words (English 'en', Chinese
 * 'zh'), white space single, emoji and control characters gone. Takes time linear in the length.
 *
 * @param language BCP-47 tag; its region decides the order of numeric dates ('en' is American). Languages other than en and zh
 * keep their numbers as they are
 */
export function normalise(paragraph: string, language: string, options: SpeakOptions = {}): string {
  return speak(paragraph, language, options).text.trim();
}

export interface SpeakOptions extends ReadingOptions {
  /** what it says of a word comes before every rule, and is not normalised */
  readonly lexicon?: Words | undefined;
  /** what markup says of words comes before every lexicon. Ascending, without overlap, none empty */
  readonly said?: readonly SaidWord[];
}

/** Characters for which this is said as it is. */
export interface SaidWord {
  /** offsets into the written text */
  readonly start: number;
  readonly end: number;
  readonly spoken: string;
}

/** The same, with the way back to the written characters. Not trimmed. */
export function speak(paragraph: string, language: string, options: SpeakOptions = {}): SpokenText {
  const grammar = grammarOf(language, options);
  const text = foldAround(paragraph, grammar.fold);
  const builder = new SpokenTextBuilder(text, grammar.gap);
  const words = withoutOverlap(options.said ?? [], options.lexicon?.matches(paragraph, primaryTag(language)) ?? []);
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
      isLetter ? rulesFor(grammar.letters, text, at) : endOf(DIGIT, text, at) > at ? grammar.digits : grammar.others,
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

/** Both in order; the second ones only where none of the first is. */
function withoutOverlap(first: readonly SaidWord[], second: readonly SaidWord[]): readonly SaidWord[] {
  if (first.length === 0) return second;
  const words: SaidWord[] = [];
  let next = 0;
  for (const word of first) {
    for (let other = second[next]; other !== undefined && other.start < word.end; other = second[++next]) {
      if (other.end <= word.start) words.push(other);
    }
    words.push(word);
  }
  return [...words, ...second.slice(next)];
}

function rulesFor({ rules, any, apart }: RuleList, text: string, at: number): readonly Rule[] {
  any.lastIndex = at;
  return any.test(text) ? rules : apart;
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

/** Readings keep their tone marks: `{好|hǎo}`. */
function foldAround(text: string, fold: Grammar['fold']): string {
  const folded = fold(text);
  let kept = '';
  let last = 0;
  for (const { start, end } of readingPlaces(text)) {
    kept += folded.slice(last, start) + text.slice(start, end);
    last = end;
  }
  return kept + folded.slice(last);
}
