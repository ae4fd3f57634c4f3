/** The voices that people added, kept in an artifact store, together with those that came with the model. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { NarratorError } from './errors.ts';
import {
  BORROWED_ID,
  borrowedId,
  borrowedPrefix,
  borrowedPromptKey,
  borrowedVoiceKey,
  currentVoiceKey,
  promptKey,
  VOICE_ID,
  voiceKey,
  voicePrefix,
  voicesPrefix,
} from './keys.ts';
import { encodeJson, parseJson, putJson, readJson } from './ledger.ts';
import type { LexiconSource } from './lexicon.ts';
import type { ArtifactStore } from './ports.ts';
import { putVoiceLexicon, readVoiceLexicon } from './stored-lexicons.ts';
import type { PreparedVoice, VoiceLibrary, VoiceProfile } from './voice.ts';

const profileSchema = z.strictObject({
  id: z.string(),
  version: z.string(),
  language: z.string(),
  transcript: z.string(),
  promptSamples: z.int(),
  sourceRms: z.number(),
});
const voiceSchema = profileSchema.extend({ sampleRateHz: z.int() });
/** The profile itself, so that finding a voice is one read. */
const currentSchema = z.strictObject({
  v: z.literal(1),
  profile: profileSchema.extend({ lexicon: z.string().exactOptional() }),
});

/** @returns sha256 (hex) over everything of a voice that can be heard or that planning depends on */
export function voiceVersion(content: Omit<PreparedVoice, 'id' | 'version' | 'promptSamples'>): string {
  const { samples, sampleRateHz, transcript, language, sourceRms } = content;
  return createHash('sha256')
    .update(JSON.stringify({ v: 1, sampleRateHz, transcript, language, sourceRms }))
    .update(encodeSamples(samples))
    .digest('hex');
}

/** A borrowed voice that was used within this time is not written again. */
const BORROWED_FRESH_MS = 24 * 3_600_000;
/** Nobody has used a borrowed voice for so long: it goes. */
const BORROWED_KEPT_MS = 7 * 24 * 3_600_000;

/** Attempts of a compare-and-swap that others keep winning. */
const SWAP_ATTEMPTS_MAX = 20;

export class StoredVoices implements VoiceLibrary {
  readonly #store: ArtifactStore;
  readonly #builtIn: ReadonlyMap<string, PreparedVoice>;

  /** `builtIn`: the voices of the model in use. A stored voice hides a built-in one of the same name. */
  constructor({ store, builtIn = [] }: { store: ArtifactStore; builtIn?: readonly PreparedVoice[] }) {
    this.#store = store;
    this.#builtIn = new Map(builtIn.map((voice) => [voice.id, voice]));
  }

  async find(id: string): Promise<VoiceProfile | undefined> {
    if (!VOICE_ID.test(id)) return undefined;
    if (BORROWED_ID.test(id)) {
      const borrowed = await readJson(this.#store, borrowedVoiceKey(id), voiceSchema);
      return borrowed && profileOf(borrowed);
    }
    const current = await readJson(this.#store, currentVoiceKey(id), currentSchema);
    if (current !== undefined) return current.profile;
    const builtIn = this.#builtIn.get(id);
    return builtIn === undefined ? undefined : profileOf(builtIn);
  }

  /** By name, stored and built-in. */
  async list(): Promise<VoiceProfile[]> {
    const voices = new Map<string, VoiceProfile>();
    for (const voice of this.#builtIn.values()) voices.set(voice.id, profileOf(voice));
    for (const id of await this.#storedIds()) {
      const profile = await this.find(id);
      if (profile !== undefined) voices.set(id, profile);
    }
    return [...voices.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Whether the voice came with the model, and cannot be removed. */
  isBuiltIn(profile: Pick<VoiceProfile, 'id' | 'version'>): boolean {
    return this.#builtIn.get(profile.id)?.version === profile.version;
  }

  /**
   * Makes this the current version of the voice, with this lexicon or none. Earlier versions stay: jobs that were planned with them
   * still need them. Idempotent.
   * @throws NarratorError voice_invalid: an unusable name, or one that a built-in voice has
   */
  async add(voice: PreparedVoice, lexicon?: LexiconSource): Promise<VoiceProfile> {
    const { id, version } = voice;
    if (!VOICE_ID.test(id)) {
      throw new NarratorError(
        'voice_invalid',
        `The voice name ${JSON.stringify(id.slice(0, 80))} cannot be used: it must be 1 to 64 letters, digits, '-' or '_', and start with a letter or digit.`,
        { field: 'id', limit: 64, hint: 'Choose another name.' },
      );
    }
    if (BORROWED_ID.test(id)) {
      throw new NarratorError('voice_invalid', `The voice name ${id} is of a form that is kept for borrowed voices.`, {
        field: 'id',
        hint: 'Choose another name.',
      });
    }
    if (this.#builtIn.has(id)) {
      throw new NarratorError('voice_invalid', `The voice name ${id} is that of a built-in voice.`, {
        field: 'id',
        hint: 'Choose another name.',
      });
    }
    const profile = profileOf(voice);
    await this.#store.put(promptKey(id, version), encodeSamples(voice.samples));
    await putJson(this.#store, voiceKey(id, version), { ...profile, sampleRateHz: voice.sampleRateHz });
    if (lexicon !== undefined) await putVoiceLexicon(this.#store, id, lexicon);
    const current = lexicon === undefined ? profile : { ...profile, lexicon: lexicon.digest };
    await this.#makeCurrent(current);
    return current;
  }

  async lexicon({ id, lexicon }: VoiceProfile): Promise<LexiconSource | undefined> {
    return lexicon === undefined ? undefined : readVoiceLexicon(this.#store, id, lexicon);
  }

  /**
   * Keeps a voice of a single request, whose `id` is borrowedId of its version, where other processes find it; the same clip and text
   * again are the same voice. It is not listed, and gone a week after its last use. Idempotent.
   */
  async borrow(voice: PreparedVoice, now: Date): Promise<void> {
    const { id, sampleRateHz } = voice;
    const there = await this.#store.head(borrowedVoiceKey(id));
    if (there !== undefined && now.getTime() - there.modifiedAt.getTime() < BORROWED_FRESH_MS) return;
    await this.#store.put(borrowedPromptKey(id), encodeSamples(voice.samples));
    await putJson(this.#store, borrowedVoiceKey(id), { ...profileOf(voice), sampleRateHz });
  }

  /** Deletes the borrowed voices that nobody has used for a week. */
  async sweepBorrowed(now: Date): Promise<void> {
    for await (const { key, modifiedAt } of this.#store.list(borrowedPrefix)) {
      if (now.getTime() - modifiedAt.getTime() > BORROWED_KEPT_MS) await this.#store.delete(key);
    }
  }

  async #makeCurrent(profile: VoiceProfile): Promise<void> {
    const key = currentVoiceKey(profile.id);
    const bytes = encodeJson({ v: 1, profile });
    for (let attempt = 1; attempt <= SWAP_ATTEMPTS_MAX; attempt++) {
      const there = await this.#store.get(key);
      const condition = there === undefined ? { ifAbsent: true } : { ifMatch: there.etag };
      const put = await this.#store.put(key, bytes, { ...condition, contentType: 'application/json' });
      if (put.status === 'written') return;
    }
    throw new NarratorError('store_busy', `The voice ${profile.id} is being changed by others all the time.`);
  }

  /**
   * Deletes the voice with all of its versions: who asks for it may not want the recording kept.
   * @returns false if there is no stored voice of that name
   */
  async remove(id: string): Promise<boolean> {
    if (!VOICE_ID.test(id)) return false;
    let found = false;
    // First the name, so that nobody finds a voice whose audio is gone.
    const current = currentVoiceKey(id);
    if ((await this.#store.head(current)) !== undefined) found = true;
    await this.#store.delete(current);
    for await (const { key } of this.#store.list(voicePrefix(id))) {
      found = true;
      await this.#store.delete(key);
    }
    return found;
  }

  async load(version: string): Promise<PreparedVoice> {
    for (const voice of this.#builtIn.values()) if (voice.version === version) return voice;
    const found = await this.#keysOfVersion(version);
    const [stored, prompt] = found ? await Promise.all(found.map((key) => this.#store.get(key))) : [];
    const [key] = found ?? [];
    if (key === undefined || stored === undefined || prompt === undefined) {
      throw new NarratorError('voice_not_found', `There is no voice of version ${version.slice(0, 12)} any more.`);
    }
    const voice = parseJson(key, stored.bytes, voiceSchema);
    const samples = decodeSamples(prompt.bytes);
    if (samples.length !== voice.promptSamples || voiceVersion({ ...voice, samples }) !== voice.version) {
      throw new NarratorError('ledger_corrupt', `The stored audio of the voice ${voice.id} is damaged.`, {
        hint: 'Add the voice again.',
      });
    }
    return { ...voice, samples };
  }

  /** Of what is known of it, and of its samples. A version names content, not a place: voices are few, and this happens once a voice and process. */
  async #keysOfVersion(version: string): Promise<readonly [string, string] | undefined> {
    const borrowed = borrowedId(version);
    if ((await this.#store.head(borrowedVoiceKey(borrowed))) !== undefined) {
      return [borrowedVoiceKey(borrowed), borrowedPromptKey(borrowed)];
    }
    for (const id of await this.#storedIds()) {
      const key = voiceKey(id, version);
      if ((await this.#store.head(key)) !== undefined) return [key, promptKey(id, version)];
    }
    return undefined;
  }

  async #storedIds(): Promise<string[]> {
    const ids = new Set<string>();
    for await (const { key } of this.#store.list(voicesPrefix)) ids.add(key.split('/')[1] ?? '');
    return [...ids].filter((id) => VOICE_ID.test(id));
  }
}

function profileOf({ id, version, language, transcript, promptSamples, sourceRms }: VoiceProfile): VoiceProfile {
  return { id, version, language, transcript, promptSamples, sourceRms };
}

/** 32-bit floats, little-endian, whatever the machine. */
function encodeSamples(samples: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(samples.length * 4));
  for (const [index, sample] of samples.entries()) view.setFloat32(index * 4, sample, true);
  return new Uint8Array(view.buffer);
}

function decodeSamples(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: Math.floor(bytes.byteLength / 4) }, (_, index) =>
    view.getFloat32(index * 4, true),
  );
}
