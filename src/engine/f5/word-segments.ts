/**
 * Words of a text as jieba cuts them. Upstream lets jieba cut every text, English as well, and its token rule depends on
 * where the cuts are; the dictionary (some 5 MB) is loaded only when a text has Chinese characters to look up in it.
 */
import { createRequire } from 'node:module';
import type * as Jieba from 'jieba-wasm';

const HAN = /\p{Script=Han}/u;

/** A run that jieba takes for one word or compound (`re_han_default` in jieba/__init__.py); anything else is cut to characters. */
const COMPOUND = /[a-zA-Z0-9+#&._%-]+/gu;
/** Words inside a compound without Chinese characters (`re_skip` in jieba/finalseg/__init__.py); what is left between them stays whole. */
const LATIN_WORD = /[a-zA-Z0-9]+(?:\.\d+)?%?/g;

let jieba: typeof Jieba | undefined;

/** Cuts without loss: the segments joined are the text. */
export function cutWords(text: string): string[] {
  if (!HAN.test(text)) return cutWithoutDictionary(text);
  jieba ??= createRequire(import.meta.url)('jieba-wasm') as typeof Jieba;
  return jieba.cut(text, true);
}

/** What jieba gives for a text without Chinese characters. */
export function cutWithoutDictionary(text: string): string[] {
  return split(text, COMPOUND).flatMap(({ part, matched }) =>
    matched ? split(part, LATIN_WORD).map((word) => word.part) : [...part],
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
