/** Lexicons ready to be looked up in: each is prepared once, however many texts it is for. */
import type { LexiconSource } from '../core/lexicon.ts';
import { Lexicon, lexiconStack, type Words } from '../text/lexicon.ts';
import { readLexicon } from './open-lexicon.ts';

const NONE: readonly LexiconSource[] = [];
/** A large one takes a second and some hundred megabytes to prepare. */
const PREPARED_MAX = 16;

export class Lexicons {
  /** of the deployment: behind all others */
  readonly deployment: Lexicon | undefined;
  /** by digest, in order of use */
  readonly #prepared = new Map<string, Lexicon>();
  #last: { readonly sources: readonly LexiconSource[]; readonly words: Words } | undefined;

  constructor(deployment: Lexicon | undefined) {
    this.deployment = deployment;
  }

  /** @param path of the deployment's lexicon @throws NarratorError config_invalid naming file, entry and field */
  static async open(
    path: string | undefined,
    log: (event: string, fields: Record<string, unknown>) => void,
  ): Promise<Lexicons> {
    if (path === undefined) return new Lexicons(undefined);
    const { entries, skipped } = await readLexicon(path);
    if (skipped.length > 0) log('lexicon.skipped', { words: skipped.length });
    return new Lexicons(new Lexicon(entries));
  }

  /** @param sources the nearest first */
  words(sources: readonly LexiconSource[] = NONE): Words {
    const last = this.#last;
    if (last?.sources === sources) return last.words;
    const lexicons = sources.map((source) => this.#prepare(source));
    const words = lexiconStack(this.deployment === undefined ? lexicons : [...lexicons, this.deployment]);
    this.#last = { sources, words };
    return words;
  }

  #prepare({ digest, entries }: LexiconSource): Lexicon {
    const lexicon = this.#prepared.get(digest) ?? new Lexicon(entries);
    this.#prepared.delete(digest);
    this.#prepared.set(digest, lexicon);
    const [eldest] = this.#prepared.keys();
    if (this.#prepared.size > PREPARED_MAX && eldest !== undefined) this.#prepared.delete(eldest);
    return lexicon;
  }
}
