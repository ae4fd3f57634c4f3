/** SSML's elements and their attributes: which are read, and what each asks for. What is not read is an error with its place. */
import { SPEED_MAX, SPEED_MIN } from '../core/manifest.ts';
import type { NarratorError } from '../core/errors.ts';
import { type XmlAttributes, xmlError, type XmlPlace } from './read-xml.ts';
import type { SayAs } from './say-as.ts';
import { PAUSE_MS_MAX } from './spans.ts';
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

const READ_HERE = 'It can hold p, s, break, say-as, sub, phoneme, prosody, voice, lang and emphasis: see docs/text.md.';
const LANGUAGE = /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4}$/;
/** elements that hold text, and no other elements */
const TEXT_ONLY = ['say-as', 'sub', 'phoneme'];

/** @param open the elements around it, from the outermost on @throws NarratorError item_invalid: not read, or not here */
export function checkElement(
  name: string,
  attributes: XmlAttributes,
  at: XmlPlace,
  open: readonly { readonly name: string }[],
): void {
  const known = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;
  if (known === undefined) throw problem(at, `has the element <${shown(name)}>, which is not read`, READ_HERE);
  const outer = open.at(-1)?.name;
  if ((outer === undefined) !== (name === 'speak')) {
    const what = outer === undefined ? `begins with <${name}>` : 'has a <speak> within another';
    throw problem(at, what, 'Put the whole text into one <speak> element.');
  }
  if (outer === 'break') throw problem(at, `has <${name}> within <break>, which holds nothing`);
  if (outer !== undefined && TEXT_ONLY.includes(outer)) {
    throw problem(at, `has <${name}> within <${outer}>, which holds text only`);
  }
  const around = open.find((one) => one.name === 's' || (one.name === 'p' && name === 'p'));
  if ((name === 'p' || name === 's') && around !== undefined)
    throw problem(at, `has <${name}> within <${around.name}>`);
  const other = Object.keys(attributes).find((one) => !known.includes(one) && !/^xmlns(?::|$)/.test(one));
  if (other === undefined) return;
  throw problem(
    at,
    `has the attribute ${shown(other)} on <${name}>, which is not read`,
    `It takes ${known.join(', ')}.`,
  );
}

/** xml:lang; only <lang> must have it */
export function languageOf(name: string, attributes: XmlAttributes, at: XmlPlace): string | undefined {
  const tag = name === 'lang' ? required('xml:lang', name, attributes, at) : attributes['xml:lang'];
  if (tag === undefined || LANGUAGE.test(tag)) return tag;
  throw problem(at, `has the language ${quoted(tag)}`, 'Write it as a language tag such as "en" or "zh-CN".');
}

/** The rate of <prosody>; undefined for that of the item. */
export function speedOf(attributes: XmlAttributes, at: XmlPlace): number | undefined {
  const rate = required('rate', 'prosody', attributes, at);
  const speed = rateSpeed(rate);
  if (speed === undefined) {
    throw problem(at, `has the rate ${quoted(rate)}`, `It can be ${RATE_NAMES}, default, or a number or percentage.`);
  }
  if (speed === 'default') return undefined;
  if (speed >= SPEED_MIN && speed <= SPEED_MAX) return speed;
  const limits = `Rates go from ${SPEED_MIN} (${SPEED_MIN * 100}%) to ${SPEED_MAX} (${SPEED_MAX * 100}%).`;
  throw problem(at, `has the rate ${quoted(rate)}, which is ${speed} times the voice's own`, limits);
}

/** The silence of <break>, in milliseconds. A time counts before a strength. */
export function breakMs({ time, strength = 'medium' }: XmlAttributes, at: XmlPlace): number {
  const ms = time === undefined ? strengthMs(strength) : timeMs(time);
  if (ms === undefined) {
    throw time === undefined
      ? problem(at, `has a break of the strength ${quoted(strength)}`, `It can be ${STRENGTH_NAMES}.`)
      : problem(at, `has a break of the time ${quoted(time)}`, 'Write it as 800ms or 1.5s.');
  }
  if (ms <= PAUSE_MS_MAX) return ms;
  const hint = 'Write several breaks, or a shorter one.';
  throw problem(at, `has a break of ${ms} ms; the limit is ${PAUSE_MS_MAX} ms`, hint).with({ limit: PAUSE_MS_MAX });
}

/** How a text is said, or what is said in its place. */
export type SaidAs = SayAs | { readonly kind: 'alias'; readonly text: string };

/** What say-as, sub and phoneme ask for their text; undefined for other elements. */
export function saidAs(name: string, attributes: XmlAttributes, at: XmlPlace): SaidAs | undefined {
  if (name === 'say-as') return sayAsOf(attributes, at);
  if (name === 'sub') {
    return { kind: 'alias', text: required('alias', name, attributes, at).replace(/\s+/gu, ' ') };
  }
  return name === 'phoneme' ? readingBy(attributes, at) : undefined;
}

function readingBy(attributes: XmlAttributes, at: XmlPlace): SayAs {
  const alphabet = required('alphabet', 'phoneme', attributes, at);
  if (alphabet !== 'pinyin' && alphabet !== 'x-pinyin') {
    const hint =
      'Pinyin can be read: alphabet="pinyin" ph="chong2 qing4". For other languages, write a word as it sounds with <sub>.';
    throw problem(at, `has phonemes in the alphabet ${quoted(alphabet)}`, hint);
  }
  return { kind: 'reading', syllables: required('ph', 'phoneme', attributes, at).replace(/[\s-]+/gu, ' ') };
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

export function required(attribute: string, name: string, attributes: XmlAttributes, at: XmlPlace): string {
  const value = attributes[attribute];
  if (value === undefined || value.trim() === '') throw problem(at, `has <${name}> without ${attribute}`);
  return value.trim();
}

const VALUE_SHOWN = 60;
const shown = (value: string) => value.slice(0, VALUE_SHOWN);
export const quoted = (value: string) => JSON.stringify(shown(value));

export function problem(at: XmlPlace, what: string, hint?: string): NarratorError {
  return xmlError(at, what, 'the text', hint).with({ field: 'text' });
}
