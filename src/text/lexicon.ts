/**
 * Words with a pronunciation of their own: 'Nguyen' is said 'win', 'SQL' 'sequel', '行长' '{行|hang2}长'. A lexicon says what is
 * spoken in place of what is written; what it says is spoken as it is, without normalisation.
 */
import { sha256Hex } from '../core/canonical-json.ts';
import type { LexiconEntry } from '../core/lexicon.ts';

export interface LexiconMatch {
  /** offsets into the text */
  readonly start: number;
  readonly end: number;
  readonly spoken: string;
}

interface Node {
  next: Map<string, Node> | undefined;
  /** what is said for the word that ends here, however it is written */
  anyCase: string | undefined;
  /** by the only spelling that counts */
  exact: Map<string, string> | undefined;
}

const WORD_CHARACTER = /[\p{L}\p{M}\p{N}]/u;
/** Scripts without spaces: a word may begin and end anywhere in them. */
const NO_SPACES = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** Entries of several lexicons, ready to be looked up. Immutable. */
export class Lexicon {
  /** sha256 (hex) of the entries in any order: two lexicons that say the same have the same one */
  readonly digest: string;
  readonly size: number;
  /** a tree for each language that entries name, and one ('') for the others */
  readonly #roots = new Map<string, Node>();

  /** A later entry replaces an earlier one of the same language, case and spelling. */
  constructor(entries: readonly LexiconEntry[]) {
    const unique = new Map<string, LexiconEntry>();
    for (const { written, ...rest } of entries) {
      const entry = { ...rest, written: straight(written) };
      unique.set(
        JSON.stringify([
          entry.language ?? '',
          isCased(entry),
          foldCase(entry.written),
          isCased(entry) ? entry.written : '',
        ]),
        entry,
      );
    }
    for (const entry of unique.values()) this.#add(entry);
    this.size = unique.size;
    const lines = [...unique].map(([key, { spoken }]) => `${key} ${JSON.stringify(spoken)}`).sort();
    this.digest = sha256Hex(lines.join('\n'));
  }

  /** Where its words stand in a text; see lexiconMatches. */
  matches(written: string, language: string): LexiconMatch[] {
    return lexiconMatches([this], written, language);
  }

  /** Its words of a language, then those of every language. */
  roots(language: string): Node[] {
    return [this.#roots.get(language), this.#roots.get('')].filter((root) => root !== undefined);
  }

  #add(entry: LexiconEntry): void {
    const root = this.#roots.get(entry.language ?? '') ?? newNode();
    this.#roots.set(entry.language ?? '', root);
    let node = root;
    // By single UTF-16 units, each folded by itself: offsets stay those of the text.
    for (const unit of foldCase(entry.written)) {
      node.next ??= new Map();
      const next = node.next.get(unit) ?? newNode();
      node.next.set(unit, next);
      node = next;
    }
    if (isCased(entry)) (node.exact ??= new Map()).set(entry.written, entry.spoken);
    else node.anyCase = entry.spoken;
  }
}

/** What the words of a text are looked up in. */
export type Words = Pick<Lexicon, 'matches'>;

/** Several lexicons as one: the nearest first. */
export function lexiconStack(lexicons: readonly Lexicon[]): Words {
  return { matches: (written, language) => lexiconMatches(lexicons, written, language) };
}

/**
 * Where words of lexicons stand in a text: whole words only, the longest at each place, from left to right, without overlap. Of
 * entries of the same length the one of the first lexicon counts, in it one of the language before one of every language, and one
 * that keeps the case before the others. Takes time linear in the length of the text, times the longest entry at worst.
 */
function lexiconMatches(lexicons: readonly Lexicon[], written: string, language: string): LexiconMatch[] {
  const text = straight(written);
  const roots = lexicons.flatMap((lexicon) => lexicon.roots(language));
  const matches: LexiconMatch[] = [];
  if (roots.length === 0) return matches;
  for (let at = 0; at < text.length; ) {
    const unit = foldUnit(text.charCodeAt(at));
    const mayStart = roots.some((root) => root.next?.has(unit) === true);
    const match = mayStart && isWordEdge(text, at) ? longest(roots, text, at) : undefined;
    if (match === undefined) at += 1;
    else {
      matches.push(match);
      at = match.end;
    }
  }
  return matches;
}

function longest(roots: readonly Node[], text: string, start: number): LexiconMatch | undefined {
  let best: LexiconMatch | undefined;
  for (const root of roots) {
    let node: Node | undefined = root;
    for (let at = start; node !== undefined && at <= text.length; at += 1) {
      const isLonger = best === undefined || at > best.end;
      if (isLonger && (node.exact ?? node.anyCase) !== undefined && isWordEdge(text, at)) {
        const spoken = node.exact?.get(text.slice(start, at)) ?? node.anyCase;
        if (spoken !== undefined) best = { start, end: at, spoken };
      }
      node = at < text.length ? node.next?.get(foldUnit(text.charCodeAt(at))) : undefined;
    }
  }
  return best;
}

/** 'O’Brien' and "O'Brien" are one name. Keeps the length. */
function straight(text: string): string {
  return text.replace(/[‘’]/g, "'");
}

function newNode(): Node {
  return { next: undefined, anyCase: undefined, exact: undefined };
}

function isCased({ written, matchCase }: LexiconEntry): boolean {
  return matchCase ?? written !== written.toLowerCase();
}

/** By UTF-16 unit, as they come up: where entries repeat one character, each place of a text that does is walked to their end. */
const folded = new Array<string | undefined>(0x1_0000);

/** One unit for one: 'İ' and 'ß' have no other case of the same length, and stay. */
function foldUnit(code: number): string {
  let unit = folded[code];
  if (unit === undefined) {
    const written = String.fromCharCode(code);
    const lower = written.toLowerCase();
    unit = folded[code] = lower.length === 1 ? lower : written;
  }
  return unit;
}

function foldCase(text: string): string[] {
  return text.split('').map((unit) => foldUnit(unit.charCodeAt(0)));
}

/** May a word begin or end here? Not inside 'word', anywhere in '单词'. */
function isWordEdge(text: string, at: number): boolean {
  const before = characterBefore(text, at);
  const after = String.fromCodePoint(text.codePointAt(at) ?? 0x20);
  if (/[\udc00-\udfff]/.test(text.charAt(at))) return false;
  if (!WORD_CHARACTER.test(before) || !WORD_CHARACTER.test(after)) return true;
  return NO_SPACES.test(before) || NO_SPACES.test(after);
}

function characterBefore(text: string, at: number): string {
  if (at === 0) return ' ';
  const unit = text.charAt(at - 1);
  return /[\udc00-\udfff]/.test(unit) && at > 1 ? text.slice(at - 2, at) : unit;
}
