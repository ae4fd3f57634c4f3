/**
 * Tags in square brackets, for texts that are read by people too:
 *
 *     [pause] [pause 800ms] [pause 1.5s]     silence
 *     [voice:anna] … [voice]                 another voice from here on; back to the item's own ([/voice] is the same)
 *     [anna] … [main]                        the same at the start of a line, as F5-TTS has it; text if there is no such voice
 *     [speed 0.8] … [/speed]                 1 is as fast as the voice's reference
 *     [spell]ABC-12[/spell]                  character by character
 *
 * Other brackets are text. So is a tag behind a backslash: \[pause].
 */
import { SPEED_MAX, SPEED_MIN } from '../core/manifest.ts';
import { VOICE_ID } from '../core/keys.ts';
import type { VoiceNames } from './voice-names.ts';
import { type Manner, type MarkedText, MarkedTextWriter, markupError, PAUSE_MS_MAX } from './spans.ts';

/** of a '[pause]' that does not say how long */
const PAUSE_MS_DEFAULT = 700;
/** between two who talk, where each begins a line: less than between paragraphs */
const TURN_PAUSE_MS = 450;
const SPELLED_MAX = 200;
/** F5-TTS's name for the voice that speaks where none is named */
const MAIN = 'main';

const ESCAPING_HINT = 'Write \\[ where a bracket is text.';

/** Not before '(': that is a link of Markdown. In Unicode mode. */
export const TAG = [
  `\\[spell\\](?<spelled>[^[\\]\\p{Cc}\\p{Zl}\\p{Zp}]{1,${SPELLED_MAX}})\\[\\/spell\\]`,
  '\\[(?<tag>\\/?(?:pause|voice|speed|spell))(?![\\p{L}\\p{N}_-])(?<argument>[^[\\]\\p{Cc}\\p{Zl}\\p{Zp}]{0,80})\\](?!\\()',
].join('|');

/** '[anna]' where a line begins; not a link, a definition or a footnote of Markdown. */
const NAME = /\[(?!(?:pause|voice|speed|spell)\])([A-Za-z0-9][A-Za-z0-9_-]{0,63})\](?![([:])/y;
const EMPTY_LINE_BEFORE = /(?:\r\n|\n|\r(?!\n))[ \t]{0,100}(?:\r\n|\n|\r(?!\n))[ \t]{0,100}$/;

/** What the tags of one text say, from left to right. */
export class TagReader {
  readonly #source: string;
  readonly #voices: VoiceNames;
  readonly #speeds: { speed: number; offset: number }[] = [];
  #voice: string | undefined;

  constructor(source: string, voices: VoiceNames) {
    this.#source = source;
    this.#voices = voices;
  }

  /** A match of TAG at `offset` of the source. @throws NarratorError item_invalid with line and column */
  read(
    writer: MarkedTextWriter,
    { tag, argument, offset, isLineStart }: { tag: string; argument: string; offset: number; isLineStart: boolean },
  ): void {
    const written = `[${tag}${argument}]`;
    const value = argument.replace(/^[: ] ?/, '').trim();
    if (tag === 'pause') {
      writer.pauseHere(this.#pauseMs(written, argument, offset));
      writer.skip(offset + written.length);
    } else if (tag === 'speed') this.#beginSpeed(writer, Number(value), { written, value, offset });
    else if (tag === '/speed' && value === '') this.#endSpeed(writer, offset);
    else if (tag === 'voice' && argument.startsWith(':')) {
      if (!VOICE_ID.test(value)) throw this.#no(written, 'no name of a voice', offset);
      this.#voices.name(value, offset);
      this.#switch(writer, value, offset, isLineStart);
    } else if ((tag === 'voice' || tag === '/voice') && value === '') {
      this.#switch(writer, undefined, offset, isLineStart);
    } else throw this.#no(written, TAG_PROBLEM[tag] ?? 'no tag', offset);
  }

  /** '[anna]' or '[main]' at `offset`, where a line begins. @returns its length, or 0 if it is text */
  readName(writer: MarkedTextWriter, offset: number): number {
    NAME.lastIndex = offset;
    const [whole, name] = NAME.exec(this.#source) ?? [];
    if (whole === undefined || name === undefined) return 0;
    if (name !== MAIN && !this.#voices.mayName(name, offset)) return 0;
    this.#switch(writer, name === MAIN ? undefined : name, offset, true);
    return whole.length;
  }

  /** @throws NarratorError item_invalid if something was never closed */
  finish(): void {
    const open = this.#speeds.at(-1);
    if (open === undefined) return;
    throw markupError(this.#source, open.offset, `has [speed ${open.speed}] without its [/speed]`, {
      hint: 'Write [/speed] where the speed ends.',
    });
  }

  #switch(writer: MarkedTextWriter, voice: string | undefined, offset: number, isLineStart: boolean): void {
    if (isLineStart) writer.endBlock(EMPTY_LINE_BEFORE.test(this.#before(offset)) ? undefined : TURN_PAUSE_MS);
    writer.mark(offset);
    this.#voice = voice;
    writer.speak(this.#manner(), offset);
  }

  #before(offset: number): string {
    return this.#source.slice(Math.max(0, offset - 210), offset);
  }

  #beginSpeed(
    writer: MarkedTextWriter,
    speed: number,
    { written, value, offset }: { written: string; value: string; offset: number },
  ): void {
    if (!/^\d{0,3}(?:\.\d{1,6})?$/.test(value) || value === '') throw this.#no(written, 'no speed', offset);
    if (speed < SPEED_MIN || speed > SPEED_MAX) {
      throw this.#no(written, `beyond the limits of ${SPEED_MIN} and ${SPEED_MAX}`, offset);
    }
    writer.mark(offset);
    this.#speeds.push({ speed, offset });
    writer.speak(this.#manner(), offset);
  }

  #endSpeed(writer: MarkedTextWriter, offset: number): void {
    if (this.#speeds.pop() === undefined) throw this.#no('[/speed]', 'not open', offset);
    writer.speak(this.#manner(), offset);
  }

  #manner(): Manner {
    const speed = this.#speeds.at(-1)?.speed;
    return { ...(this.#voice !== undefined && { voice: this.#voice }), ...(speed !== undefined && { speed }) };
  }

  #pauseMs(written: string, argument: string, offset: number): number {
    if (argument.trim() === '') return PAUSE_MS_DEFAULT;
    const [, amount, unit] = /^(?: +|: ?)(\d{1,6}(?:\.\d{1,3})?) ?(ms|s) *$/.exec(argument) ?? [];
    if (amount === undefined) throw this.#no(written, 'no pause', offset);
    const ms = Math.round(Number(amount) * (unit === 's' ? 1000 : 1));
    if (ms > PAUSE_MS_MAX) {
      throw markupError(
        this.#source,
        offset,
        `has ${written}, which is ${ms} ms long; the limit is ${PAUSE_MS_MAX} ms`,
        {
          hint: 'Write several pauses, or a shorter one.',
          limit: PAUSE_MS_MAX,
        },
      );
    }
    return ms;
  }

  #no(written: string, what: string, offset: number) {
    const name = /[a-z]+/.exec(written)?.[0] ?? '';
    const hint = `${TAG_HINT[name] ?? ''} ${ESCAPING_HINT}`.trim();
    return markupError(this.#source, offset, `has ${written}, which is ${what}`, { hint });
  }
}

const TAG_PROBLEM: Readonly<Record<string, string>> = {
  voice: 'no switch of the voice',
  '/voice': 'no switch of the voice',
  '/speed': 'no end of a speed',
  '/pause': 'no tag: a pause has no end',
  spell: `not closed by a [/spell] on the same line, at most ${SPELLED_MAX} characters later and without brackets between them`,
  '/spell': 'not opened by a [spell] on the same line',
};

const TAG_HINT: Readonly<Record<string, string>> = {
  pause: 'Write it as [pause], [pause 800ms] or [pause 1.5s].',
  voice: 'Write it as [voice:NAME], and [voice] to go back to the voice of the item.',
  speed: `Write it as [speed 0.8] … [/speed], with a number from ${SPEED_MIN} to ${SPEED_MAX}.`,
  spell: 'Write it as [spell]ABC-12[/spell].',
};

const IN_PLAIN_TEXT = new RegExp(
  ['\\\\(?<bracket>\\[)', TAG, '^(?<indent>[ \\t]{0,100})(?=\\[[A-Za-z0-9])'].join('|'),
  'gmu',
);
const LINE_START = /(?:^|[\n\r\u2028\u2029])[ \t]{0,100}$/;

/** Plain text with tags; without any, it is what it would be as plain text. @throws NarratorError item_invalid (see TagReader) */
export function readTaggedText(source: string, tags: TagReader): MarkedText {
  const writer = new MarkedTextWriter(source);
  let at = 0;
  for (const match of source.matchAll(IN_PLAIN_TEXT)) {
    const { index } = match;
    const { bracket, spelled, tag, argument = '', indent } = match.groups ?? {};
    if (index < at) continue;
    writer.write(at, index);
    at = index + match[0].length;
    if (bracket !== undefined) writer.write(at - 1, at);
    else if (spelled !== undefined) writeSpelled(writer, index, spelled);
    else if (tag !== undefined) {
      const isLineStart = LINE_START.test(source.slice(Math.max(0, index - 101), index));
      tags.read(writer, { tag, argument, offset: index, isLineStart });
    } else if (indent !== undefined) {
      const length = tags.readName(writer, at);
      at = length === 0 ? index : at + length;
    }
  }
  writer.write(at, source.length);
  tags.finish();
  return writer.finish();
}

/** '[spell]ABC-12[/spell]' at `offset` of the source */
export function writeSpelled(writer: MarkedTextWriter, offset: number, spelled: string): void {
  const start = offset + '[spell]'.length;
  writer.mark(offset);
  writer.write(start, start + spelled.length);
  writer.span(writer.length - spelled.length, { kind: 'characters' }, offset);
}
