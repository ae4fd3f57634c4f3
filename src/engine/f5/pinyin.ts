/**
 * Text to the tokens that F5-TTS was trained on, as upstream's `convert_char_to_pinyin` composes them
 * (f5_tts/model/utils.py): Chinese characters as pinyin with the tone as a digit, each after a space; anything else by
 * character, with a space before a Latin word that directly follows something else.
 */
import { createRequire } from 'node:module';
import type * as PinyinPro from 'pinyin-pro';
import { NarratorError } from '../../core/errors.ts';
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
const WIDE = /^[\u0800-\ud7ff\ue000-\uffff]+$/;
/** Characters of one byte in UTF-8. */
const ONE_BYTE_EACH = /^[\u0000-\u007f]+$/;
/** After these no space is put in before a Latin word. */
const NO_SPACE_AFTER = new Set([' ', ':', "'", '"']);

/** What pypinyin reads in a character that stands alone, where pinyin-pro prefers another reading. */
const LONE_READINGS: Readonly<Record<string, string>> = {
  了: 'le',
  只: 'zhi3',
  子: 'zi',
  应: 'ying1',
  干: 'gan4',
  尽: 'jin3',
};

/**
 * pypinyin applies tone sandhi within the phrases of its own list, and reads what is not in there by character. Most words
 * of two characters are in there, most longer compounds of jieba's are not.
 */
const SANDHI_CHARACTERS = 2;

let pinyinPro: typeof PinyinPro | undefined;

/** @param text after `replacePunctuation` */
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
    // A word of Chinese characters only is read as a whole; in a mixed one each character is read alone.
    const readings = WIDE.test(word)
      ? wordReadings(characters)
      : characters.map((character) => wordReadings([character])[0]);
    for (const [index, character] of characters.entries()) {
      if (CHINESE.test(character)) space();
      tokens.push({ token: readings[index] ?? character, character });
    }
  }
  return tokens;
}

/** Pinyin of each character of a word, tone digit last and none for the neutral tone; other characters as they are. */
function wordReadings(characters: readonly string[]): string[] {
  const lone = characters.length === 1 ? LONE_READINGS[characters[0]!] : undefined;
  if (lone !== undefined) return [lone];
  if (!characters.some((character) => CHINESE.test(character))) return [...characters];
  pinyinPro ??= createRequire(import.meta.url)('pinyin-pro') as typeof PinyinPro;
  const readings = pinyinPro.pinyin(characters.join(''), {
    type: 'array',
    toneType: 'num',
    toneSandhi: false,
    v: true,
    nonZh: 'spaced',
  });
  if (readings.length !== characters.length) {
    throw new NarratorError(
      'internal',
      `pinyin-pro read ${characters.length} characters as ${readings.length} syllables`,
    );
  }
  const asUpstream = readings.map((reading, index) => asPypinyin(reading, characters[index]!));
  return characters.length === SANDHI_CHARACTERS ? applyToneSandhi(characters, asUpstream) : asUpstream;
}

/** pinyin-pro marks the neutral tone with 0, pypinyin with nothing; and they differ over which words have it. */
function asPypinyin(reading: string, character: string): string {
  if (character === '子') return 'zi';
  if (character === '分' && reading === 'fen0') return 'fen4';
  return reading.replace(/0$/, '');
}

/** How a character is read alone, with its full tone. */
export function loneReading(character: string): string {
  return wordReadings([character])[0] ?? character;
}
