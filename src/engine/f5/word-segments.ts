/**
 * Words of a text as jieba 0.42 cuts them. Upstream lets jieba cut every text, English as well, and its token rule depends
 * on where the cuts are; the dictionary (some 5 MB) is loaded only when a text has Chinese characters to look up in it.
 */
import { createRequire } from 'node:module';
import type * as Jieba from 'jieba-wasm';

/** The Chinese characters that jieba looks up. It cuts rarer ones out singly, which jieba-wasm does not. */
const LOOKED_UP = /[\u4e00-\u9fd5]/;
const RARE = /[\u3400-\u4dbf\u9fd6-\u9fff\uf900-\ufaff]|[\u{20000}-\u{3ffff}]/gu;

/** A run that jieba takes for one word or compound (`re_han_default` in jieba/__init__.py); anything else is cut to characters. */
const COMPOUND = /[a-zA-Z0-9+#&._%-]+/gu;
const ALL_COMPOUND = /^[a-zA-Z0-9+#&._%-]+$/;
/** The words of jieba's dictionary without a Chinese character. */
const DICTIONARY_WORD = /AT&T|[cC](?:\+\+|#)/g;
/** Words inside a compound without Chinese characters (`re_skip` in jieba/finalseg/__init__.py); what is left between them stays whole. */
const LATIN_WORD = /[a-zA-Z0-9]+(?:\.\d+)?%?/g;

let jieba: typeof Jieba | undefined;

/** Cuts without loss: the segments joined are the text. */
export function cutWords(text: string): string[] {
  return split(text, RARE).flatMap(({ part, matched }) => {
    if (matched) return [part];
    if (!LOOKED_UP.test(part)) return cutWithoutDictionary(part);
    jieba ??= createRequire(import.meta.url)('jieba-wasm') as typeof Jieba;
    return recutCompounds(jieba.cut(part, true));
  });
}

/** What jieba gives for a text without Chinese characters. */
export function cutWithoutDictionary(text: string): string[] {
  return split(text, COMPOUND).flatMap(({ part, matched }) => (matched ? cutCompound(part) : [...part]));
}

/**
 * jieba-wasm cuts Chinese as jieba does, but its pattern for Latin words has a dot that matches any character: "UTF-8" is
 * one word to it and three to jieba. So what lies between Chinese words is cut again.
 */
function recutCompounds(words: readonly string[]): string[] {
  const result: string[] = [];
  let compound = '';
  const flush = () => {
    if (compound !== '') result.push(...cutCompound(compound));
    compound = '';
  };
  for (const word of words) {
    if (ALL_COMPOUND.test(word)) {
      compound += word;
    } else {
      flush();
      result.push(word);
    }
  }
  flush();
  return result;
}

function cutCompound(compound: string): string[] {
  return split(compound, DICTIONARY_WORD).flatMap(({ part, matched }) =>
    matched ? [part] : split(part, LATIN_WORD).map((word) => word.part),
  );
}

function split(text: string, pattern: RegExp): { part: string; matched: boolean }[] {
  const parts: { part: string; matched: boolean }[] = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    if (index > end) parts.push({ part: text.slice(end, index), matched: false });
    parts.push({ part: match, matched: true });
    end = index + match.length;
  }
  if (end < text.length) parts.push({ part: text.slice(end), matched: false });
  return parts;
}
