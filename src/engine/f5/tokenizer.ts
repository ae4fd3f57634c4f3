import { NarratorError } from '../../core/errors.ts';
import { loneReading, pinyinTokens, type TextToken } from './pinyin.ts';
import { readOverrides, type ReadingOverride } from '../../core/reading-override.ts';

export type TokenizerKind = 'characters' | 'pinyin';

export interface TokenizedText {
  /** index of each token in the vocabulary, without the +1 for the filler; 0 (the space) for a token that it lacks */
  readonly ids: number[];
  /** the characters whose token the vocabulary lacks, each once, in order of appearance */
  readonly unknown: string[];
}

export interface Tokenizer {
  /** Never throws, whatever the text. */
  tokenize(text: string): TokenizedText;
}

/** Upstream's replacements before anything else (`convert_char_to_pinyin` in f5_tts/model/utils.py). */
const REPLACEMENTS: Readonly<Record<string, string>> = { ';': ',', '“': '"', '”': '"', '‘': "'", '’': "'" };

export function createTokenizer(vocabulary: readonly string[], kind: TokenizerKind): Tokenizer {
  const idOf = new Map(vocabulary.map((token, id) => [token, id]));
  return {
    tokenize(text) {
      const ids: number[] = [];
      const unknown = new Set<string>();
      for (const { token, character } of tokenizeText(text, kind)) {
        const id = idOf.get(token) ?? (kind === 'pinyin' ? idOf.get(withFullTone(token, character)) : undefined);
        if (id === undefined && character !== undefined) unknown.add(character);
        // As upstream (`list_str_to_idx`): what is unknown is spoken as a space. Here it is also reported.
        ids.push(id ?? 0);
      }
      return { ids, unknown: [...unknown] };
    },
  };
}

/** The tokens of a text, before a vocabulary is asked for them. Readings given in the text (`{行|hang2}`) are followed. */
export function tokenizeText(text: string, kind: TokenizerKind): TextToken[] {
  const plain = readOverrides(text);
  const replaced = replacePunctuation(plain.text);
  if (kind === 'characters') return Array.from(replaced, (character) => ({ token: character, character }));
  const tokens = pinyinTokens(replaced);
  return plain.overrides.length === 0 ? tokens : withOverrides(tokens, plain.overrides);
}

/** A word with a reading of its own is replaced by its syllables, and with it the spaces that were put in before its characters. */
function withOverrides(tokens: readonly TextToken[], overrides: readonly ReadingOverride[]): TextToken[] {
  const result: TextToken[] = [];
  let next = 0;
  let offset = 0;
  for (const token of tokens) {
    const override = overrides[next];
    if (override === undefined || offset < override.start) result.push(token);
    offset += token.character?.length ?? 0;
    if (override === undefined || offset < override.end) continue;
    result.push(
      ...override.syllables.flatMap((syllable) => [{ token: ' ' }, { token: syllable, character: override.word }]),
    );
    next++;
  }
  return result;
}

/**
 * A vocabulary file: one token a line; the space comes first, because 0 also stands for what is unknown.
 * @throws NarratorError model_invalid
 */
export function parseVocabulary(text: string): string[] {
  const tokens = text.split('\n');
  if (tokens.at(-1) === '') tokens.pop();
  if (tokens[0] !== ' ') throw new NarratorError('model_invalid', 'the first token of the vocabulary is not the space');
  return tokens;
}

function replacePunctuation(text: string): string {
  return text.replace(/[;“”‘’]/g, (character) => REPLACEMENTS[character] ?? character);
}

/**
 * The vocabulary of the published models has no neutral "ge" (个), "si" (意思) and others, which today's pypinyin gives:
 * upstream speaks a space there. With its full tone the syllable is in the vocabulary, as the training data wrote it.
 */
function withFullTone(token: string, character: string | undefined): string {
  const full = character === undefined ? token : loneReading(character);
  return full.replace(/[1-4]$/, '') === token ? full : token;
}
