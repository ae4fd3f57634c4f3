/**
 * Pronunciation lexicons of the W3C: https://www.w3.org/TR/pronunciation-lexicon/. Of a lexeme every grapheme is an entry, and what is
 * said for it is its alias, or its phonemes where they are pinyin for Chinese characters: models here speak letters and pinyin, and
 * no other alphabet. A lexeme that has neither is skipped and named; the word is then read by the usual rules.
 */
import { NarratorError } from '../core/errors.ts';
import { LEXICON_LIMITS } from '../core/lexicon.ts';
import { readOverrides } from '../core/reading-override.ts';
import type { PlacedRow, Refusal } from './parse-lexicon.ts';
import { localName, readXml, type XmlPlace } from './read-xml.ts';

/** Of the alphabets outside IPA vendors name their own; these are syllables with a digit for the tone. */
const PINYIN = ['pinyin', 'x-pinyin', 'x-amazon-pinyin'];
const LIMITS = { charactersMax: 20_000_000, depthMax: 20, elementsMax: 20 * LEXICON_LIMITS.entriesMax };
/** Skipped words that are named, with what they have. */
const TEXTS = ['grapheme', 'alias', 'phoneme'] as const;
type TextName = (typeof TEXTS)[number];

interface Pronunciation {
  readonly kind: TextName;
  text: string;
  readonly alphabet: string;
  readonly isPreferred: boolean;
  readonly line: number;
}

interface Lexeme {
  readonly parts: Pronunciation[];
  readonly language: string | undefined;
  readonly line: number;
}

/** @throws what `invalid` makes: not well-formed (with line and column), no lexicon, a lexeme without a word or pronunciation, nothing usable */
export function readPls(source: string, invalid: Refusal): { rows: PlacedRow[]; skipped: string[] } {
  const lexemes = lexemesOf(source, invalid);
  const rows: PlacedRow[] = [];
  const skipped: string[] = [];
  /** of words that are there several times, as homographs, the first one counts */
  const seen = new Set<string>();
  for (const { parts, language, line } of lexemes) {
    const graphemes = parts.filter(({ kind }) => kind === 'grapheme');
    const others = parts.filter(({ kind }) => kind !== 'grapheme');
    const [first] = graphemes;
    if (first === undefined) throw invalid(`the lexeme in line ${line} has no grapheme`);
    if (others.length === 0)
      throw invalid(`the lexeme in line ${line}, "${shown(first.text)}", has neither alias nor phoneme`);
    // https://www.w3.org/TR/pronunciation-lexicon/#S4.7: the preferred one, else the first.
    const preferred = [...others].sort((a, b) => Number(b.isPreferred) - Number(a.isPreferred));
    for (const grapheme of graphemes) {
      const written = grapheme.text.trim();
      const spoken = preferred.map((one) => spokenAs(one, written)).find((text) => text !== undefined);
      if (spoken === undefined) {
        const alphabets = [...new Set(others.map(({ alphabet }) => alphabet || 'ipa'))].join(', ');
        skipped.push(`"${shown(written)}" in line ${grapheme.line} (${alphabets})`);
        continue;
      }
      const key = `${language ?? ''} ${written}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const row = { written, spoken, ...(language !== undefined && { language }) };
      rows.push({ place: `line ${grapheme.line}`, row });
    }
  }
  if (rows.length === 0 && skipped.length > 0) {
    throw invalid(`has no entry that can be used: ${skipped[0]} is in an alphabet that no model here reads`, {
      hint: 'Give aliases, or pinyin for Chinese words (alphabet="pinyin").',
    });
  }
  return { rows, skipped };
}

/** @returns undefined where it cannot be said */
function spokenAs({ kind, text, alphabet }: Pronunciation, written: string): string | undefined {
  if (kind === 'alias') return text;
  if (!PINYIN.includes(alphabet.toLowerCase())) return undefined;
  const reading = `{${written}|${text
    .trim()
    .split(/[\s.-]+/)
    .join(' ')}}`;
  return readOverrides(reading).overrides.length === 1 ? reading : undefined;
}

function lexemesOf(source: string, invalid: Refusal): Lexeme[] {
  const lexemes: Lexeme[] = [];
  let alphabet = '';
  let language: string | undefined;
  let lexeme: Lexeme | undefined;
  let part: Pronunciation | undefined;
  let isRoot = true;
  const refuse = (at: XmlPlace, problem: string): never => {
    throw invalid(`line ${at.line}, column ${at.column} ${problem}`);
  };
  try {
    readXml(
      source,
      {
        open: (qualified, attributes, at) => {
          const name = localName(qualified);
          if (isRoot) {
            if (name !== 'lexicon') refuse(at, `has the element ${name}; a lexicon begins with lexicon`);
            isRoot = false;
            alphabet = attributes['alphabet'] ?? '';
            language = attributes['xml:lang'];
          } else if (name === 'lexeme') {
            lexeme = { parts: [], language: attributes['xml:lang'] ?? language, line: at.line };
            lexemes.push(lexeme);
          } else if (isText(name) && lexeme !== undefined) {
            const isPreferred = attributes['prefer'] === 'true';
            part = { kind: name, text: '', alphabet: attributes['alphabet'] ?? alphabet, isPreferred, line: at.line };
            lexeme.parts.push(part);
          }
        },
        text: (text) => {
          if (part !== undefined) part.text += text;
        },
        close: (qualified) => {
          const name = localName(qualified);
          if (name === 'lexeme') lexeme = undefined;
          if (isText(name)) part = undefined;
        },
      },
      { ...LIMITS, source: 'the file' },
    );
  } catch (thrown) {
    // Of readXml, and with a place of its own.
    if (!(thrown instanceof NarratorError) || thrown.code !== 'item_invalid') throw thrown;
    throw invalid(thrown.message.replace(/^L/, 'l').replace(/\.$/, ''), { cause: thrown });
  }
  return lexemes;
}

const isText = (name: string): name is TextName => (TEXTS as readonly string[]).includes(name);

function shown(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 60);
}
