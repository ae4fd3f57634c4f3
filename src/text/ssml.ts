/**
 * SSML, W3C's Speech Synthesis Markup Language 1.1 (https://www.w3.org/TR/speech-synthesis11/): what a cloned voice can do of it.
 * What it cannot do is an error with its place, never left out in silence; the one exception is `emphasis`, whose text is
 * spoken as any other.
 */
import { MANIFEST_LIMITS, SPEED_MAX, SPEED_MIN } from '../core/manifest.ts';
import type { NarratorError } from '../core/errors.ts';
import { readingPlaces } from '../core/reading-override.ts';
import { PAUSE_MS } from './pauses.ts';
import { readXml, type XmlAttributes, xmlError, type XmlHandler, type XmlPlace } from './read-xml.ts';
import { readingOf, type SayAs } from './say-as.ts';
import { type Manner, type MarkedText, MarkedTextWriter, PAUSE_MS_MAX } from './spans.ts';
import {
  dateFormat,
  RATE_NAMES,
  rateSpeed,
  SAY_AS_NAMES,
  sayAsKind,
  STRENGTH_NAMES,
  strengthMs,
  timeMs,
} from './ssml-values.ts';
import type { VoiceNames } from './voice-names.ts';

const LIMITS = { charactersMax: MANIFEST_LIMITS.textCharactersMax, depthMax: 50, elementsMax: 100_000 } as const;
const READ_HERE = 'It can hold p, s, break, say-as, sub, phoneme, prosody, voice, lang and emphasis: see docs/text.md.';

const LANGUAGE = /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4}$/;
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
  readonly as: SayAs | { readonly kind: 'alias'; readonly text: string };
  /** where it begins in the text; undefined until there is something of it */
  start: number | undefined;
  written: string;
}

/** Attributes that each element takes. xml:lang is taken by those that the standard gives it to. */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  speak: ['version', 'xml:lang', 'xsi:schemaLocation', 'xml:base'],
  p: ['xml:lang'],
  s: ['xml:lang'],
  break: ['time', 'strength'],
  'say-as': ['interpret-as', 'format'],
  sub: ['alias'],
  phoneme: ['alphabet', 'ph'],
  prosody: ['rate'],
  voice: ['name', 'xml:lang'],
  lang: ['xml:lang'],
  emphasis: ['level'],
};

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
    this.#check(name, attributes, at, outer);
    if (name !== 'break' && this.#writer.mark(at.offset)) this.#writer.blockStart = at.offset;
    const language = this.#language(attributes['xml:lang'], at);
    const manner = { ...outer?.manner, ...(language !== undefined && { language }) };
    const element = {
      name,
      at,
      manner: this.#manner(name, attributes, at, manner),
      said: this.#said(name, attributes, at),
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

  #break({ time, strength = 'medium' }: XmlAttributes, at: XmlPlace): void {
    const ms = time === undefined ? strengthMs(strength) : timeMs(time);
    if (ms === undefined) {
      throw time === undefined
        ? problem(at, `has a break of the strength ${quoted(strength)}`, `It can be ${STRENGTH_NAMES}.`)
        : problem(at, `has a break of the time ${quoted(time)}`, 'Write it as 800ms or 1.5s.');
    }
    if (ms > PAUSE_MS_MAX) {
      const hint = 'Write several breaks, or a shorter one.';
      throw problem(at, `has a break of ${ms} ms; the limit is ${PAUSE_MS_MAX} ms`, hint).with({ limit: PAUSE_MS_MAX });
    }
    if (ms === 0) return;
    this.#writer.pauseHere(ms);
    this.#writer.skip(this.#source.indexOf('>', at.offset) + 1);
    this.#space = undefined;
    this.#tail = '';
  }

  #check(name: string, attributes: XmlAttributes, at: XmlPlace, outer: Element | undefined): void {
    const known = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;
    if (known === undefined) throw problem(at, `has the element <${shown(name)}>, which is not read`, READ_HERE);
    if ((outer === undefined) !== (name === 'speak')) {
      throw outer === undefined
        ? problem(at, `begins with <${name}>`, 'Put the whole text into one <speak> element.')
        : problem(at, 'has a <speak> within another', 'Put the whole text into one <speak> element.');
    }
    if (outer?.name === 'break' || outer?.said !== undefined) {
      throw problem(
        at,
        `has <${name}> within <${outer.name}>, which holds ${outer.said === undefined ? 'nothing' : 'text only'}`,
      );
    }
    if ((name === 'p' || name === 's') && this.#open.some((one) => one.name === 's' || one.name === name)) {
      throw problem(at, `has <${name}> within <${this.#open.some((one) => one.name === 's') ? 's' : name}>`);
    }
    const other = Object.keys(attributes).find((one) => !known.includes(one) && !/^xmlns(?::|$)/.test(one));
    if (other === undefined) return;
    const hint = known.length === 0 ? 'It takes none.' : `It takes ${known.join(', ')}.`;
    throw problem(at, `has the attribute ${shown(other)} on <${name}>, which is not read`, hint);
  }

  #language(tag: string | undefined, at: XmlPlace): string | undefined {
    if (tag === undefined || LANGUAGE.test(tag)) return tag;
    throw problem(at, `has the language ${quoted(tag)}`, 'Write it as a language tag such as "en" or "zh-CN".');
  }

  #manner(name: string, attributes: XmlAttributes, at: XmlPlace, manner: Manner): Manner {
    if (name === 'voice') {
      const voice = required('name', name, attributes, at);
      this.#voices.name(voice, at.offset);
      return { ...manner, voice };
    }
    if (name === 'lang') required('xml:lang', name, attributes, at);
    if (name !== 'prosody')
      return attributes['xml:lang'] === undefined ? (this.#open.at(-1)?.manner ?? manner) : manner;
    const rate = required('rate', name, attributes, at);
    const speed = rateSpeed(rate);
    if (speed === undefined) {
      throw problem(at, `has the rate ${quoted(rate)}`, `It can be ${RATE_NAMES}, default, or a number or percentage.`);
    }
    if (speed === 'default') {
      const { speed: _speed, ...rest } = manner;
      return rest;
    }
    if (speed < SPEED_MIN || speed > SPEED_MAX) {
      const limits = `Rates go from ${SPEED_MIN} (${SPEED_MIN * 100}%) to ${SPEED_MAX} (${SPEED_MAX * 100}%).`;
      throw problem(at, `has the rate ${quoted(rate)}, which is ${speed} times the voice's own`, limits);
    }
    return { ...manner, speed };
  }

  #said(name: string, attributes: XmlAttributes, at: XmlPlace): Said | undefined {
    const as = name === 'say-as' ? sayAsOf(attributes, at) : name === 'sub' ? aliasOf(attributes, at) : undefined;
    if (as !== undefined) return { as, start: undefined, written: '' };
    if (name !== 'phoneme') return undefined;
    const alphabet = required('alphabet', name, attributes, at);
    if (alphabet !== 'pinyin' && alphabet !== 'x-pinyin') {
      const hint =
        'Pinyin can be read: alphabet="pinyin" ph="chong2 qing4". For other languages, write a word as it sounds with <sub>.';
      throw problem(at, `has phonemes in the alphabet ${quoted(alphabet)}`, hint);
    }
    const syllables = required('ph', name, attributes, at).replace(/[\s-]+/gu, ' ');
    return { as: { kind: 'reading', syllables }, start: undefined, written: '' };
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

function sayAsOf(attributes: XmlAttributes, at: XmlPlace): SayAs {
  const interpretAs = required('interpret-as', 'say-as', attributes, at);
  const kind = sayAsKind(interpretAs);
  if (kind === undefined) {
    throw problem(at, `has interpret-as=${quoted(interpretAs)}, which is not read`, `It can be ${SAY_AS_NAMES}.`);
  }
  const { format } = attributes;
  // the two formats of a time differ in what they may look like, not in what they mean
  if (kind === 'time' && (format === undefined || /^hms(?:12|24)?$/.test(format))) return { kind };
  const dated = kind === 'date' && format !== undefined ? dateFormat(format) : undefined;
  if (format !== undefined && dated === undefined) {
    throw problem(
      at,
      `has the format ${quoted(format)} for ${quoted(interpretAs)}`,
      'Dates have one: mdy, dmy, ymd, md, dm, ym, my, y, m or d.',
    );
  }
  return kind === 'date' ? { kind, format: dated } : { kind };
}

function aliasOf(attributes: XmlAttributes, at: XmlPlace) {
  const text = required('alias', 'sub', attributes, at).replace(/\s+/gu, ' ').trim();
  return { kind: 'alias', text } as const;
}

function required(attribute: string, name: string, attributes: XmlAttributes, at: XmlPlace): string {
  const value = attributes[attribute];
  if (value === undefined || value.trim() === '') throw problem(at, `has <${name}> without ${attribute}`);
  return value.trim();
}

const VALUE_SHOWN = 60;
const shown = (value: string) => value.slice(0, VALUE_SHOWN);
const quoted = (value: string) => JSON.stringify(shown(value));

function problem(at: XmlPlace, what: string, hint?: string): NarratorError {
  return xmlError(at, what, 'the text', hint).with({ field: 'text' });
}
