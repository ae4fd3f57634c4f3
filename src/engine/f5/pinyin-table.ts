/** The readings that pypinyin knows, by phrase and by character. Decompressed when the first Chinese text asks for one. */
import { brotliDecompressSync } from 'node:zlib';
import { PINYIN_DATA } from './pinyin-data.ts';

/** Readings have the tone as their last digit and none for the neutral tone; ü is v. */
export class PinyinTable {
  readonly #characters = new Map<string, string>();
  readonly #phrases = new Map<string, readonly string[] | undefined>();
  /** lengths of the phrases that begin with a character, longest first */
  readonly #lengths = new Map<string, number[]>();

  /** @param data lines `zhong1 中忠…`, an empty line, then lines `中国` or, where a character is read otherwise, `中标 zhong4 biao1` */
  constructor(data: string) {
    const [characters = '', phrases = ''] = data.split('\n\n');
    for (const line of characters.split('\n')) {
      const [reading, list = ''] = line.split(' ');
      for (const character of list) this.#characters.set(character, reading!);
    }
    for (const line of phrases.split('\n')) {
      const [phrase, ...readings] = line.split(' ');
      this.#phrases.set(phrase!, readings.length === 0 ? undefined : readings);
      const lengths = this.#lengths.get(phrase![0]!) ?? [];
      if (!lengths.includes(phrase!.length)) this.#lengths.set(phrase![0]!, [...lengths, phrase!.length]);
    }
    for (const lengths of this.#lengths.values()) lengths.sort((a, b) => b - a);
  }

  /** How a character is read alone; what has no reading stands for itself. */
  ofCharacter(character: string): string {
    return this.#characters.get(character) ?? character;
  }

  /** The longest phrase that begins at `start`, else the one character there. All of them are of the basic plane. */
  longestAt(text: string, start: number): string {
    for (const length of this.#lengths.get(text[start]!) ?? []) {
      const candidate = text.slice(start, start + length);
      if (this.#phrases.has(candidate)) return candidate;
    }
    return text[start]!;
  }

  /** One reading a character. */
  ofPhrase(phrase: string): string[] {
    const readings = this.#phrases.get(phrase);
    return readings ? [...readings] : Array.from(phrase, (character) => this.ofCharacter(character));
  }
}

let shared: PinyinTable | undefined;

export function pinyinTable(): PinyinTable {
  shared ??= new PinyinTable(brotliDecompressSync(Buffer.from(PINYIN_DATA, 'base64')).toString('utf8'));
  return shared;
}
