/** What the attributes of SSML's elements mean here. Each function gives undefined for a value that it does not know. */
import { PAUSE_MS } from './pauses.ts';
import { DATE_FORMATS, type DateFormat, type SayAs } from './say-as.ts';

/** '500ms', '1.5s', '+2s' @returns milliseconds */
export function timeMs(value: string): number | undefined {
  const [, amount, unit] = /^\+?(\d{1,9}(?:\.\d{1,6})?|\.\d{1,6})(ms|s)$/.exec(value.trim()) ?? [];
  return amount === undefined ? undefined : Math.round(Number(amount) * (unit === 's' ? 1000 : 1));
}

/** In milliseconds. The standard leaves them to the speaker: here they are the pauses that punctuation and paragraphs have. */
const STRENGTHS: Readonly<Record<string, number>> = {
  none: 0,
  'x-weak': PAUSE_MS.clause,
  weak: PAUSE_MS.clause,
  medium: PAUSE_MS.sentence,
  strong: PAUSE_MS.paragraph,
  'x-strong': 1100,
};
export const strengthMs = (value: string): number | undefined => STRENGTHS[value.trim()];
export const STRENGTH_NAMES = Object.keys(STRENGTHS).join(', ');

/**
 * Equal steps that are heard, and which F5-TTS speaks cleanly: at half speed it drawls and distorts. Absolute, as the standard
 * has them: of the voice's own rate.
 */
const RATES: Readonly<Record<string, number>> = {
  'x-slow': 0.64,
  slow: 0.8,
  medium: 1,
  fast: 1.25,
  'x-fast': 1.56,
};

/** 'slow', '80%' and '0.8' (of the voice's own rate), '-20%' (less than it). @returns a speed, in bounds or not; 'default' is the item's */
export function rateSpeed(value: string): number | 'default' | undefined {
  const rate = value.trim();
  if (rate === 'default') return rate;
  if (Object.hasOwn(RATES, rate)) return RATES[rate];
  const [, sign, number, percent] = /^([+-]?)(\d{1,4}(?:\.\d{1,6})?|\.\d{1,6})(%?)$/.exec(rate) ?? [];
  if (number === undefined || (sign !== '' && percent === '')) return undefined;
  const amount = percent === '' ? Number(number) : Number(number) / 100;
  const speed = sign === '' ? amount : sign === '+' ? 1 + amount : 1 - amount;
  return Math.round(speed * 1e6) / 1e6;
}
export const RATE_NAMES = Object.keys(RATES).join(', ');

const KINDS: Readonly<Record<string, Exclude<SayAs['kind'], 'reading'>>> = {
  cardinal: 'cardinal',
  number: 'cardinal',
  ordinal: 'ordinal',
  characters: 'characters',
  'spell-out': 'characters',
  verbatim: 'characters',
  digits: 'digits',
  date: 'date',
  time: 'time',
  telephone: 'telephone',
  fraction: 'fraction',
  unit: 'unit',
};
export const SAY_AS_NAMES = Object.keys(KINDS).join(', ');

/** The kind of 'interpret-as', without the format that a date may have. */
export function sayAsKind(interpretAs: string): Exclude<SayAs['kind'], 'reading'> | undefined {
  return Object.hasOwn(KINDS, interpretAs) ? KINDS[interpretAs] : undefined;
}

/** 'mdy', and 'yyyymmdd' as others write it */
export function dateFormat(value: string): DateFormat | undefined {
  const short = value
    .trim()
    .toLowerCase()
    .replace(/([ymd])\1+/g, '$1');
  return DATE_FORMATS.find((format) => format === short);
}
