/** From the lines of a manifest to planned items: checked, cut into segments, measured and seeded. Writes nothing. */
import { Cast } from './cast.ts';
import { DuplicateIndex } from './duplicate-index.ts';
import { NarratorError, toNarratorError } from './errors.ts';
import type { JobParameters } from './job.ts';
import { ItemLexicons } from './item-lexicons.ts';
import { segmentDigest } from './keys.ts';
import type { LexiconSource } from './lexicon.ts';
import {
  type ItemDefaults,
  MANIFEST_LIMITS,
  type ManifestFormat,
  type ManifestItem,
  type ManifestLimits,
} from './manifest.ts';
import { readManifest } from './manifest-reader.ts';
import type { SegmentText, VoicesNamed } from './ports.ts';
import { segmentSeed } from './seeds.ts';
import type { PlannedSegment, PlannedVoice, SpeechModel, SynthesisParameters, TextSegment } from './segment.ts';
import type { ItemPart, RejectedItem } from './shard.ts';
import type { VoiceLibrary, VoiceProfile } from './voice.ts';

/**
 * Reads an item's text from beside the manifest. At most `maxBytes`; nothing outside the manifest's folder. `source`: where the
 * manifest came from, as JobHead has it, for whoever plans manifests from several places.
 * @throws NarratorError text_file_unreadable, text_too_long
 */
export type ReadTextFile = (path: string, options: { maxBytes: number; source?: string }) => Promise<Uint8Array>;

export interface PlanDeps {
  readonly model: SpeechModel;
  readonly voices: VoiceLibrary;
  readonly segmentText: SegmentText;
  readonly voicesNamed: VoicesNamed;
  /** without it, items with a textFile are rejected */
  readonly readTextFile?: ReadTextFile;
  readonly limits?: Partial<ManifestLimits>;
  /** Awaited after every few thousand characters of text, which take some ten milliseconds: whoever else works in this process has a turn. */
  readonly turn?: () => Promise<unknown>;
}

/** What a job says about all of its items. */
export interface PlanOptions {
  readonly defaults?: ItemDefaults;
  readonly parameters: JobParameters;
  /** see ItemPart */
  readonly takes?: number;
  /** see ReadTextFile */
  readonly source?: string;
  /** the job's: before those of its voices */
  readonly lexicon?: LexiconSource;
}

/** Lines for which there is an entry; the others count for duplicates only. */
export type WantedLines = (line: number) => boolean;

/** A whole item: the part that has all of its segments. */
export interface PlannedItem extends ItemPart {
  /** of its text */
  characters: number;
}

export type PlannedEntry =
  | { readonly status: 'planned'; readonly item: PlannedItem }
  | { readonly status: 'rejected'; readonly rejected: RejectedItem };

export interface ManifestSource {
  readonly format: ManifestFormat;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Text that is planned at a stretch; an item's is one. */
const CHARACTERS_A_TURN = 10_000;

/** Unknown characters that an item's outcome names. */
const UNKNOWN_CHARACTERS_NAMED_MAX = 100;

/**
 * One entry a line, in order. Memory does not grow with the manifest, but for some 64 bytes an item to find duplicates.
 * @throws NarratorError manifest_invalid, manifest_too_large (see readManifest), and retryable errors of the voices' store
 */
export async function* planItems(
  manifest: ManifestSource,
  options: PlanOptions,
  deps: PlanDeps,
  isWanted: WantedLines = () => true,
): AsyncGenerator<PlannedEntry> {
  const limits = { ...MANIFEST_LIMITS, ...deps.limits };
  const checkDuplicates = duplicateCheck();
  const planItem = itemPlanner(options, deps, limits);
  let characters = 0;
  for await (const entry of readManifest(manifest.bytes, manifest.format, limits)) {
    if (!isWanted(entry.line)) {
      if ('item' in entry) checkDuplicates(entry.item, entry.line);
      continue;
    }
    if ('error' in entry) {
      yield rejection(entry.line, entry.error);
      continue;
    }
    const { line, item } = entry;
    try {
      const duplicate = checkDuplicates(item, line);
      if (duplicate !== undefined) throw duplicate;
      yield { status: 'planned', item: await planItem(item, line) };
    } catch (thrown) {
      const error = toNarratorError(thrown);
      // A store that fails now says nothing about the line: the planner starts again later.
      if (error.retryable) throw error;
      yield rejection(line, error.with({ line, item: item.id }));
    }
    // Reading a text file is a turn of its own.
    characters += item.text?.length ?? 0;
    if (characters < CHARACTERS_A_TURN) continue;
    characters = 0;
    await deps.turn?.();
  }
}

function rejection(line: number, error: NarratorError): PlannedEntry {
  const { item } = error.details;
  return { status: 'rejected', rejected: { line, ...(item !== undefined && { item }), error: error.toRecord() } };
}

/** Ids must differ exactly; outputs must differ on file systems that ignore case or normalise names. */
function duplicateCheck(): (item: ManifestItem, line: number) => NarratorError | undefined {
  const ids = new DuplicateIndex();
  const outputs = new DuplicateIndex();
  return (item, line) => {
    const sameId = ids.firstSeen(item.id, line);
    if (sameId !== undefined) {
      return new NarratorError('item_duplicate', `Line ${line}: the id ${item.id} is that of line ${sameId} already.`, {
        field: 'id',
      });
    }
    const sameOutput = outputs.firstSeen(item.output.normalize('NFC').toLowerCase(), line);
    if (sameOutput === undefined) return undefined;
    return new NarratorError(
      'item_duplicate',
      `Line ${line}: the output ${item.output} is that of line ${sameOutput} already (upper and lower case count as the same).`,
      { field: 'output' },
    );
  };
}

function itemPlanner(options: PlanOptions, deps: PlanDeps, limits: ManifestLimits) {
  const { model, segmentText, voicesNamed } = deps;
  const defaults = options.defaults ?? {};
  const cast = new Cast(deps.voices);
  const itemLexicons = new ItemLexicons(options.lexicon, deps.voices);
  // Once, not for each of a million lines.
  const place: TextPlace = { ...deps, limits, source: options.source };

  return async (item: ManifestItem, line: number): Promise<PlannedItem> => {
    const voice = await cast.ofItem(item.voice ?? defaults.voice, line);
    const language = item.language ?? defaults.language ?? 'auto';
    const parameters = { ...options.parameters, speed: item.speed ?? defaults.speed ?? 1 };
    const text = await textOf(item, line, place);
    const normalise = item.normalise ?? defaults.normalise;
    const emoji = item.emoji ?? defaults.emoji;
    const markup = item.markup ?? defaults.markup;
    const unsupported = item.unsupported ?? defaults.unsupported ?? 'error';
    const voices = await cast.ofText(voicesNamed(text, markup ?? 'none'));
    const voiceOf = (name: string | undefined) => (name === undefined ? undefined : voices.get(name)) ?? voice;
    const lexiconsOf = await itemLexicons.of([voice, ...voices.values()]);
    const pieces = segmentText(text, {
      language,
      fallback: voice.language,
      voices,
      lexicons: (name) => lexiconsOf(voiceOf(name)),
      maxBytes: (manner) => model.maxTextBytes(voiceOf(manner.voice), manner.speed ?? parameters.speed),
      ...(normalise && { normalise }),
      ...(emoji && { emoji }),
      ...(markup && { markup }),
    });
    const { speakable, unknown } = sift(pieces, model, line, unsupported);
    const baseSeed = item.seed ?? defaults.seed ?? '0';
    const segments = speakable.map((piece) =>
      plannedSegment(piece, { voice, ownVoice: voiceOf(piece.voice), parameters, baseSeed, model }),
    );
    return {
      line,
      item: item.id,
      output: item.output,
      voice: plannedVoice(voice),
      parameters,
      firstSegment: 0,
      totalSegments: segments.length,
      segments,
      ...(options.takes !== undefined && { takes: options.takes }),
      ...(item.metadata !== undefined && { metadata: item.metadata }),
      ...(unknown.length > 0 && { unknownCharacters: unknown.slice(0, UNKNOWN_CHARACTERS_NAMED_MAX) }),
      characters: text.length,
    };
  };
}

interface TextPlace extends Pick<PlanDeps, 'readTextFile'> {
  readonly limits: ManifestLimits;
  readonly source: string | undefined;
}

async function textOf(item: ManifestItem, line: number, place: TextPlace): Promise<string> {
  const { limits } = place;
  const field = item.text === undefined ? 'textFile' : 'text';
  const text = item.text ?? (await textOfFile(item.textFile as string, line, place));
  if (text.length > limits.textCharactersMax) {
    throw new NarratorError(
      'text_too_long',
      `Line ${line}: ${field} has ${text.length} characters, the limit is ${limits.textCharactersMax}.`,
      { field, limit: limits.textCharactersMax },
    );
  }
  if (text.trim() === '') {
    throw new NarratorError('text_empty', `Line ${line}: ${field} holds nothing but white space.`, { field });
  }
  return text;
}

/** A character takes at most three bytes of UTF-8 for each of its UTF-16 code units. */
const BYTES_PER_CHARACTER_MAX = 3;

async function textOfFile(path: string, line: number, { readTextFile, limits, source }: TextPlace): Promise<string> {
  const field = 'textFile';
  if (readTextFile === undefined) {
    throw new NarratorError(
      'text_file_unreadable',
      `Line ${line}: textFile cannot be used here: there is no folder that belongs to this manifest.`,
      { field, hint: 'Give the text itself, in the field text.' },
    );
  }
  const maxBytes = limits.textCharactersMax * BYTES_PER_CHARACTER_MAX;
  const bytes = await readTextFile(path, { maxBytes, ...(source !== undefined && { source }) });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new NarratorError('encoding_invalid', `Line ${line}: the file that textFile names is not valid UTF-8.`, {
      field,
    });
  }
}

/**
 * Leaves out segments of which the model would speak nothing (a line of emoji); their pauses stay.
 * @throws NarratorError text_unspeakable when nothing is left, or where the text has words of which the model knows no letter, unless
 * those shall be dropped
 */
function sift(pieces: readonly TextSegment[], model: SpeechModel, line: number, unsupported: 'error' | 'drop') {
  const speakable: TextSegment[] = [];
  const unknown = new Set<string>();
  const foreign = new Set<string>();
  for (const piece of pieces) {
    const lacking = new Set(model.unknownCharacters(piece.spoken));
    for (const character of lacking) unknown.add(character);
    if (lacking.size > 0) for (const word of foreignWords(piece.spoken, lacking)) foreign.add(word);
    const last = speakable.at(-1);
    if (canBeSpoken(piece.spoken, lacking)) speakable.push(piece);
    else if (last !== undefined) {
      speakable[speakable.length - 1] = { ...last, pauseAfterMs: Math.max(last.pauseAfterMs, piece.pauseAfterMs) };
    }
  }
  const last = speakable.at(-1);
  if (last === undefined) {
    const named = [...unknown].slice(0, 10).join(' ');
    throw new NarratorError(
      'text_unspeakable',
      named === ''
        ? `Line ${line}: the text has no letter or digit.`
        : `Line ${line}: the text has no letter or digit that the model ${model.id} knows; it lacks ${named}`,
      { field: 'text' },
    );
  }
  if (foreign.size > 0 && unsupported === 'error') {
    const named = [...new Set([...foreign].join(''))].slice(0, 20).join(' ');
    throw new NarratorError(
      'text_unspeakable',
      `Line ${line}: the text has ${foreign.size === 1 ? 'a word' : `${foreign.size} words`} of which the model ${model.id} knows no letter; it lacks ${named}`,
      {
        field: 'text',
        hint: 'Write it with characters that the model knows, choose another model, or leave such words out with "unsupported": "drop".',
      },
    );
  }
  if (last.pauseAfterMs !== 0) speakable[speakable.length - 1] = { ...last, pauseAfterMs: 0 };
  return { speakable, unknown: [...unknown] };
}

const WORDS = /\p{Script=Latin}+|\p{Script=Han}+|(?:(?!\p{Script=Latin}|\p{Script=Han})\p{L})+/gu;

/** Words in a script that the model was not made for: it lacks each of their letters. One that lacks a letter only is reported. */
function foreignWords(text: string, lacking: ReadonlySet<string>): string[] {
  const words = text.match(WORDS) ?? [];
  return words.filter((word) => Array.from(word).every((letter) => lacking.has(letter)));
}

function canBeSpoken(text: string, lacking: ReadonlySet<string>): boolean {
  for (const character of text) {
    if (!lacking.has(character) && /[\p{L}\p{N}]/u.test(character)) return true;
  }
  return false;
}

/** @param context.voice the item's @param context.ownVoice that of the segment */
function plannedSegment(
  piece: TextSegment,
  context: {
    voice: VoiceProfile;
    ownVoice: VoiceProfile;
    parameters: SynthesisParameters;
    baseSeed: string;
    model: SpeechModel;
  },
): PlannedSegment {
  const { voice, ownVoice, baseSeed, model } = context;
  const { spoken: text, written, language, pauseAfterMs, silent, speed = context.parameters.speed } = piece;
  const parameters = { ...context.parameters, speed };
  const seed = segmentSeed(baseSeed, text, language);
  return {
    key: segmentDigest({ text, voiceVersion: ownVoice.version, modelDigest: model.digest, parameters, seed }),
    text,
    ...(written !== text && { written }),
    language,
    frames: model.predictFrames(text, ownVoice, speed),
    seed,
    pauseAfterMs,
    ...(silent !== undefined && { silent }),
    ...(ownVoice.id !== voice.id && { voice: plannedVoice(ownVoice) }),
    ...(speed !== context.parameters.speed && { speed }),
  };
}

const plannedVoice = ({ id, version, promptSamples }: VoiceProfile): PlannedVoice => ({ id, version, promptSamples });
