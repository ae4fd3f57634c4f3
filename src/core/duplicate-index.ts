/**
 * Where a name was seen first, in memory that a million names do not strain (32 MB at most, against some 150 for a Map of strings).
 * It keeps 96 bits of each name's SHA-256: that two of a million different names agree in them has a chance below 1e-16.
 */
import { hash } from 'node:crypto';

const WORDS = 4;

export class DuplicateIndex {
  /** open addressing: three words of the digest and the line (0 = free) a slot */
  #table = new Uint32Array(WORDS * 1024);
  #entries = 0;

  /** @returns the line on which the name was seen before, or undefined after remembering it with `line` (from 1) */
  firstSeen(name: string, line: number): number | undefined {
    if (this.#entries * 2 >= this.#table.length / WORDS) this.#grow();
    const digest = hash('sha256', name, 'buffer');
    const [a, b, c] = [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8)];
    const slot = slotOf(this.#table, a, b, c);
    const seen = this.#table[slot + 3] as number;
    if (seen !== 0) return seen;
    this.#table.set([a, b, c, line], slot);
    this.#entries += 1;
    return undefined;
  }

  #grow(): void {
    const old = this.#table;
    const table = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + 3] === 0) continue;
      const entry = old.subarray(at, at + WORDS);
      table.set(entry, slotOf(table, entry[0] as number, entry[1] as number, entry[2] as number));
    }
    this.#table = table;
  }
}

/** Offset of the slot that holds these words, or of the free one where they belong. */
function slotOf(table: Uint32Array, a: number, b: number, c: number): number {
  const slots = table.length / WORDS;
  for (let slot = a & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
    const at = slot * WORDS;
    if (table[at + 3] === 0) return at;
    if (table[at] === a && table[at + 1] === b && table[at + 2] === c) return at;
  }
}
