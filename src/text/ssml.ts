/**
 * SSML, W3C's Speech Synthesis Markup Language 1.1 (https://www.w3.org/TR/speech-synthesis11/): what a cloned voice can do of it.
 * What it cannot do is an error with its place, never left out in silence; the one exception is `emphasis`, whose text is
 * spoken as any other.
 */
import { MANIFEST_LIMITS } from '../core/manifest.ts';
import { readingPlaces } from '../core/reading-override.ts';
import { PAUSE_MS } from './pauses.ts';
import { readXml, type XmlAttributes, type XmlHandler, type XmlPlace } from './read-xml.ts';
import { readingOf } from './say-as.ts';
import { type Manner, type MarkedText, MarkedTextWriter } from './spans.ts';
import {
  breakMs,
  checkElement,
  languageOf,
  problem,
  quoted,
  required,
  type SaidAs,
  saidAs,
  speedOf,
} from './ssml-elements.ts';
import type { VoiceNames } from './voice-names.ts';

const LIMITS = { charactersMax: MANIFEST_LIMITS.textCharactersMax, depthMax: 50, elementsMax: 100_000 } as const;
/** Ends in what closes a sentence: no further mark is needed. */
const SENTENCE_ENDS = /[.!?…。！？]["'”’»)）」』]*$/u;

interface Element {
  readonly name: string;
  readonly at: XmlPlace;
  readonly manner: Manner;
  /** its text is said by a rule of its own */
  readonly said: Said | undefined;
}

/** The content of say-as, phoneme or sub. */
interface Said {
  readonly as: SaidAs;
  /** where it begins in the text; undefined until there is something of it */
  start: number | undefined;
  written: string;
}

/** @throws NarratorError item_invalid, with line and column: not well-formed, or more than this reads */
export function readSsml(source: string, voices: VoiceNames): MarkedText {
  const reader = new SsmlReader(source, voices);
  readXml(source, reader, LIMITS);
  return reader.finish();
}

class SsmlReader implements XmlHandler {
  readonly #source: string;
  readonly #voices: VoiceNames;
  readonly #writer: MarkedTextWriter;
  readonly #open: Element[] = [];
  /** white space that is one space, if text follows it in its paragraph */
  #space: number | undefined;
  /** the last characters of the paragraph */
  #tail = '';

  constructor(source: string, voices: VoiceNames) {
    this.#source = source;
    this.#voices = voices;
    this.#writer = new MarkedTextWriter(source);
  }

  finish(): MarkedText {
    this.#writer.endBlock();
    return this.#writer.finish();
  }

  open(name: string, attributes: XmlAttributes, at: XmlPlace): void {
    const outer = this.#open.at(-1);
    checkElement(name, attributes, at, this.#open);
    if (name !== 'break' && this.#writer.mark(at.offset)) this.#writer.blockStart = at.offset;
    const language = languageOf(name, attributes, at);
    const as = saidAs(name, attributes, at);
    const element = {
      name,
      at,
      manner: this.#manner(name, attributes, at, { ...outer?.manner, ...(language !== undefined && { language }) }),
      said: as && { as, start: undefined, written: '' },
    };
    this.#open.push(element);
    if (name === 'p') this.#endParagraph();
    else if (name === 's') this.#endSentence(at.offset);
    else if (name === 'break') this.#break(attributes, at);
    if (element.manner !== outer?.manner) this.#writer.speak(element.manner, at.offset);
  }

  text(text: string, at: XmlPlace): void {
    const { name, said } = this.#open.at(-1) as Element;
    if (name === 'break' && text.trim() !== '') throw problem(at, 'has a text within <break>, which holds nothing');
    if (said !== undefined) said.written += text;
    if (said?.as.kind === 'alias') return;
    // a character by its name or number
    const isReplaced = text !== this.#source.slice(at.offset, at.offset + text.length);
    for (const { 0: part, index } of text.matchAll(/\s+|\S+(?: \S+)*/gu)) {
      const start = at.offset + (isReplaced ? 0 : index);
      if (/^\s/u.test(part)) this.#space ??= start;
      else this.#write(part, start, { said, isReplaced });
    }
  }

  close(name: string, at: XmlPlace): void {
    const element = this.#open.pop();
    if (element === undefined) return;
    if (element.said !== undefined) this.#endSaid(element, element.said, at);
    if (name === 'p') this.#endParagraph();
    else if (name === 's') this.#endSentence(at.offset);
    const outer = this.#open.at(-1);
    if (outer !== undefined && element.manner !== outer.manner) this.#writer.speak(outer.manner, at.offset);
  }

  #write(part: string, start: number, { said, isReplaced }: { said?: Said | undefined; isReplaced: boolean }): void {
    const writer = this.#writer;
    if (this.#space !== undefined) writer.space(this.#space);
    this.#space = undefined;
    if (said !== undefined) said.start ??= writer.length;
    if (isReplaced) writer.replace(part, start, this.#source.indexOf(';', start) + 1);
    else writer.write(start, start + part.length);
    this.#tail = (this.#tail + part).slice(-8);
  }

  #endParagraph(pauseMs?: number): void {
    this.#writer.endBlock(pauseMs);
    this.#space = undefined;
    this.#tail = '';
  }

  /** The marks of a sentence end it; where there are none, it ends as a paragraph does, with the pause of a sentence. */
  #endSentence(offset: number): void {
    if (SENTENCE_ENDS.test(this.#tail)) this.#space ??= offset;
    else this.#endParagraph(PAUSE_MS.sentence);
  }

  #break(attributes: XmlAttributes, at: XmlPlace): void {
    const ms = breakMs(attributes, at);
    if (ms === 0) return;
    this.#writer.pauseHere(ms);
    this.#writer.skip(this.#source.indexOf('>', at.offset) + 1);
    this.#space = undefined;
    this.#tail = '';
  }

  #manner(name: string, attributes: XmlAttributes, at: XmlPlace, manner: Manner): Manner {
    if (name === 'voice') {
      const voice = required('name', name, attributes, at);
      this.#voices.name(voice, at.offset);
      return { ...manner, voice };
    }
    if (name === 'prosody') {
      const { speed: _speed, ...rest } = manner;
      const speed = speedOf(attributes, at);
      return speed === undefined ? rest : { ...rest, speed };
    }
    return attributes['xml:lang'] === undefined ? (this.#open.at(-1)?.manner ?? manner) : manner;
  }

  #endSaid({ name, at }: Element, { as, start, written }: Said, end: XmlPlace): void {
    if (as.kind === 'alias') {
      const space = this.#space;
      if (space !== undefined) this.#writer.space(space);
      this.#space = undefined;
      this.#writer.replace(as.text, at.offset, end.offset);
      this.#tail = as.text.slice(-8);
      return;
    }
    if (start === undefined) throw problem(at, `has <${name}> without a text`);
    if (as.kind === 'reading') {
      const reading = readingOf(written, as.syllables);
      const [place] = readingPlaces(reading);
      if (place?.start !== 0 || place.end !== reading.length) {
        const hint =
          'Give a word of at most 32 characters, and a syllable with its tone for each Chinese one: chong2 qing4.';
        throw problem(at, `has the reading ${quoted(as.syllables)} for ${quoted(written.trim())}`, hint);
      }
    }
    this.#writer.span(start, as, at.offset);
  }
}
