/** The voices that the markup of one text names. */
import { markupError } from './spans.ts';

const VOICES_MAX = 64;

interface NamedVoice {
  readonly name: string;
  /** in the source: where it is named first */
  readonly offset: number;
  /** text, if there is no such voice; an error otherwise */
  readonly mayBeText: boolean;
}

export class VoiceNames {
  readonly #source: string;
  readonly #isVoice: (name: string) => boolean;
  readonly #named = new Map<string, NamedVoice>();
  readonly #used = new Set<string>();

  constructor(source: string, isVoice: (name: string) => boolean) {
    this.#source = source;
    this.#isVoice = isVoice;
  }

  /** each once */
  get named(): Iterable<NamedVoice> {
    return this.#named.values();
  }

  /** This is a voice, or an error. @throws NarratorError item_invalid if there are too many */
  name(name: string, offset: number): void {
    this.#note({ name, offset, mayBeText: false });
    this.#use(name, offset);
  }

  /** @returns whether this is a voice; otherwise it is text */
  mayName(name: string, offset: number): boolean {
    this.#note({ name, offset, mayBeText: true });
    if (!this.#isVoice(name)) return false;
    this.#use(name, offset);
    return true;
  }

  #note(voice: NamedVoice): void {
    const known = this.#named.get(voice.name);
    if (known === undefined || (known.mayBeText && !voice.mayBeText)) this.#named.set(voice.name, voice);
  }

  #use(name: string, offset: number): void {
    this.#used.add(name);
    if (this.#used.size <= VOICES_MAX) return;
    throw markupError(this.#source, offset, `names the ${this.#used.size}th voice; the limit is ${VOICES_MAX}`, {
      hint: 'Split the text into several items.',
      limit: VOICES_MAX,
    });
  }
}
