/** Amounts of money and of everything else that has a unit, in English words. */
import { rule, type Rule, textAfter } from '../rule.ts';
import { cardinal, decimal } from './numbers.ts';
import { endsSentence } from './sentence-end.ts';

/** '1,234' or '1234', with decimals or without */
export const NUMBER = '(?:\\d{1,3}(?:,\\d{3}){1,5}(?![\\d])|\\d+)(?:\\.\\d+)?';
const SCALE = '(?: ?(?:thousand|million|billion|trillion|mn|bn|tn|[kKmMbB])\\b)?';

const SCALE_WORDS: Readonly<Record<string, string>> = {
  k: 'thousand',
  m: 'million',
  mn: 'million',
  b: 'billion',
  bn: 'billion',
  tn: 'trillion',
};

/** name of one, of many, of one hundredth, of many hundredths */
type Currency = readonly [string, string, string, string];
const DOLLAR: Currency = ['dollar', 'dollars', 'cent', 'cents'];
const POUND: Currency = ['pound', 'pounds', 'penny', 'pence'];
const EURO: Currency = ['euro', 'euros', 'cent', 'cents'];
const YEN: Currency = ['yen', 'yen', 'sen', 'sen'];
const YUAN: Currency = ['yuan', 'yuan', 'fen', 'fen'];
const RUPEE: Currency = ['rupee', 'rupees', 'paisa', 'paise'];
const WON: Currency = ['won', 'won', 'jeon', 'jeon'];
const CURRENCIES: Readonly<Record<string, Currency>> = {
  $: DOLLAR,
  '£': POUND,
  '€': EURO,
  '¥': YEN,
  '₹': RUPEE,
  '₩': WON,
  USD: DOLLAR,
  GBP: POUND,
  EUR: EURO,
  JPY: YEN,
  CNY: YUAN,
  RMB: YUAN,
  INR: RUPEE,
  KRW: WON,
  CHF: ['Swiss franc', 'Swiss francs', 'centime', 'centimes'],
  AUD: ['Australian dollar', 'Australian dollars', 'cent', 'cents'],
  CAD: ['Canadian dollar', 'Canadian dollars', 'cent', 'cents'],
  HKD: ['Hong Kong dollar', 'Hong Kong dollars', 'cent', 'cents'],
};
const CURRENCY_CODE = '(?:USD|GBP|EUR|JPY|CNY|RMB|INR|KRW|CHF|AUD|CAD|HKD)';
const COUNTRIES: Readonly<Record<string, string>> = {
  US: 'U.S ',
  A: 'Australian ',
  AU: 'Australian ',
  C: 'Canadian ',
  CA: 'Canadian ',
  HK: 'Hong Kong ',
  NZ: 'New Zealand ',
};

function amount(number: string, scale: string, currency: Currency, country = ''): string {
  const [one, many, hundredth, hundredths] = currency;
  const scaleName = scale.trim().toLowerCase();
  if (scaleName !== '') return `${decimal(number)} ${SCALE_WORDS[scaleName] ?? scaleName} ${country}${many}`;
  const [whole = '', fraction] = number.replaceAll(',', '').split('.');
  if (fraction !== undefined && fraction.length !== 2) return `${decimal(number)} ${country}${many}`;
  const small = Number(fraction ?? 0);
  const smallWords = `${cardinal(String(small))} ${small === 1 ? hundredth : hundredths}`;
  if (small > 0 && Number(whole) === 0) return smallWords;
  const wholeWords = `${cardinal(whole)} ${country}${whole === '1' ? one : many}`;
  return small > 0 ? `${wholeWords} and ${smallWords}` : wholeWords;
}

/** Tried at a currency sign; the minus before it is said by its own rule. */
export const MONEY_RULES: readonly Rule[] = [
  rule(
    `([$£€¥₹₩]) ?(${NUMBER})${SCALE} ?[-–] ?\\1?(${NUMBER})(${SCALE})(?![\\d])`,
    ([, sign = '', first = '', last = '', scale = '']) =>
      `${decimal(first)} to ${amount(last, scale, CURRENCIES[sign] ?? DOLLAR)}`,
  ),
  // the decimal comma of the continent
  rule('([$£€]) ?(\\d{1,9}),(\\d{2})(?![\\d,.]\\d|\\d)', ([, sign = '', whole = '', hundredths = '']) =>
    amount(`${whole}.${hundredths}`, '', CURRENCIES[sign] ?? DOLLAR),
  ),
  rule(`([$£€¥₹₩]) ?(${NUMBER})(${SCALE})`, ([, sign = '', number = '', scale = '']) =>
    amount(number, scale, CURRENCIES[sign] ?? DOLLAR),
  ),
];

/** Tried at a letter: 'US$5', 'USD 5'. */
export const CURRENCY_CODE_RULES: readonly Rule[] = [
  rule(`(${Object.keys(COUNTRIES).join('|')})\\$ ?(${NUMBER})(${SCALE})`, ([, country = '', number = '', scale = '']) =>
    amount(number, scale, DOLLAR, COUNTRIES[country]),
  ),
  rule(`(${CURRENCY_CODE}) ?(${NUMBER})(${SCALE})`, ([, code = '', number = '', scale = '']) =>
    amount(number, scale, CURRENCIES[code] ?? DOLLAR),
  ),
];

/**
 * Written unit -> said of many; of one it is without the last 's' unless ONE_OF says otherwise. Units of one letter that are
 * words or numbers' own marks (A, K, N, s, h) are left out: they do more harm than good.
 */
const UNITS: Readonly<Record<string, string>> = {
  km: 'kilometers',
  m: 'meters',
  cm: 'centimeters',
  mm: 'millimeters',
  µm: 'micrometers',
  μm: 'micrometers',
  nm: 'nanometers',
  mi: 'miles',
  ft: 'feet',
  yd: 'yards',
  'sq ft': 'square feet',
  'sq mi': 'square miles',
  'sq m': 'square meters',
  'sq km': 'square kilometers',
  'cu ft': 'cubic feet',
  'ft²': 'square feet',
  acres: 'acres',
  tbsp: 'tablespoons',
  tsp: 'teaspoons',
  gal: 'gallons',
  qt: 'quarts',
  'km²': 'square kilometers',
  'm²': 'square meters',
  'cm²': 'square centimeters',
  'm³': 'cubic meters',
  'cm³': 'cubic centimeters',
  km2: 'square kilometers',
  m2: 'square meters',
  m3: 'cubic meters',
  ha: 'hectares',
  kg: 'kilograms',
  g: 'grams',
  mg: 'milligrams',
  µg: 'micrograms',
  lb: 'pounds',
  lbs: 'pounds',
  oz: 'ounces',
  l: 'liters',
  L: 'liters',
  ml: 'milliliters',
  mL: 'milliliters',
  'km/h': 'kilometers per hour',
  kmh: 'kilometers per hour',
  kph: 'kilometers per hour',
  'm/s': 'meters per second',
  'm/s²': 'meters per second squared',
  mph: 'miles per hour',
  '°C': 'degrees Celsius',
  '℃': 'degrees Celsius',
  '°F': 'degrees Fahrenheit',
  '℉': 'degrees Fahrenheit',
  '°': 'degrees',
  '%': 'percent',
  '‰': 'per mille',
  Hz: 'hertz',
  kHz: 'kilohertz',
  MHz: 'megahertz',
  GHz: 'gigahertz',
  B: 'bytes',
  KB: 'kilobytes',
  kB: 'kilobytes',
  MB: 'megabytes',
  GB: 'gigabytes',
  TB: 'terabytes',
  GiB: 'gibibytes',
  MiB: 'mebibytes',
  kbps: 'kilobits per second',
  Mbps: 'megabits per second',
  'kbit/s': 'kilobits per second',
  'Mbit/s': 'megabits per second',
  'Gbit/s': 'gigabits per second',
  Gbps: 'gigabits per second',
  'MB/s': 'megabytes per second',
  'GB/s': 'gigabytes per second',
  W: 'watts',
  kW: 'kilowatts',
  MW: 'megawatts',
  GW: 'gigawatts',
  kWh: 'kilowatt hours',
  MWh: 'megawatt hours',
  V: 'volts',
  mV: 'millivolts',
  mA: 'milliamps',
  mAh: 'milliamp hours',
  Ω: 'ohms',
  '\u2126': 'ohms',
  Pa: 'pascals',
  kPa: 'kilopascals',
  hPa: 'hectopascals',
  psi: 'pounds per square inch',
  dB: 'decibels',
  J: 'joules',
  kJ: 'kilojoules',
  kcal: 'kilocalories',
  cal: 'calories',
  rpm: 'revolutions per minute',
  bpm: 'beats per minute',
  fps: 'frames per second',
  px: 'pixels',
  dpi: 'dots per inch',
  hr: 'hours',
  hrs: 'hours',
  min: 'minutes',
  mins: 'minutes',
  sec: 'seconds',
  secs: 'seconds',
  ms: 'milliseconds',
  '¢': 'cents',
  '€': 'euros',
  '£': 'pounds',
  $: 'dollars',
  EUR: 'euros',
  USD: 'dollars',
  GBP: 'pounds',
  CHF: 'Swiss francs',
};
const ONE_OF: Readonly<Record<string, string>> = {
  ft: 'foot',
  'sq ft': 'square foot',
  'ft²': 'square foot',
  'cu ft': 'cubic foot',
  mph: 'mile per hour',
  Hz: 'hertz',
  kHz: 'kilohertz',
  MHz: 'megahertz',
  GHz: 'gigahertz',
};
/** as Object.keys, the longest first, so that 'km/h' is not read as 'km' and a rest */
const UNIT = Object.keys(UNITS)
  .sort((a, b) => b.length - a.length)
  .map((unit) => unit.replaceAll('$', '\\$'))
  .join('|');

function unitName(unit: string, isOne: boolean): string {
  const many = UNITS[unit] ?? unit;
  if (!isOne) return many;
  const [first = '', ...rest] = many.split(' per ');
  return ONE_OF[unit] ?? [first.replace(/s(?= |$)/, ''), ...rest].join(' per ');
}

/** What stands behind 'per'. */
const PER: Readonly<Record<string, string>> = {
  s: 'second',
  sec: 'second',
  min: 'minute',
  h: 'hour',
  hr: 'hour',
  d: 'day',
  wk: 'week',
  mo: 'month',
  yr: 'year',
  kg: 'kilogram',
  g: 'gram',
  lb: 'pound',
  oz: 'ounce',
  L: 'liter',
  l: 'liter',
  dL: 'deciliter',
  ml: 'milliliter',
  km: 'kilometer',
  m: 'meter',
  cm: 'centimeter',
  'm²': 'square meter',
  'cm²': 'square centimeter',
  'm³': 'cubic meter',
  'cm³': 'cubic centimeter',
  '100 km': 'one hundred kilometers',
  kWh: 'kilowatt hour',
  GB: 'gigabyte',
  ...Object.fromEntries(
    ['second', 'minute', 'hour', 'day', 'night', 'week', 'month', 'year', 'person', 'head', 'user', 'page'].map(
      (word) => [word, word],
    ),
  ),
};
const PER_WORD = Object.keys(PER)
  .sort((a, b) => b.length - a.length)
  .join('|');

/** Tried at a slash behind an amount: '5 mg/kg', '$20/hour'. */
export const PER_RULES: readonly Rule[] = [
  rule(`(?<=\\d ?|\\d ?(?:${UNIT}))/ ?(${PER_WORD})(?![A-Za-z0-9²³])`, ([, word = '']) => ` per ${PER[word] ?? ''}`),
];

const COMPASS: Readonly<Record<string, string>> = { N: 'north', S: 'south', E: 'east', W: 'west' };

/** Tried at a digit. */
export const QUANTITY_RULES: readonly Rule[] = [
  rule(
    `(${NUMBER}) ?° ?([NSEW])(?![A-Za-z])`,
    ([, number = '', side = '']) => `${decimal(number)} ${unitName('°', number === '1')} ${COMPASS[side] ?? ''}`,
  ),
  // '5 ft. 10 in.': the dot is the unit's, and the sentence's too at its end
  rule(`(${NUMBER}) ?(ft|in|lbs?|oz|hrs?|mins?|secs?|yd|gal|qt)\\.(?![A-Za-z0-9])`, (match) => {
    const [, number = '', unit = ''] = match;
    const name = unit === 'in' ? (number === '1' ? 'inch' : 'inches') : unitName(unit, number === '1');
    return `${decimal(number)} ${name}${endsSentence(textAfter(match)) ? '.' : ''}`;
  }),
  rule(`(\\d{1,2})'(\\d{1,2})(?:"|'')`, ([, feet = '', inches = '']) =>
    [
      `${cardinal(feet)} ${feet === '1' ? 'foot' : 'feet'}`,
      `${cardinal(inches)} ${inches === '1' ? 'inch' : 'inches'}`,
    ].join(' '),
  ),
  rule(
    `(?<![A-Za-z])(${NUMBER})( ?|-)(${UNIT})(?![A-Za-z0-9²³$£€])`,
    ([, number = '', joint, unit = '']) =>
      // 'a 5-km run': a unit used as an adjective stays singular
      `${decimal(number)} ${unitName(unit, number === '1' || joint === '-')}`,
  ),
  // the name of a format or of a race
  rule(
    '(\\d{1,2})K(?= (?:TV|video|display|screen|monitor|resolution|camera|footage|run|race)s?\\b)',
    ([, number = '']) => `${cardinal(number)} K`,
  ),
  rule(
    `(${NUMBER}) ?([kK]|bn|mn)(?![A-Za-z0-9])`,
    ([, number = '', scale = '']) => `${decimal(number)} ${SCALE_WORDS[scale.toLowerCase()] ?? ''}`,
  ),
];

/** '3', '4' -> 'three quarters'; with 'over' where the denominator has no common name. */
export function fraction(numerator: string, denominator: string): string {
  const above = Number(numerator);
  const below = Number(denominator);
  const name = FRACTION_NAMES[below];
  if (name === undefined || above === 0) return `${cardinal(numerator)} over ${cardinal(denominator)}`;
  return `${cardinal(numerator)} ${above === 1 ? name[0] : name[1]}`;
}

const FRACTION_NAMES: Readonly<Record<number, readonly [string, string]>> = {
  2: ['half', 'halves'],
  3: ['third', 'thirds'],
  4: ['quarter', 'quarters'],
  5: ['fifth', 'fifths'],
  6: ['sixth', 'sixths'],
  7: ['seventh', 'sevenths'],
  8: ['eighth', 'eighths'],
  9: ['ninth', 'ninths'],
  10: ['tenth', 'tenths'],
  12: ['twelfth', 'twelfths'],
  16: ['sixteenth', 'sixteenths'],
  20: ['twentieth', 'twentieths'],
  32: ['thirty-second', 'thirty-seconds'],
  64: ['sixty-fourth', 'sixty-fourths'],
  100: ['hundredth', 'hundredths'],
  1000: ['thousandth', 'thousandths'],
};

/** '2 1/2' -> 'two and a half' */
export function mixedFraction(whole: string, numerator: string, denominator: string): string {
  const part = fraction(numerator, denominator);
  const spoken = numerator === '1' && !part.includes('over') ? part.replace('one ', 'a ') : part;
  return `${cardinal(whole)} and ${spoken}`;
}
