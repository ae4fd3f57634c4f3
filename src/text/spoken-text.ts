/**
 * Spoken text that remembers which written characters each part of it came from. Normalising first and cutting afterwards
 * gives the rules all the context there is, makes cutting simple ('Dr.' is 'Doctor' by then, '3.14' has no dot), and
 * applies the byte limit to exactly what the model is given; the memory is what keeps `written` the client's own.
 */
export class SpokenText {
  readonly text: string;
  readonly #changes: readonly Change[];

  constructor(text: string, changes: readonly Change[]) {
    this.text = text;
    this.#changes = changes;
  }

  /**
   * Where in the written text to cut, when the spoken text is cut at `offset`. Inside a change ('one hundred | five') all of
   * its written characters stay on the left. Characters that are not spoken stay on the left up to their last white space.
   */
  writtenOffset(offset: number, written: string): number {
    const index = this.#firstEndingAtOrAfter(offset);
    const change = this.#changes[index];
    if (change !== undefined && change.spokenStart < offset && offset < change.spokenEnd) return change.writtenEnd;
    const before = this.#changes[index - 1];
    let low = (before?.writtenEnd ?? 0) + (offset - (before?.spokenEnd ?? 0));
    let next = index;
    if (change?.spokenEnd === offset && change.spokenStart < offset) {
      low = change.writtenEnd;
      next += 1;
    }
    let high = low;
    for (; this.#changes[next]?.spokenEnd === offset; next += 1) high = this.#changes[next]?.writtenEnd ?? high;
    while (high > low && !/\s/.test(written.charAt(high - 1))) high -= 1;
    return high;
  }

  /** Does a cut at `offset` part words that were written as one thing? */
  isInsideChange(offset: number): boolean {
    const change = this.#changes[this.#firstEndingAtOrAfter(offset)];
    return change !== undefined && change.spokenStart < offset && offset < change.spokenEnd;
  }

  /** The written characters, without white space, for which nothing is said between these offsets of the spoken text. */
  silentCharacters(start: number, end: number, written: string): string {
    let silent = '';
    for (let index = this.#firstEndingAtOrAfter(start); index < this.#changes.length; index += 1) {
      const change = this.#changes[index];
      if (change === undefined || change.spokenStart > end) break;
      const isHere = change.spokenStart >= start && (change.spokenStart < end || end === this.text.length);
      if (!isHere || this.text.slice(change.spokenStart, change.spokenEnd).trim() !== '') continue;
      silent += written.slice(change.writtenStart, change.writtenEnd).replace(/\s+/g, '');
    }
    return silent;
  }

  #firstEndingAtOrAfter(offset: number): number {
    let low = 0;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle]?.spokenEnd ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A run of written characters that is said in other characters. Ascending, without overlap, in both texts. */
interface Change {
  readonly spokenStart: number;
  readonly spokenEnd: number;
  readonly writtenStart: number;
  readonly writtenEnd: number;
}

const ENDS_IN_WORD = /[\p{L}\p{M}\p{N}]$/u;
const STARTS_WITH_WORD = /^[\p{L}\p{N}]/u;

/** after these, another comma is not said */
const PAUSES = /[.,;:!?，。；：！？、…(（ -]$/;
/** Chinese is written without spaces: they are kept only beside letters, and between numbers. */
const HAN_OR_MARK = '[\\p{Script=Han}，。！？；：、“”‘’…]';
const LAYOUT_SPACE = new RegExp(`${HAN_OR_MARK} (?:${HAN_OR_MARK}|\\d)|\\d ${HAN_OR_MARK}`, 'u');

/** a mark that stands alone, or one that Chinese never writes a space before */
const LONE_MARK = /^[,;:!?.]["']?$|^[，。；：！？]/;

const TAIL = 4;
/** not after '...', which seldom ends a sentence */
const AFTER_SENTENCE = /^["']?$|(?<!\.\.)[.!?]["']? ["']?$/;

/** Builds a SpokenText from left to right. */
export class SpokenTextBuilder {
  readonly #folded: string;
  readonly #gap: string;
  readonly #changes: Change[] = [];
  #spoken = '';
  /** the last characters of #spoken: looking at the end of a growing string would flatten it every time */
  #tail = '';
  #written = 0;
  #afterWords = false;
  /** a space was said: whether it is one depends on what follows */
  #spaceWaits = false;

  constructor(folded: string, gap: string) {
    this.#folded = folded;
    this.#gap = gap;
  }

  /** The written characters up to `end` are said as they are. */
  keep(end: number): void {
    if (end <= this.#written) return;
    const kept = this.#folded.slice(this.#written, end);
    this.#settleSpace(kept);
    if (this.#afterWords && STARTS_WITH_WORD.test(kept) && ENDS_IN_WORD.test(this.#tail)) {
      this.#append(this.#gap, this.#written);
    }
    this.#spoken += kept;
    this.#tail = kept.length >= TAIL ? kept.slice(-TAIL) : (this.#tail + kept).slice(-TAIL);
    this.#written = end;
    this.#afterWords = false;
  }

  /** The written characters up to `end` are said as `words`. Doubled spaces and commas are not said twice. */
  say(words: string, end: number): void {
    const hasSpace = words.endsWith(' ');
    let said = hasSpace ? words.slice(0, -1) : words;
    if (said !== '') this.#settleSpace(said);
    if (/^[,，]/.test(said) && (this.#tail === '' || PAUSES.test(this.#tail))) said = said.slice(1);
    // a full stop before dots is one of them
    if (said.startsWith('...')) said = said.slice(/\.{0,3}$/.exec(this.#tail)?.[0].length);
    if (said.startsWith(' ') && (this.#tail === '' || this.#tail.endsWith(' '))) said = said.slice(1);
    if (STARTS_WITH_WORD.test(said)) {
      if (ENDS_IN_WORD.test(this.#tail)) said = this.#gap + said;
      // '1984 was' begins its sentence like any word: what follows a full stop in lower case would not
      else if (AFTER_SENTENCE.test(this.#tail)) said = said.charAt(0).toUpperCase() + said.slice(1);
    }
    this.#append(said, end);
    if (said !== '') this.#afterWords = ENDS_IN_WORD.test(said);
    this.#spaceWaits ||= hasSpace;
  }

  finish(): SpokenText {
    return new SpokenText(this.#spoken, this.#changes);
  }

  /** The space that waits is said, unless what follows needs none. */
  #settleSpace(next: string): void {
    if (!this.#spaceWaits) return;
    this.#spaceWaits = false;
    if (this.#tail === '' || this.#tail.endsWith(' ') || next.startsWith(' ') || LONE_MARK.test(next)) return;
    if (this.#gap !== '' || !LAYOUT_SPACE.test(`${this.#tail.slice(-2)} ${next.slice(0, 2)}`)) {
      this.#append(' ', this.#written);
    }
  }

  #append(said: string, writtenEnd: number): void {
    const spokenStart = this.#spoken.length;
    this.#spoken += said;
    this.#tail = (this.#tail + said).slice(-TAIL);
    this.#changes.push({ spokenStart, spokenEnd: this.#spoken.length, writtenStart: this.#written, writtenEnd });
    this.#written = writtenEnd;
  }
}
