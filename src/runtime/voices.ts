/**
 * The voices of one narrator: those of its model, those that people added, and clips for single requests. Added ones lie in the store that
 * the processes of a deployment share, or else under the narrator's home folder.
 */
import { readFile, stat } from 'node:fs/promises';
import { openFilesystemStore } from '../adapters/store-filesystem.ts';
import { checkReference, type ReferenceFinding } from '../audio/check-reference.ts';
import { type DecodedAudio, decodeAudio } from '../audio/decode.ts';
import type { ReferenceMeasures } from '../audio/measure-reference.ts';
import { prepareReference } from '../audio/prepare-reference.ts';
import { NarratorError } from '../core/errors.ts';
import { borrowedId } from '../core/keys.ts';
import { type LexiconSource, lexiconSource } from '../core/lexicon.ts';
import type { ArtifactStore } from '../core/ports.ts';
import type { PreparedVoice, VoiceLibrary, VoiceProfile } from '../core/voice.ts';
import { StoredVoices, voiceVersion } from '../core/voices.ts';
import { type Model, modelPath } from '../engine/f5/model-directory.ts';
import { speechModel } from '../engine/f5/speech-model.ts';
import { endTranscript } from '../engine/f5/transcript.ts';
import { readLexicon, readLexiconBytes, skippedMessage } from './open-lexicon.ts';

export interface VoiceClip {
  /** a WAV, MP3, FLAC or OGG file: its path, or its bytes */
  readonly audio: string | Uint8Array;
  /** what is said in it, word for word */
  readonly text: string;
  /** 'en' by default */
  readonly language?: string;
  /** words that this voice says in a way of its own: a .json, .csv or .pls file, by its path or its name and bytes. For voices that are kept */
  readonly lexicon?: string | { readonly name: string; readonly bytes: Uint8Array };
}

/** Of the clip, or of the lexicon that comes with it. */
export type VoiceFinding =
  | ReferenceFinding
  | { readonly check: 'lexicon'; readonly level: 'warning'; readonly message: string };

export interface VoiceCheck {
  readonly findings: readonly VoiceFinding[];
  readonly measures: ReferenceMeasures;
}

/** Clips that are used without being kept: as many are remembered, the least recently used go first. */
const BORROWED_MAX = 128;
/** Between two looks for borrowed voices that nobody uses any more. */
const SWEEP_INTERVAL_MS = 3_600_000;
const MAX_CLIP_BYTES = 64 * 1024 * 1024;
/** At most 12 s of it can be speech. A few kilobytes of FLAC can hold ten minutes, which would be unpacked. */
const MAX_CLIP_SECONDS = 60;
const MAX_TRANSCRIPT_CHARACTERS = 2000;

export class Voices implements VoiceLibrary {
  readonly #stored: StoredVoices;
  readonly #model: Model;
  /** by id, in order of use */
  readonly #borrowed = new Map<string, PreparedVoice>();

  /** other processes use the same store */
  readonly #isShared: boolean;
  #sweptAtMs = 0;

  private constructor(stored: StoredVoices, model: Model, isShared: boolean) {
    this.#stored = stored;
    this.#model = model;
    this.#isShared = isShared;
  }

  /** `store`: the one that the processes of the deployment share; without it the voices lie in the folder `home`. */
  static async open({ store, home }: { store?: ArtifactStore; home: string }, model: Model): Promise<Voices> {
    const place = store ?? (await openFilesystemStore({ root: home }));
    const stored = new StoredVoices({ store: place, builtIn: await builtInVoices(model) });
    return new Voices(stored, model, store !== undefined);
  }

  async find(id: string): Promise<VoiceProfile | undefined> {
    return this.#borrowed.get(id) ?? (await this.#stored.find(id));
  }

  async load(version: string): Promise<PreparedVoice> {
    for (const voice of this.#borrowed.values()) if (voice.version === version) return voice;
    return this.#stored.load(version);
  }

  list(): Promise<VoiceProfile[]> {
    return this.#stored.list();
  }

  isBuiltIn(profile: VoiceProfile): boolean {
    return this.#stored.isBuiltIn(profile);
  }

  /** What can be said about a clip, and its lexicon, before it is used. @throws NarratorError audio_undecodable, voice_invalid; as add */
  async check(clip: VoiceClip): Promise<VoiceCheck> {
    const { findings, measures } = await this.#examine(clip);
    return { findings, measures };
  }

  /**
   * Keeps a clip as a voice, with its lexicon; without one a lexicon that it had before is its no more.
   * @throws NarratorError voice_invalid when a check says 'error'; config_invalid, request_invalid for the lexicon
   */
  async add(id: string, clip: VoiceClip): Promise<{ profile: VoiceProfile } & VoiceCheck> {
    const { lexicon, ...checked } = await this.#examine(clip);
    refuseErrors(checked.findings);
    return { profile: await this.#stored.add(await this.#prepare(id, clip), lexicon), ...checked };
  }

  async #examine(clip: VoiceClip): Promise<VoiceCheck & { lexicon: LexiconSource | undefined }> {
    const lexicon = await lexiconOf(clip);
    const decoded = await readClip(clip);
    const { findings, measures } = checkReference(decoded, clip.text);
    const unknown = speechModel(this.#model).unknownCharacters(clip.text);
    const lacking: ReferenceFinding[] =
      unknown.length === 0
        ? []
        : [
            {
              check: 'transcript',
              level: 'warning',
              message: `The model ${this.#model.description.id} does not know ${unknown.join(' ')} in the transcript.`,
            },
          ];
    return { findings: [...findings, ...lacking, ...(lexicon?.findings ?? [])], measures, lexicon: lexicon?.source };
  }

  lexicon(voice: VoiceProfile): Promise<LexiconSource | undefined> {
    return this.#stored.lexicon(voice);
  }

  /**
   * Takes a clip as a voice that is neither kept nor listed. The same clip and text again are the same voice. Where the store is
   * shared, the other processes have it too, until a week after its last use; else it is this process's own.
   * @returns its name, for `voice`
   * @throws NarratorError as add; store errors
   */
  async borrow(clip: VoiceClip): Promise<{ id: string } & VoiceCheck> {
    const checked = await this.check(clip);
    refuseErrors(checked.findings);
    const prepared = await this.#prepare('reference', clip);
    const id = borrowedId(prepared.version);
    const voice = { ...prepared, id };
    if (this.#isShared) await this.#share(voice);
    this.#borrowed.delete(id);
    this.#borrowed.set(id, voice);
    const [eldest] = this.#borrowed.keys();
    if (this.#borrowed.size > BORROWED_MAX && eldest !== undefined) this.#borrowed.delete(eldest);
    return { id, ...checked };
  }

  async #share(voice: PreparedVoice): Promise<void> {
    const now = new Date();
    await this.#stored.borrow(voice, now);
    if (now.getTime() - this.#sweptAtMs < SWEEP_INTERVAL_MS) return;
    this.#sweptAtMs = now.getTime();
    // Nobody waits for it, and what it leaves behind the next one finds.
    this.#stored.sweepBorrowed(now).catch(() => undefined);
  }

  /** @returns false if no such voice was added @throws NarratorError voice_invalid for a built-in one */
  async remove(id: string): Promise<boolean> {
    const profile = await this.#stored.find(id);
    if (profile !== undefined && this.#stored.isBuiltIn(profile)) {
      throw new NarratorError('voice_invalid', `The voice ${id} came with the model and cannot be removed.`, {
        field: 'name',
        hint: 'Remove voices that you added.',
      });
    }
    return this.#stored.remove(id);
  }

  async #prepare(id: string, clip: VoiceClip): Promise<PreparedVoice> {
    const { text, language = 'en' } = clip;
    return preparedVoice(
      id,
      { decoded: await readClip(clip), text, language },
      this.#model.description.audio.target_sample_rate,
    );
  }
}

/** A clip and its transcript as the engine takes them. @throws NarratorError voice_invalid */
async function preparedVoice(
  id: string,
  clip: { decoded: DecodedAudio; text: string; language: string },
  sampleRateHz: number,
): Promise<PreparedVoice> {
  const { samples, sourceRms } = await prepareReference(clip.decoded, { sampleRateHz });
  const content = { language: clip.language, transcript: endTranscript(clip.text), samples, sampleRateHz, sourceRms };
  return { id, version: voiceVersion(content), promptSamples: samples.length, ...content };
}

async function builtInVoices(model: Model): Promise<PreparedVoice[]> {
  const { voices, audio } = model.description;
  return Promise.all(
    voices.map(async (voice) => {
      const decoded = await decodeAudio(await readFile(modelPath(model, voice)));
      return preparedVoice(
        voice.id,
        { decoded, text: voice.transcript, language: voice.language },
        audio.target_sample_rate,
      );
    }),
  );
}

async function lexiconOf({
  lexicon: file,
}: VoiceClip): Promise<{ source: LexiconSource; findings: VoiceFinding[] } | undefined> {
  if (file === undefined) return undefined;
  const { entries, skipped } =
    typeof file === 'string' ? await readLexicon(file) : readLexiconBytes(file.bytes, file.name);
  const message = skippedMessage(skipped);
  const findings: VoiceFinding[] = message === undefined ? [] : [{ check: 'lexicon', level: 'warning', message }];
  return { source: lexiconSource(entries), findings };
}

async function readClip({ audio, text }: VoiceClip): Promise<DecodedAudio> {
  if (text.trim() === '') {
    throw new NarratorError('voice_invalid', 'The transcript is empty.', {
      field: 'text',
      hint: 'Give the words that are said in the clip.',
    });
  }
  if (text.length > MAX_TRANSCRIPT_CHARACTERS) {
    throw new NarratorError(
      'voice_invalid',
      `The transcript has ${text.length} characters; the limit is ${MAX_TRANSCRIPT_CHARACTERS}.`,
      { field: 'text', limit: MAX_TRANSCRIPT_CHARACTERS },
    );
  }
  if (typeof audio !== 'string') return decodeAudio(audio, { maxSeconds: MAX_CLIP_SECONDS });
  const entry = await stat(audio).catch((cause: unknown) => {
    throw new NarratorError(
      'audio_undecodable',
      `${audio} cannot be read: there is no such file.`,
      { field: 'audio' },
      { cause },
    );
  });
  if (!entry.isFile()) throw new NarratorError('audio_undecodable', `${audio} is not a file.`, { field: 'audio' });
  if (entry.size > MAX_CLIP_BYTES) {
    throw new NarratorError('audio_undecodable', `${audio} has ${entry.size} bytes; the limit is ${MAX_CLIP_BYTES}.`, {
      field: 'audio',
      limit: MAX_CLIP_BYTES,
    });
  }
  return decodeAudio(await readFile(audio), { maxSeconds: MAX_CLIP_SECONDS });
}

function refuseErrors(findings: readonly VoiceFinding[]): void {
  const errors = findings.filter(({ level }) => level === 'error');
  if (errors.length === 0) return;
  throw new NarratorError('voice_invalid', errors.map(({ message }) => message).join(' '), { field: 'audio' });
}
