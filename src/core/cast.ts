/** The voices that speak an item: its own, and those that its text names. */
import { NarratorError } from './errors.ts';
import { nearestName } from './nearest-name.ts';
import type { VoiceMention } from './ports.ts';
import type { VoiceLibrary, VoiceProfile } from './voice.ts';

/** Voices of one manifest that are remembered: a lookup an item would be a file or a request each. */
const VOICES_REMEMBERED_MAX = 4096;
/** Names that may be text and are looked up one by one; where there are more, the list of all voices costs less. */
const LOOKUPS_MAX = 64;
/** Voices that a message names. */
const NAMED_MAX = 20;

/** Finds voices by name, for one manifest: what was looked up once is remembered. */
export class Cast {
  readonly #library: VoiceLibrary;
  readonly #remembered = new Map<string, VoiceProfile | undefined>();
  #all: Promise<readonly VoiceProfile[]> | undefined;

  constructor(library: VoiceLibrary) {
    this.#library = library;
  }

  /** The voice of an item. @throws NarratorError item_invalid, voice_not_found */
  async ofItem(id: string | undefined, line: number): Promise<VoiceProfile> {
    if (id === undefined) {
      throw new NarratorError('item_invalid', `Line ${line}: voice is missing, and the job has no default voice.`, {
        field: 'voice',
      });
    }
    const voice = await this.#find(id);
    if (voice === undefined) {
      throw new NarratorError('voice_not_found', `Line ${line}: there is no voice ${JSON.stringify(id)}.`, {
        field: 'voice',
      });
    }
    return voice;
  }

  /** The voices of these names; names that may be text are left out if there is no such voice. @throws NarratorError voice_not_found */
  async ofText(mentions: readonly VoiceMention[]): Promise<ReadonlyMap<string, VoiceProfile>> {
    const found = new Map<string, VoiceProfile>();
    const all = mentions.length > LOOKUPS_MAX ? new Map((await this.#list()).map((one) => [one.id, one])) : undefined;
    for (const mention of mentions) {
      const voice = all === undefined ? await this.#find(mention.name) : all.get(mention.name);
      if (voice !== undefined) found.set(mention.name, voice);
      else if (mention.place !== undefined) {
        throw noSuchVoice(
          { ...mention, place: mention.place },
          (await this.#list()).map(({ id }) => id),
        );
      }
    }
    return found;
  }

  async #find(id: string): Promise<VoiceProfile | undefined> {
    if (!this.#remembered.has(id)) {
      if (this.#remembered.size >= VOICES_REMEMBERED_MAX) this.#remembered.clear();
      this.#remembered.set(id, await this.#library.find(id));
    }
    return this.#remembered.get(id);
  }

  #list(): Promise<readonly VoiceProfile[]> {
    this.#all ??= this.#library.list().catch((error: unknown) => {
      this.#all = undefined;
      throw error;
    });
    return this.#all;
  }
}

/** A text names a voice that there is not. */
export function noSuchVoice({ name, place }: Required<VoiceMention>, names: readonly string[]): NarratorError {
  const { line, column } = place;
  const others = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : '';
  const known = names.length === 0 ? 'there are none' : `there are ${names.slice(0, NAMED_MAX).join(', ')}${others}`;
  const wanted = JSON.stringify(name.slice(0, 80));
  const similar = nearestName(name, names);
  return new NarratorError(
    'voice_not_found',
    `Line ${line}, column ${column} of the text names the voice ${wanted}, which is not there; ${known}${similar === '' ? '.' : similar}`,
    { field: 'text' },
  );
}
