/**
 * Text to the tokens that F5-TTS was trained on, as upstream's `convert_char_to_pinyin` composes them
 * (f5_tts/model/utils.py): Chinese characters as pinyin with the tone as a digit, each after a space; anything else by
 * character, with a space before a Latin word that directly follows something else. The rules and their reasons:
 * docs/pinyin.md.
 */
import { pinyinTable } from './pinyin-table.ts';
import { applyToneSandhi } from './tone-sandhi.ts';
import { cutWords } from './word-segments.ts';

/** One token and what it stands for: the character, or a space that upstream's rule puts in. */
export interface TextToken {
  readonly token: string;
  /** the character of the text; absent for a space put in */
  readonly character?: string;
}

/** Upstream's own range for "Chinese": it has bopomofo at its lower end and no characters of the supplementary planes. */
const CHINESE = /[\u3100-\u9fff]/;
/** Characters of three bytes each in UTF-8: a word of them is read as a whole, in any other each character is read alone. */
const WIDE = /^[\u0800-\ud7ff\ue000-\uffff]+$/;
/** Characters of one byte in UTF-8. */
const ONE_BYTE_EACH = /^[\u0000-\u007f]+$/;
/** What pypinyin reads (`RE_HANS` in its constants.py), of the basic plane; the rest stands for itself. */
const READABLE = /[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+/g;
/** After these no space is put in before a Latin word. */
const NO_SPACE_AFTER = new Set([' ', ':', "'", '"']);

/** @param text after upstream's replacements of punctuation */
export function pinyinTokens(text: string): TextToken[] {
  const tokens: TextToken[] = [];
  const space = () => tokens.push({ token: ' ' });
  for (const word of cutWords(text)) {
    const characters = [...word];
    if (ONE_BYTE_EACH.test(word)) {
      const before = tokens.at(-1);
      if (before && characters.length > 1 && !NO_SPACE_AFTER.has(before.token)) space();
      for (const character of characters) tokens.push({ token: character, character });
      continue;
    }
    const readings = WIDE.test(word) ? wordReadings(word) : characters.map(loneReading);
    for (const [index, character] of characters.entries()) {
      if (CHINESE.test(character)) space();
      tokens.push({ token: readings[index]!, character });
    }
  }
  return tokens;
}

/** How a character is read alone, with its full tone; what upstream does not take for Chinese stands for itself. */
export function loneReading(character: string): string {
  return CHINESE.test(character) ? pinyinTable().ofCharacter(character) : character;
}

/**
 * pypinyin cuts a word again, into the longest phrases of its own list from the left, and what is between them into
 * characters. Only inside such a phrase does it know better readings, and apply tone sandhi.
 */
function wordReadings(word: string): string[] {
  const readings = [...word];
  for (const { 0: run, index: start } of word.matchAll(READABLE)) {
    const table = pinyinTable();
    for (let at = 0; at < run.length; ) {
      const phrase = table.longestAt(run, at);
      const spoken = applyToneSandhi([...phrase], table.ofPhrase(phrase));
      readings.splice(start + at, phrase.length, ...spoken);
      at += phrase.length;
    }
  }
  return readings;
}
