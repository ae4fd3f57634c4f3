/** The lexicons that come before the deployment's: the job's, then that of the voice that speaks. */
import type { LexiconSource } from './lexicon.ts';
import type { VoiceLibrary, VoiceProfile } from './voice.ts';

/** Lexicons of voices that are remembered: a large one is megabytes. */
const REMEMBERED_MAX = 64;

/** For one manifest: what was read once is remembered. */
export class ItemLexicons {
  readonly #job: readonly LexiconSource[];
  readonly #library: Pick<VoiceLibrary, 'lexicon'>;
  /** by digest */
  readonly #remembered = new Map<string, LexiconSource>();

  constructor(job: LexiconSource | undefined, library: Pick<VoiceLibrary, 'lexicon'>) {
    this.#job = job === undefined ? [] : [job];
    this.#library = library;
  }

  /** @returns those of each of these voices, the nearest first @throws NarratorError ledger_corrupt */
  async of(voices: Iterable<VoiceProfile>): Promise<(voice: VoiceProfile) => readonly LexiconSource[]> {
    const lists = new Map<string, readonly LexiconSource[]>();
    for (const voice of voices) {
      if (voice.lexicon === undefined || lists.has(voice.lexicon)) continue;
      const lexicon = this.#remembered.get(voice.lexicon) ?? (await this.#library.lexicon(voice));
      if (lexicon === undefined) continue;
      if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
      this.#remembered.set(voice.lexicon, lexicon);
      lists.set(voice.lexicon, [...this.#job, lexicon]);
    }
    return ({ lexicon }) => (lexicon === undefined ? undefined : lists.get(lexicon)) ?? this.#job;
  }
}
