/** Money and units in Chinese. */
import { rule, type Rule } from '../rule.ts';
import { decimal } from './numbers.ts';

export const NUMBER = '(?:\\d{1,3}(?:,\\d{3}){1,5}(?!\\d)|\\d+)(?:\\.\\d+)?';
export const RANGE = ' ?[-–—~～至] ?';

const CURRENCIES: Readonly<Record<string, string>> = {
  '¥': '元',
  '￥': '元',
  $: '美元',
  '€': '欧元',
  '£': '英镑',
  US$: '美元',
  HK$: '港元',
  A$: '澳元',
  C$: '加元',
  USD: '美元',
  EUR: '欧元',
  GBP: '英镑',
  JPY: '日元',
  HKD: '港元',
  CNY: '元',
  RMB: '元',
};
const SIGN = '[¥￥$€£]';
const CODE = '(?:(?:US|HK|A|C)\\$|USD|EUR|GBP|JPY|HKD|CNY|RMB)';

/**
 * Written unit -> said. GB, MB and the like are left out: people say the letters.
 */
const UNITS: Readonly<Record<string, string>> = {
  km: '公里',
  '㎞': '公里',
  m: '米',
  cm: '厘米',
  '㎝': '厘米',
  mm: '毫米',
  '㎜': '毫米',
  nm: '纳米',
  'km²': '平方公里',
  'm²': '平方米',
  '㎡': '平方米',
  'cm²': '平方厘米',
  'm³': '立方米',
  'cm³': '立方厘米',
  ha: '公顷',
  kg: '公斤',
  '㎏': '公斤',
  g: '克',
  mg: '毫克',
  '㎎': '毫克',
  t: '吨',
  l: '升',
  L: '升',
  ml: '毫升',
  mL: '毫升',
  '㏄': '毫升',
  'km/h': '公里每小时',
  'm/s': '米每秒',
  '°C': '摄氏度',
  '℃': '摄氏度',
  '°F': '华氏度',
  '℉': '华氏度',
  '°': '度',
  Hz: '赫兹',
  kHz: '千赫',
  MHz: '兆赫',
  GHz: '吉赫',
  W: '瓦',
  kW: '千瓦',
  MW: '兆瓦',
  kWh: '千瓦时',
  V: '伏',
  mA: '毫安',
  mAh: '毫安时',
  Pa: '帕',
  kPa: '千帕',
  dB: '分贝',
  Mbps: '兆比特每秒',
  Gbps: '吉比特每秒',
  kcal: '千卡',
  h: '小时',
  min: '分钟',
  s: '秒',
  ms: '毫秒',
  USD: '美元',
  EUR: '欧元',
  GBP: '英镑',
  JPY: '日元',
  HKD: '港元',
  CNY: '元',
  RMB: '元',
};
export const UNIT = Object.keys(UNITS)
  .sort((a, b) => b.length - a.length)
  .join('|');

/** 'two' before a unit of measure; 二摄氏度 keeps its name. */
function amount(number: string, unit: string): string {
  return (number === '2' && !unit.endsWith('度') ? '两' : decimal(number)) + unit;
}

/** Tried at a digit. */
export const UNIT_RULES: readonly Rule[] = [
  rule(`(${NUMBER}) ?(${UNIT})(?![A-Za-z0-9²³])`, ([, number = '', unit = '']) => amount(number, UNITS[unit] ?? unit)),
];

/** Tried at a slash behind an amount: '5mg/kg', '300元/月'. */
export const PER_RULES: readonly Rule[] = [
  rule(
    `(?<=\\d ?(?:${UNIT}))/ ?(100 ?)?(${UNIT})(?![A-Za-z0-9²³])`,
    ([, hundred, unit = '']) => `每${hundred === undefined ? '' : '百'}${UNITS[unit] ?? unit}`,
  ),
  rule(`(?<=\\d ?(?:${UNIT}|[元块万亿吨克米])|\\d)/(?=[人个位天日周月年次件台亩平米吨斤升秒时分])`, '每'),
];

function money(sign: string, number: string, scale: string): string {
  return (number === '2' ? '两' : decimal(number)) + scale + (CURRENCIES[sign] ?? '');
}

/** Tried at a currency sign. */
export const MONEY_RULES: readonly Rule[] = [
  rule(
    `(${SIGN}) ?(${NUMBER})${RANGE}${SIGN}?(${NUMBER}) ?([万亿]*)`,
    ([, sign = '', first = '', last = '', scale = '']) => `${decimal(first)}到${money(sign, last, scale)}`,
  ),
  rule(`(${SIGN}) ?(${NUMBER}) ?([万亿]*)`, ([, sign = '', number = '', scale = '']) => money(sign, number, scale)),
];

/** Tried at a letter: 'HK$50', 'RMB 100'. */
export const CURRENCY_CODE_RULES: readonly Rule[] = [
  rule(
    `(${CODE}) ?(${NUMBER}) ?([万亿]*)`,
    ([, code = '', number = '', scale = '']) =>
      (code === 'RMB' || code === 'CNY' ? '人民币' : '') + money(code, number, scale),
  ),
];
